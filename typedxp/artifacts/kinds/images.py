"""Owns images, by Pillow, and figures, by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.kinds.kind import Kind, is_a

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL.Image import Image


def _is_image(value: Any) -> bool:
    return is_a(value, "PIL.Image.Image")


def _is_pixels(value: Any) -> bool:
    """Say whether ``value`` is an array of bytes: gray (height, width), or RGB(A) (height, width, 3 or 4)."""
    if not is_a(value, "numpy.ndarray") or str(value.dtype) != "uint8" or 0 in value.shape:
        return False
    return value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (3, 4))


def _is_figure(value: Any) -> bool:
    return is_a(value, "matplotlib.figure.Figure")


def _save_image(value: Image, path: Path) -> None:
    value.save(path)


def _load_image(path: Path) -> Image:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image


def _save_pixels(value: np.ndarray[Any, Any], path: Path) -> None:
    from PIL import Image

    Image.fromarray(value).save(path)


def _load_pixels(path: Path) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.array(_load_image(path))


def _save_figure(value: Figure, path: Path) -> None:
    value.savefig(path, bbox_inches="tight")


def _path(path: Path) -> Path:
    return path


KINDS = (
    Kind("image", (".png", ".jpg", ".jpeg", ".tiff", ".webp"), _is_image, _save_image, _load_image),
    Kind("pixels", (".png",), _is_pixels, _save_pixels, _load_pixels),
    # A figure is there to be looked at: what comes back is the path of the picture.
    Kind("figure", (".png", ".svg", ".pdf"), _is_figure, _save_figure, _path),
)
