"""The loop that everybody writes: DataLoader, Adam, autograd."""

from __future__ import annotations

from naive import NaiveLoop, NaiveVAE

NAME, PACKAGE = "naive loop", "torch"
NOTE = ""


def fit(X, work, watch):
    return _run(NaiveLoop(X, work.widths, work.batch_size, seed=work.seed), work, watch)


def fit_variational(X, work, watch):
    return _run(NaiveVAE(X, work.widths, work.batch_size, seed=work.seed), work, watch)


def _run(loop, work, watch):
    for _ in range(work.epochs):
        loop.epoch()
        watch.epoch_ends(loop.reconstruct)
    return loop.reconstruct
