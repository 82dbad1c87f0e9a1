"""Pure arithmetic of load tests."""
