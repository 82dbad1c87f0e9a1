"""Alerts as the specs declare them: found by one of the workers, delivered by jobs of their own."""
