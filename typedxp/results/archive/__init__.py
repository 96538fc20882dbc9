"""One file of a whole dataset, to be read without typedxp."""
