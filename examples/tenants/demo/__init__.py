"""`make demo`: the whole system on one machine for a minute, with servers of its own on the loopback interface."""
