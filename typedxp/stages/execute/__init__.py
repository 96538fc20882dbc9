"""Executing runs that were allocated: here, or in worker processes."""
