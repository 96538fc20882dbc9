"""What an artifact can hold: one file per family of kinds, each a row of the table."""
