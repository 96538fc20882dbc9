"""Owns the comparison of two runs of the same config: what each recorded, value by value."""
