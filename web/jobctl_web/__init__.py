"""The web console: pages and live updates over the inspector; `jobctl web` serves it."""
