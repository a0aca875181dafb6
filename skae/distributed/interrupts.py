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
    """

    def __init__(self) -> None:
        self.pending = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Note the first one only; what is left of it is raised in the end.

        A handler that is not Python's own stays.
        """
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        self.pending = False
        signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.pending:
            raise self.take()

    def take(self) -> KeyboardInterrupt:
        """Return what is to be raised: no interrupt is pending any more."""
        self.pending = False
        return KeyboardInterrupt()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending:  # the user does not want to wait
            raise self.take()
        self.pending = True


interrupts = Interrupts()
"""Those of this process."""
