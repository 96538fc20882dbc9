"""The run store: the only place that knows what is where on disk."""
