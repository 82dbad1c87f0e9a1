"""The command `jobctl`: parse, call the engine, render. It decides nothing."""
