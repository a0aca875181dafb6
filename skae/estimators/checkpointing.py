"""Fits that outlive their process: where their state is kept, and whose it is."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from sklearn.utils._param_validation import Interval

from skae.data import CONTENT, differences
from skae.distributed import process_group
from skae.estimators.identity import identity_of
from skae.training import AnotherIdentityError, Checkpoint, Lock

FIT = "{fit}"
"""In `checkpoint_dir`, what stands for a name of each fit's own."""

CHECKPOINT_CONSTRAINTS = {
    "checkpoint_dir": [str, os.PathLike, None],
    "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
}

_FILE = "checkpoint.safetensors"
_LOCK = "checkpoint.lock"


class Nowhere:
    """What a fit has that does not outlive its process."""

    def was_stopped(self):
        """Take note that a callback has ended a training: it makes no difference."""

    def page(self):
        """Place of the next training: there is none."""

    def entropy(self, drawn):
        """Seed of the fit: the one that was drawn."""
        return drawn


class FitCheckpoint:
    """Checkpoint of a fit, kept by the leading one of the processes that share it.

    Parameters
    ----------
    file : Checkpoint or None
        None: another process has it.
    every : int
        Epochs from one state that is written to the next.
    folder : str
        Where it is, as the parameter says it: with a name of the fit's own in it, it is
        kept when the fit has ended.
    """

    def __init__(self, file, every, folder):
        self.file, self.every, self.folder = file, every, folder
        self._stays = FIT in folder
        self._pages, self._n_drawn = [], 0

    def end(self, error=None):
        """Remove it where nobody is to go on from it.

        An interrupt leaves it, and errors do, but for those that would come again.
        """
        if self.file is None:
            return
        done = error is None and self.are_over(len(self._pages))
        hopeless = isinstance(error, FloatingPointError) or not self.file.states
        if hopeless or (done and not self._stays):
            self._remove()

    def _remove(self):
        """Remove it; where that fails, the fit has come to what it has come to."""
        try:
            self.file.remove()
        except OSError as error:
            warnings.warn(
                "The checkpoint of a fit that has ended, in checkpoint_dir="
                f"{self.folder!r}, could not be removed ({error}). Remove it yourself: "
                "the next such fit would be taken from it, and another one refused.",
                RuntimeWarning,
                stacklevel=2,
            )

    def was_stopped(self):
        """Take note that a callback has ended a training: it is this fit's alone."""
        self._stays = False

    def are_over(self, n):
        """Whether the first `n` trainings have come to their end."""
        return all(page.is_over for page in self._pages[:n])

    def page(self):
        """Place of the next training."""
        self._pages.append(_Page(self, len(self._pages)))
        return self._pages[-1]

    def entropy(self, drawn):
        """Seed of the fit: `drawn` just now, unless one was drawn before it was cut."""
        if self.file is None:
            return drawn
        known = self.file.drawn
        if self._n_drawn == len(known):
            known.append(drawn)
        self._n_drawn += 1
        return known[self._n_drawn - 1]


@dataclass
class _Page:
    """Place of one training in the checkpoint of its fit."""

    checkpoint: FitCheckpoint
    number: int
    is_over: bool = False

    @property
    def _is_next(self):
        """Whether all trainings before this one are over.

        One that was interrupted is not. What follows from it does not follow from its
        end, where the next fit comes to.
        """
        return self.checkpoint.are_over(self.number)

    def read(self):
        """Where a process before this one has left it, or None."""
        file, state = self.checkpoint.file, None
        if self._is_next and file is not None and self.number < len(file.states):
            state = file.states[self.number]
        state = process_group().told(state)
        self.is_over = state is not None and state.is_over
        return state

    def is_due(self, epoch):
        """Whether its state is to be written after this epoch."""
        return epoch % self.checkpoint.every == 0

    def write(self, state):
        """Write where it stands; where that fails, training is worth going on."""
        if self.checkpoint.file is not None and self._is_next:
            self._put(state)
        self.is_over = state.is_over  # not of one that was interrupted just now

    def _put(self, state):
        try:
            self.checkpoint.file.put(self.number, state)
        except OSError as error:
            warnings.warn(
                "A checkpoint could not be written to checkpoint_dir="
                f"{self.checkpoint.folder!r} ({error}). Training goes on; the "
                "checkpoint before, if there is one, is as it was.",
                RuntimeWarning,
                stacklevel=3,
            )


_current = ContextVar("checkpoint", default=None)
_lent = ContextVar("lent checkpoint", default=None)


def current_checkpoint():
    """Return that of the fit that is being made."""
    return _current.get() or Nowhere()


@contextmanager
def lent_checkpoint():
    """Let fits that are made in here be parts of the one that is being made."""
    token = _lent.set(_current.get())
    try:
        yield
    finally:
        _lent.reset(token)


