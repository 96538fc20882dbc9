"""Reading: runs on disk as one lazy, labelled xarray Dataset."""
