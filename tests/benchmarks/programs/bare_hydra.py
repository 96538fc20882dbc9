"""The shortest script that has Hydra and hydra-zen, and does nothing with them."""

import hydra
import hydra_zen  # noqa: F401 - what a script that builds its configs with it pays
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=None)
def main(config: DictConfig) -> None:
    pass


if __name__ == "__main__":
    main()
