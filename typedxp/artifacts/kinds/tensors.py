"""Owns the state of models: torch's own files, loaded as weights only, and safetensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.kinds.arrays import is_arrays
from typedxp.artifacts.kinds.kind import Kind, is_a, made_of
from typedxp.errors import ResultsError

if TYPE_CHECKING:
    import numpy as np
    import torch

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def _has_state(value: Any) -> bool:
    return is_a(
        value,
        "torch.nn.Module",
        "torch.optim.Optimizer",
        "torch.optim.lr_scheduler.LRScheduler",
    )


def _is_state(value: Any) -> bool:
    """Say whether torch loads ``value`` as weights only: tensors and plain values, and plain containers of them."""
    return _has_state(value) or made_of(value, _is_leaf, (dict, list, tuple, set))


def _is_leaf(value: Any) -> bool:
    return type(value) in _PLAIN or is_a(value, "torch.Tensor", "torch.dtype", "torch.device")


def _save_state(value: Any, path: Path) -> None:
    import torch

    torch.save(value.state_dict() if _has_state(value) else value, path)


def _load_state(path: Path) -> Any:
    import torch

    release = tuple(map(int, torch.__version__.split(".")[:2]))
    if release < (2, 6):
        # CVE-2025-32434: before, a file could execute code even so.
        raise ResultsError(f"torch {torch.__version__} does not load weights safely: install torch 2.6 or later.")
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_tensors(value: Any) -> bool:
    return is_a(value, "torch.nn.Module") or (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, str) and is_a(tensor, "torch.Tensor") for key, tensor in value.items())
    )


def _save_tensors(value: Mapping[str, torch.Tensor] | torch.nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    tensors: Mapping[str, torch.Tensor] = value if isinstance(value, Mapping) else value.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in OrderedDict(tensors).items()}, path)


def _load_tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = load_file(path)
    return tensors


def _save_arrays(value: Mapping[str, np.ndarray[Any, Any]], path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in value.items()}, path)


def _load_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors.numpy import load_file

    arrays: dict[str, np.ndarray[Any, Any]] = load_file(path)
    return arrays


KINDS = (
    Kind("torch", (".pt", ".pth"), _is_state, _save_state, _load_state),
    Kind("safetensors", (".safetensors",), _is_tensors, _save_tensors, _load_tensors),
    # Of its own, so that what was saved as arrays does not need torch to be loaded.
    Kind("safetensors_arrays", (".safetensors",), is_arrays, _save_arrays, _load_arrays),
)
