"""The stage snapshot: which version of the code a run is launched from, kept as git objects."""
