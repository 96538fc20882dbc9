"""Declaring experiments: a function and its schema. Imports nothing heavy."""
