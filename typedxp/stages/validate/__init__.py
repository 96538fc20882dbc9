"""Validating: pydantic judges composed values, once, before anything exists."""
