"""Numbers as torch takes them fastest."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


def scalar(value: float, like: Tensor) -> Tensor:
    """`value` as a tensor of no axes, of the dtype and on the device of `like`.

    Not to be written to. Beside a small network, making a tensor of a Python number
    takes longer than the arithmetic with it.
    """
    return _scalar(value, like.dtype, like.device)


@lru_cache(maxsize=256)
def _scalar(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.full((), value, dtype=dtype, device=device)
