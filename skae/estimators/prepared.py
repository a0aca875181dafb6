"""torch, as a training wants it."""

from __future__ import annotations

from contextlib import contextmanager

from skae.networks import plain_numbers
from skae.training import (
    bfloat16_products,
    memory_errors,
    neutral,
    threads,
    uses_bfloat16,
)


@contextmanager
def prepared(device, precision, network, batch_size):
    """Let torch be as training wants it, and put it back after that.

    Parameters
    ----------
    device : torch.device
        On which it trains.
    precision : str
        The parameter of that name.
    network : Network
        What is trained.
    batch_size : int
        Most rows of a step.
    """
    products = [batch_size * n for n in network.operations()]
    bfloat16 = uses_bfloat16(precision, max(products), device)
    with (
        neutral(device),
        threads(3 * sum(products)),
        bfloat16_products(bfloat16, device),
        plain_numbers(),
        memory_errors(batch_size),
    ):
        yield
