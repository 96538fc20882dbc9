"""Shipped for tests of experiments: by users and by third parties."""
