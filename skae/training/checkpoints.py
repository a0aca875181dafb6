"""What a training needs to go on that was cut short, and the file that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from skae._atomic import remove
from skae.training.files import Arrays, read_arrays, write_arrays

_FORMAT = 1


class Remembers(Protocol):
    """What changes with every step, beside the weights: a `torch.Generator`, say."""

    def get_state(self) -> Tensor: ...

    def set_state(self, state: Tensor, /) -> object: ...


@dataclass(frozen=True)
class State:
    """Where a training stands.

    Attributes
    ----------
    numbers : mapping
        What JSON can say.
    arrays : dict of str to ndarray
        All else.
    is_over : bool
        Whether it has ended, and been settled.
    """

    numbers: Mapping[str, Any]
    arrays: Arrays
    is_over: bool = False


class Page(Protocol):
    """The place of one training in the checkpoint of its fit."""

    def read(self) -> State | None:
        """Where an earlier process has left it; None: it begins."""
        ...

    def write(self, state: State) -> None: ...

    def is_due(self, epoch: int) -> bool:
        """Whether its state is to be written after this epoch."""
        ...


class AnotherIdentityError(ValueError):
    """A checkpoint is that of something else: of what has the identity `found`."""

    def __init__(self, path: Path, found: Mapping[str, str]) -> None:
        self.found = found
        super().__init__(f"{path} is a checkpoint of something else")


class Checkpoint:
    """Where a fit stands, in a file: its trainings, one after another.

    Parameters
    ----------
    path : Path
        The file. It is written at once where there is none: the place is taken then.
    identity : mapping of str to str
        What is being fitted, to what, in words.

    Attributes
    ----------
    states : list of State
        Of all trainings that have begun.
    drawn : list of int
        The seeds that were drawn for the fit.

    Raises
    ------
    OSError
        If the file can be neither read nor written.
    AnotherIdentityError
        If it belongs to another fit.
    ValueError
        If it is damaged.
    """

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self._path, self._identity = path, dict(identity)
        self.states: list[State] = []
        self.drawn: list[int] = []
        try:
            self._begin()
        except FileNotFoundError:  # removed meanwhile, by a fit that has just ended
            self._begin()

    def _begin(self) -> None:
        """Take the place, or read what has been left there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(is_new=True)
        except FileExistsError:
            self._read()

    def put(self, number: int, state: State) -> None:
        """Write where the training of this number stands."""
        assert number <= len(self.states)  # one begins where the one before has ended
        self.states[number:] = [state]
        self._write()

    def remove(self) -> None:
        """Remove the file: the fit has ended."""
        remove(self._path)

    def _write(self, is_new: bool = False) -> None:
        arrays = {
            f"{number}/{name}": array
            for number, state in enumerate(self.states)
            for name, array in state.arrays.items()
        }
        header = {
            "format": _FORMAT,
            "identity": self._identity,
            "drawn": self.drawn,
            "trainings": [[state.is_over, state.numbers] for state in self.states],
        }
        write_arrays(self._path, header, arrays, is_new=is_new)

    def _read(self) -> None:
        header, arrays = read_arrays(self._path)
        if header.get("format") != _FORMAT:
            raise ValueError(
                f"{self._path} is a checkpoint of format {header.get('format')}, and "
                f"this version of skae reads format {_FORMAT}. Go on with the version "
                "that has written it, or delete it to start anew."
            )
        if header["identity"] != self._identity:
            raise AnotherIdentityError(self._path, header["identity"])
        self.drawn = header["drawn"]
        for number, (is_over, numbers) in enumerate(header["trainings"]):
            prefix = f"{number}/"
            own = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            self.states.append(State(numbers, own, is_over))
