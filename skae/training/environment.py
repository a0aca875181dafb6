"""The process-wide switches of torch, set for a fit and put back after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

_ONE_THREAD_FLOPS = 2e7
"""Below this much arithmetic a step, waking a second thread costs more than it does."""

_BFLOAT16_FLOPS = 1e7
"""From this much arithmetic a product, rounding its factors pays."""

# A child of fork has none of the threads that its parent's OpenMP pool believes in:
# it would wait for them for ever.
os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def neutral(device: torch.device) -> Iterator[None]:
    """Make torch and numpy compute here as they do in a fresh process.

    Gradient modes, autocast, anomaly detection, flushing of denormals and numpy's
    error state are the caller's own business, and must not change a fit's bits.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        for kind in {"cpu", device.type}:
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(torch.autograd.set_detect_anomaly(False))
        stack.enter_context(_denormals())
        yield


@contextmanager
def threads(flops: float) -> Iterator[None]:
    """Take one thread for work of fewer than some 2e7 operations a step."""
    before = torch.get_num_threads()
    if before == 1 or flops >= _ONE_THREAD_FLOPS:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def uses_bfloat16(precision: str, flops: float, device: torch.device) -> bool:
    """Whether products of `flops` operations are to be made in bfloat16.

    ``"auto"`` asks for it where it pays: in large products, on a CPU that has
    instructions for it. On a GPU it is left to be asked for by name.
    """
    if precision == "auto":
        return (
            device.type == "cpu"
            and flops >= _BFLOAT16_FLOPS
            and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        )
    return precision == "bfloat16"


@contextmanager
def bfloat16_products(enabled: bool, device: torch.device) -> Iterator[None]:
    """Round the factors of float32 matrix products to bfloat16; sums stay float32.

    A CPU without instructions for bfloat16 goes on in float32; a GPU rounds to its
    own 19-bit format (TF32), which is as fast there and more exact.
    """
    if not enabled:
        yield
        return
    if device.type == "cuda":
        switch, value = torch.backends.cuda.matmul, "tf32"
    else:
        switch, value = torch.backends.mkldnn.matmul, "bf16"
    before = switch.fp32_precision
    switch.fp32_precision = value
    try:
        yield
    finally:
        switch.fp32_precision = before


@contextmanager
def memory_errors(batch_size: int) -> Iterator[None]:
    """Turn every way of running out of memory into a MemoryError with a remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        raise MemoryError(
            f"Out of memory while training with batch_size={batch_size}: choose a "
            f"smaller batch_size, or smaller hidden_layer_sizes. ({error})"
        ) from error


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error)
    return "alloc" in message.lower() and "memory" in message


@contextmanager
def _denormals() -> Iterator[None]:
    """Keep denormal numbers; torch can set how this thread treats them, not tell."""
    smallest = torch.full((1,), 1e-45, dtype=torch.float32, device="cpu")
    if smallest.mul(1.0).item() != 0.0:
        yield
        return
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(True)
