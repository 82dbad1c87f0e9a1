"""The tenants system: new tenants are set up in other services, people are invited by e-mail, old access ends.

Its jobs are declared in `jobspecs/`; `python -m examples.tenants.demo` runs all of it. `README.md` is the tour.
"""
