"""The values of a dataset: metrics and arrays of runs, read when they are used."""
