"""The user's interrupts, which all processes are to act upon at the same point."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Takes note of an interrupt, where it would otherwise be raised at once.

    A process that left a fit by itself would leave the others waiting for it.

    Attributes
    ----------
    pending : bool
        Whether there was one that nobody has acted upon yet.
    insist : bool
        Whether the user has asked so often as not to want to wait for anybody.
    """

    def __init__(self) -> None:
        self._begin()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take note of interrupts; one that is left is raised in the end.

        A handler that is not Python's own stays.
        """
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        self._begin()
        signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.pending:
            raise self.take()

    def take(self) -> KeyboardInterrupt:
        """Return what is to be raised: no interrupt is pending any more."""
        self.pending, self._is_acted_upon = False, True
        return KeyboardInterrupt()

    def forget(self) -> None:
        """Let the next one be another one than that which was acted upon."""
        self._is_acted_upon, self._n_noted = False, 0

    @property
    def insist(self) -> bool:
        return self._n_noted >= _INSISTS

    def _begin(self) -> None:
        self.pending = False
        self.forget()

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Take note of the first one; a second may be the same, by another way.

        The user who asks a third time does not want to wait.
        """
        self._n_noted += 1
        if self.insist:
            raise self.take()
        self.pending = not self._is_acted_upon


_INSISTS = 3

interrupts = Interrupts()
"""Those of this process."""
