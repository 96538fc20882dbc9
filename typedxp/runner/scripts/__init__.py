"""Job scripts as users have them: read, and executed so that every sweep in them is submitted."""