@contextmanager
def checkpointed(estimator, **data):
    """Keep the state of a fit of `estimator` to `data`, if its parameters say so.

    A fit within this one, such as a callback might make, is a fit of its own, but for
    those for which the checkpoint is lent.

    Parameters
    ----------
    estimator : estimator object
        Whose parameters say where and how often.
    **data : ndarray, Source or None
        All that it is fitted to.

    Raises
    ------
    OSError
        If there is no place for it.
    ValueError
        If the place is taken by another fit, or by the same one that is being made.
    """
    lent = _lent.get()
    with ExitStack() as held:
        own = None if lent else _open(estimator, data, held)
        tokens = _current.set(lent or own), _lent.set(None)
        try:
            yield
        except BaseException as error:
            if own is not None:
                own.end(error)
            raise
        finally:
            _current.reset(tokens[0])
            _lent.reset(tokens[1])
        if own is not None:
            own.end()


def refuse_checkpoints(estimator):
    """Refuse to keep checkpoints of a fit in parts.

    Raises
    ------
    ValueError
        If the parameters ask for it.
    """
    if _folder_of(estimator):
        raise ValueError(
            "partial_fit keeps no checkpoints: a part is one pass over its rows. Set "
            "checkpoint_dir=None, and save the estimator between two parts: it goes on "
            "from there."
        )


def _open(estimator, data, held):
    """Checkpoint of a fit, or None; the leading process decides for all.

    What is `held` until the fit has ended is put there.
    """
    group = process_group()
    folder = group.told(_folder_of(estimator))
    if not folder:
        return None
    file = error = None
    if group.leads:
        identity = identity_of(estimator, data)
        try:
            file = _take(folder, identity, held)
        except OSError as caught:
            error = _with_parameter(caught, folder)
        except ValueError as caught:
            error = caught
    error = group.told(error)
    if error is not None:
        raise error
    return FitCheckpoint(file, estimator.checkpoint_every, folder)


def _take(folder, identity, held):
    """The file of a fit; None, if the same one is being made in a folder of its own.

    That fit needs no checkpoint: it does no harm to make it twice, and the other one
    sees to its own.
    """
    said = json.dumps(identity).encode()
    own_name = hashlib.blake2b(said, digest_size=8).hexdigest()
    place = Path(folder.replace(FIT, own_name))
    place.mkdir(parents=True, exist_ok=True)
    lock = Lock(place / _LOCK)
    held.callback(lock.release)
    if not lock.acquire():
        if FIT in folder:
            return None
        raise ValueError(
            f"checkpoint_dir={folder!r} is in use: another process or thread is making "
            "a fit there at this moment. Wait for its end, or choose another "
            f"checkpoint_dir. {_FOR_SEARCHES} If nobody is at work there, because a "
            f"machine was lost that shares its disk, delete {lock.path}."
        )
    path = place / _FILE
    try:
        return Checkpoint(path, identity)
    except AnotherIdentityError as error:
        raise ValueError(_refusal(path, differences(error.found, identity))) from None


_FOR_SEARCHES = (
    "In a search, end checkpoint_dir in '{fit}', which gives each fit a folder of its "
    "own."
)


def _refusal(path, found):
    """What is said of the checkpoint of a fit that differs in what was `found`."""
    said = "; ".join(_difference(name, *what) for name, what in found.items())
    hint = ""
    if any(name.startswith(CONTENT) for name in found):
        hint = ", with the same numbers in the same order"
    if "the fit before" in found or "RandomState" in said:
        hint += (
            " when it began: with a RandomState in that state, or warm_start=True "
            "after the same fit. An interrupted estimator has moved on"
        )
    return (
        f"{path} is the checkpoint of another fit, which has not ended: {said}. To go "
        f"on with that fit, call it as it was{hint}. To start anew, delete the file or "
        f"choose another checkpoint_dir. {_FOR_SEARCHES}"
    )


def _difference(name, was, now):
    if name.startswith(CONTENT):
        name = name.removeprefix(CONTENT)
        return f"{name} has the shape and the type that it had, but other numbers"
    return f"{name} was {was} and is {now}"


def _with_parameter(error, folder):
    """An error of the operating system that says which parameter has led to it."""
    said = f"checkpoint_dir={folder!r} cannot be used: {error.strerror or error}"
    return type(error)(error.errno, said, error.filename)


def _folder_of(estimator):
    """Folder that the parameters name; none for a fit without epochs."""
    folder = getattr(estimator, "checkpoint_dir", None)
    if folder is None or not getattr(estimator, "_has_epochs", True):
        return ""
    return os.path.expanduser(os.fspath(folder))
