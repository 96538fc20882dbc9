"""Artifacts: values and files that a run keeps under a name, each whole or not there at all."""
