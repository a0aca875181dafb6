"""Rows on their way to the device that trains."""

from __future__ import annotations

import torch
from torch import Tensor

_LARGEST_SHARE = 0.6
"""Of a GPU's free memory, that the rows of a fit may take: the rest is for its steps,
and for evaluating them."""


def to_device(rows: Tensor, device: torch.device) -> Tensor:
    """Rows on `device`.

    They go to a GPU through pinned memory, from which it takes them while the host goes
    on: the next ones are read meanwhile.
    """
    if device.type != "cuda":
        return rows.to(device)
    return rows.pin_memory().to(device, non_blocking=True)


def fits_on(device: torch.device, n_bytes: float) -> bool:
    """Whether rows of so many bytes can be kept on `device` for the whole of a fit.

    What is on the CPU already is not asked for again.
    """
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return n_bytes <= _LARGEST_SHARE * free
