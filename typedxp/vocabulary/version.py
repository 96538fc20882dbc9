"""Owns the version of typedxp, which every run records."""

VERSION = "0.1.0"
