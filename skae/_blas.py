"""Threads of numpy's and scipy's linear algebra."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_ONE_THREAD_FLOPS = 2e8
"""Below this much arithmetic in all, their threads are not worth their spinning."""

_OURS = "scipy_openblas32"  # always at one thread: see skae.networks.openblas

_ours = threading.RLock()


@contextmanager
def numpy_threads(flops: float, most: int) -> Iterator[None]:
    """Let numpy and scipy take a thread for few operations, and else `most` at most.

    Each of the two has threads of its own, which go on spinning when their work is
    done: in the way of the other's and of torch's, which then wait for a core. The
    number is that of the process: while somebody is inside, other threads change
    nothing.
    """
    if not _ours.acquire(blocking=False):
        yield
        return
    try:
        now = (
            library.num_threads
            for library in _blas().lib_controllers
            if _OURS not in library.filepath
        )
        wanted = 1 if flops < _ONE_THREAD_FLOPS else most
        with _blas().limit(limits=min([wanted, *now])):
            yield
    finally:
        _ours.release()


@cache
def _blas() -> ThreadpoolController:
    """Control of these threads."""
    import scipy.linalg  # noqa: F401  that it is there to be found

    return ThreadpoolController().select(user_api="blas")
