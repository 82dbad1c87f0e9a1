"""The sides of a load test. Each runs in processes of its own: `python -m jobctl.bench.subjects.ours`."""
