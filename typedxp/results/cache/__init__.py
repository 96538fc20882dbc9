"""What is kept of finished runs so that reading them again is fast: deleting it loses nothing."""
