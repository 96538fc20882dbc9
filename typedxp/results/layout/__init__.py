"""How runs become a dataset: the dimensions, and where along them each run stands."""
