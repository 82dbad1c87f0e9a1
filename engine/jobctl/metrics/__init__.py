"""Metrics for Prometheus, in its own format or in OpenMetrics: of the broker's state, and of each worker process."""
