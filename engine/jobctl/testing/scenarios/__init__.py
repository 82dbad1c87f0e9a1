"""Scenarios: jobs at simulated times, with outcomes that are given, and what is expected to come of it, as data.

`reading` takes them from YAML, `play` runs one on the real scripts with the stepped clock, `checks` compares.
"""
