"""Compose the config of `union.py` with Hydra alone, once per point: `python compose.py POINTS`."""

import sys

import hydra
from hydra.core.config_store import ConfigStore

store = ConfigStore.instance()
store.store(group="optimizer", name="sgd", node={"kind": "sgd", "lr": 0.1})
store.store(group="optimizer", name="adam", node={"kind": "adam", "lr": 1e-3, "betas": [0.9, 0.999]})
store.store(name="config", node={"defaults": [{"optimizer": "sgd"}, "_self_"], "seed": 0, "epochs": 10})

with hydra.initialize(version_base="1.3", config_path=None):
    for seed in range(int(sys.argv[1])):
        name = ("sgd", "adam")[seed % 2]
        config = hydra.compose("config", [f"optimizer={name}", "optimizer.lr=0.01", f"seed={seed}"])
        assert config.optimizer.kind == name
