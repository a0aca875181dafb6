"""What becomes of an estimator when its fit fails: nothing."""

from __future__ import annotations

from contextlib import contextmanager

from skae.estimators.callbacks import RUNNING


@contextmanager
def all_or_nothing(estimator):
    """Put all attributes back as they were when the block fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        running = {k: v for k, v in vars(estimator).items() if k in RUNNING}
        vars(estimator).clear()
        vars(estimator).update(before | running)
        raise
