"""The process-wide switches of torch, set for a fit and put back after it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from skae.networks import rounded_factors

ONE_THREAD_FLOPS = 2e7
"""Below this much arithmetic a step, waking a second thread costs more than it does."""

_BFLOAT16_FLOPS = 1e7
"""From this much arithmetic a product, rounding its factors pays."""

_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "_alloc_failed",  # cuBLAS and its sisters
)
"""What the libraries below torch say, where torch has no exception of its own."""

# A child of fork has none of the threads that its parent's OpenMP pool believes in:
# it would wait for them for ever.
_in_forked_child = getattr(os, "register_at_fork", lambda **calls: None)
_in_forked_child(after_in_child=lambda: torch.set_num_threads(1))

Switch = TypeVar("Switch")


class _Shared(Generic[Switch]):
    """A switch of the whole process, which fits in several threads may set at once.

    The first of them notes how it stands, and the last one puts it back.
    """

    def __init__(
        self, read: Callable[[], Switch], write: Callable[[Switch], object]
    ) -> None:
        self._read, self._write = read, write
        self._users = 0
        self._unlock()
        _in_forked_child(after_in_child=self._unlock)

    def _unlock(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def at(self, value: Switch) -> Iterator[None]:
        """Set the switch while anyone is inside."""
        with self._lock:
            if self._users == 0:
                self._before = self._read()
            self._users += 1
            self._write(value)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._write(self._before)


_anomaly = _Shared(
    lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
    lambda mode: torch.autograd.set_detect_anomaly(*mode),
)


def _precision_of(switch: Any) -> _Shared[str]:
    return _Shared(
        lambda: str(switch.fp32_precision),
        lambda value: setattr(switch, "fp32_precision", value),
    )


_backends: Any = torch.backends
_products = {
    "cpu": (_precision_of(_backends.mkldnn.matmul), "bf16"),
    "cuda": (_precision_of(_backends.cuda.matmul), "tf32"),
}


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
        stack.enter_context(_anomaly.at((False, True)))
        stack.enter_context(_denormals())
        yield


@contextmanager
def threads(flops: float, most: int | None = None) -> Iterator[None]:
    """Take one thread for work of fewer than some 2e7 operations a step.

    For more than that, take `most`; None: as many as there are.
    """
    before = torch.get_num_threads()
    wanted = 1 if flops < ONE_THREAD_FLOPS else most or before
    if wanted == before:
        yield
        return
    torch.set_num_threads(wanted)
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
    """Make float32 matrix products of numbers rounded to bfloat16.

    A CPU with matrix units rounds all factors. One with instructions alone rounds
    those of large products, and their results, where gradients are written by hand;
    sums are float32 everywhere. Any other CPU goes on in float32, and a GPU rounds to
    its own 19-bit format (TF32), which is as fast there and more exact.
    """
    if not enabled:
        with rounded_factors(False):
            yield
        return
    switch, value = _products.get(device.type, _products["cpu"])
    with switch.at(value), rounded_factors(True):
        yield


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
    message = str(error).lower()
    return any(words in message for words in _OUT_OF_MEMORY)


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
