"""The config file: `jobctl.toml`, or `[tool.jobctl]` in `pyproject.toml`, with contexts for several brokers."""
