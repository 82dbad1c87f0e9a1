"""The report of a load test: a page to read, its plots as files, and the figures as JSON."""
