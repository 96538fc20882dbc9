"""Owns how tensors of other libraries become arrays and pixels; what they can do themselves is all that it takes."""

from __future__ import annotations

from typing import Any


def to_array(value: Any) -> Any:
    """Return a numpy array for a torch tensor; anything else is returned as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def to_pixels(image: Any, axes: str) -> Any:
    """Return bytes of the shape (height, width) or (height, width, channels).

    ``axes`` says in which order the image has its height (H), width (W) and channels (C). Numbers with a fraction are
    between 0 and 1, whole ones between 0 and 255.
    """
    pixels = to_array(image).transpose([axes.index(axis) for axis in "HWC" if axis in axes])
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return (pixels * 255 if pixels.dtype.kind == "f" else pixels).clip(0, 255).astype("uint8")
