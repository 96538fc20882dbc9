"""The words that the stages exchange: frozen values without behaviour beyond their own invariants."""
