"""The environment of runs: what is known of the interpreter, the machine, the packages and the variables."""
