"""Cron: next times (pure) and ticks, each claimed once."""
