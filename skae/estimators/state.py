"""What becomes of an estimator when its fit fails: nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import wraps

from skae.distributed import process_group
from skae.estimators.callbacks import RUNNING


def all_or_none(fit):
    """Decorate `fit`: where it fails, in any process that shares it, it changes none.

    The parameters are to be validated within: only one process may find them wanting.
    """

    @wraps(fit)
    def fit_of_all(estimator, *args, **kwargs):
        with all_or_nothing(estimator), process_group().as_one():
            return fit(estimator, *args, **kwargs)

    return fit_of_all


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


def changes(before, after):
    """Tell in what the parts of two fits differ: "n_features was 4 and is 5"."""
    told = []
    for old, new in zip(before, after, strict=True):
        if type(old) is not type(new) or not is_dataclass(new):
            told += [f"{old} became {new}"] if old != new else []
            continue
        values = [
            (f.name, getattr(old, f.name), getattr(new, f.name)) for f in fields(new)
        ]
        told += [f"{name} was {a} and is {b}" for name, a, b in values if a != b]
    return "; ".join(told)
