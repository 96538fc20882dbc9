"""A bundle: runs with all that made them, as one self-contained RO-Crate for whoever wants to check them."""
