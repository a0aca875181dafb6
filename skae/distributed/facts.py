"""What all processes must have been given alike, in few words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from skae.data import Source

_ROWS = 64  # that stand for all


def in_words(given: Mapping[str, object]) -> dict[str, str]:
    """What is given, by name: arrays as shape, dtype and a digest of some rows."""
    return {name: _in_words(value) for name, value in given.items()}


def refuse_differences(said: Sequence[Mapping[str, str]]) -> None:
    """Raise a ValueError if what the processes said, `in_words`, is not the same."""
    first = said[0]
    for process, other in enumerate(said):
        for name in {**first, **other}:
            if first.get(name) != other.get(name):
                raise ValueError(
                    "All processes of the group must be given the same X and the same "
                    f"parameters, but {name} is {first.get(name)} in process 0 and "
                    f"{other.get(name)} in process {process}."
                )


def _in_words(value: object) -> str:
    if isinstance(value, Source):
        return f"{value.shape[0]} rows that begin with {_in_words(value[:_ROWS])}"
    if not isinstance(value, np.ndarray):
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    rows = np.ascontiguousarray(value[:: max(1, len(value) // _ROWS)])
    digest = hashlib.blake2b(rows.tobytes(), digest_size=4).hexdigest()
    return f"an array of shape {value.shape}, dtype {value.dtype} and digest {digest}"
