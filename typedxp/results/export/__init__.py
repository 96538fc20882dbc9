"""Writing finished runs into the offline stores of other systems."""
