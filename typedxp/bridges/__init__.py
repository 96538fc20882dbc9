"""Bridges: what already logs to another library logs to a run. Import one by name, as in ``typedxp.bridges.keras``."""
