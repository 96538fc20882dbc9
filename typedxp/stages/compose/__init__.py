"""Composing: schema, YAML and overrides become plain values, each with its origin. Owns Hydra and OmegaConf."""
