"""Where processes meet before each exchange, and hear how it goes with the others."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from mmap import mmap
from typing import Any

import torch
from torch import distributed as dist

from skae.distributed.interrupts import interrupts
from skae.distributed.lines import Lines, connected

END = 0
"""What follows the last exchange of a fit."""

_WELL, _INTERRUPTED, _FAILED = range(3)


class Meeting:
    """What processes tell each other before they exchange anything.

    Each says how it goes, and what it is about to exchange. One that has failed comes
    here too, whatever the others are about to do, and they do not wait for it.

    Attributes
    ----------
    lines : Lines or None
        To the others, while this is held, and if all are on one machine.
    """

    def __init__(self) -> None:
        self._is_held = self._is_over = False
        self.lines: Lines | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let what ends this block in one process end it in all.

        All of them have to enter it. An interrupt is acted upon when they meet next.
        """
        if self._is_held:
            yield
            interrupts.forget()
            return
        self._is_held, self._is_over = True, False
        try:
            with interrupts.held(), self._connected():
                try:
                    yield
                    self.come(END)
                except BaseException as error:
                    if not (self._is_over or interrupts.insist):
                        with suppress(RuntimeError):  # whatever the others do
                            self.come(END, error)
                    raise
        finally:
            self._is_held = False

    def come(self, exchange: int, error: BaseException | None = None) -> None:
        """Hear how it goes with all, and be heard.

        Parameters
        ----------
        exchange : int
            Number of what this process is about to exchange.
        error : BaseException or None
            What has ended its work.

        Raises
        ------
        KeyboardInterrupt
            In all processes, when one was interrupted.
        RuntimeError
            When another one has failed or ended, or is about to do something else.
        """
        if interrupts.insist:
            self._is_over = True
            raise KeyboardInterrupt
        state = _INTERRUPTED if interrupts.pending else _WELL
        if error is not None:
            state = _FAILED
        worst, highest, lowest = self._highest((state, exchange, -exchange))
        if worst == _FAILED:
            self._tell(error)
        elif worst == _INTERRUPTED:
            raise interrupts.take()
        elif highest != -lowest:
            self._is_over = True
            raise RuntimeError(
                "The processes that share this fit have come to different points of "
                "it. Let all of them make the same calls, with the same X and the same "
                "parameters."
            )

    def _tell(self, error: BaseException | None) -> None:
        """Hear what has failed; raise it in those processes that have not."""
        self._is_over = True
        own = None if error is None else f"{type(error).__name__}: {error}"
        heard = self.hear(own)
        if error is not None:
            return
        failed = [f"process {i}: {said}" for i, said in enumerate(heard) if said]
        raise RuntimeError(
            "This fit is shared by processes, and it has failed in another one, which "
            f"ends it in all. In {'; in '.join(failed)}"
        )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Have lines to the others meanwhile, if they can be had."""
        rank, size = dist.get_rank(), dist.get_world_size()
        if size == 1:
            yield
            return
        with connected(rank, size, self.hear, _patience()) as self.lines:
            try:
                yield
            finally:
                self.lines = None

    def hear(self, said: Any) -> list[Any]:
        """What each process says, in their order."""
        heard: list[Any] = [None] * dist.get_world_size()
        with self.others_are_there():
            dist.all_gather_object(heard, said)
        return heard

    def memory(self, n_bytes: int) -> mmap | None:
        """Memory that all processes see; None where there is none."""
        if self.lines is None:
            return None
        with self.others_are_there(), self._over_if_left():
            return self.lines.memory(n_bytes)

    def _highest(self, numbers: Sequence[int]) -> list[int]:
        """Highest of each of these numbers, of all processes."""
        with self.others_are_there():
            if self.lines is not None:
                form = struct.Struct(f"{len(numbers)}q")
                with self._over_if_left():
                    heard = self.lines.exchange(form.pack(*numbers))
                told = [numbers, *map(form.unpack, heard)]
                return [max(each) for each in zip(*told, strict=True)]
            highest = torch.tensor(numbers, device=_device())
            dist.all_reduce(highest, dist.ReduceOp.MAX)
        return [int(number) for number in highest.tolist()]

    @contextmanager
    def _over_if_left(self) -> Iterator[None]:
        """Let there be no other exchange once this process has left one halfway."""
        try:
            yield
        except BaseException:
            self._is_over = True
            raise

    @contextmanager
    def others_are_there(self) -> Iterator[None]:
        """Say what it means when processes cannot talk to each other any more."""
        try:
            yield
        except (RuntimeError, OSError) as error:
            self._is_over = True
            raise RuntimeError(
                "The processes that share this fit have lost each other: another "
                "process of the group has ended, or has not answered within the "
                "timeout of the group. Look for the first error of any of them. "
                f"({error})"
            ) from error


def _device() -> str:
    """Where numbers have to be that this group exchanges."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def _patience() -> float | None:
    """Seconds that processes of this group wait for each other, if torch tells."""
    with suppress(AttributeError, RuntimeError):
        group: Any = dist.group.WORLD
        backend = group._get_backend(torch.device(_device()))
        return float(backend.options._timeout.total_seconds())
    return None


meeting = Meeting()
"""That of this process with the others of its group."""
