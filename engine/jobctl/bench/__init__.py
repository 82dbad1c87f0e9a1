"""`jobctl bench`: runs a scenario against workers of its own, and reports what it saw.

The generator is native, not Locust: one Locust process drives some thousand jobs a second, a worker does ten times
that. Locust (`jobctl.loadtest`) is for load that comes from many machines, or that people steer in a browser.
"""
