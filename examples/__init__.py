"""Applications that show jobctl at work. Not part of the distribution."""
