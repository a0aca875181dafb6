"""Networks of one shape that take their steps together, as one batched network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import torch
from torch import Tensor

from skae.training.adam import Moments, Update, adam_of_parts
from skae.training.environment import threads
from skae.training.flat import FlatTensors
from skae.training.loop import Epoch, Training
from skae.training.schedule import Schedule

_LEAST_SHARE = 0.75
"""Of a crew that is still in training: below it, the crew is set up anew."""


def train_together(
    trainings: Sequence[Training], n_threads: int, goes_on: Callable[[], bool]
) -> None:
    """Train networks of the same kin; what becomes of each is noted there.

    Every one of them sees the batches, the noise and the learning rates that it would
    see alone, is judged alone, and stops alone: but for rounding, it makes no
    difference to it who else is there.

    Parameters
    ----------
    trainings : sequence of Training
        Whose tasks have kin of equal keys.
    n_threads : int
        Of torch, where there is work for them.
    goes_on : callable
        Asked before every epoch; once it says no, nobody trains any further.
    """
    for training in trainings:
        training.attempt(training.begin)
    flops = sum(t.task.kin.flops for t in trainings if t.task.kin is not None)
    with threads(flops, n_threads):
        crew = _Crew.of([t for t in trainings if not t.is_over])
        while crew is not None and goes_on():
            crew.epoch()
            crew = crew.without_the_finished()
    for training in trainings:
        training.attempt(training.settle)


class _Crew:
    """Networks side by side, those of equal learning rates next to each other."""

    def __init__(
        self,
        members: list[Training],
        parameters: FlatTensors,
        first: FlatTensors,
        second: FlatTensors,
        n_steps: int,
    ) -> None:
        self._members, self._n_steps = members, n_steps
        self._parameters, self._first, self._second = parameters, first, second
        self._gradients = parameters.zeros()
        kin = [t.task.kin for t in members if t.task.kin is not None]
        self._step = kin[0].step(kin, parameters, self._gradients)
        self._validate = kin[0].validation(kin, parameters, self._gradients)
        self._updates = self._make_updates()
        self._decay = self._make_decay()
        self._rows: dict[int, Tensor] = {}

    @classmethod
    def of(cls, trainings: list[Training]) -> _Crew | None:
        """Put networks side by side at the start of training, if there are any."""
        if not trainings:
            return None
        order = list(dict.fromkeys(t.plan.schedule for t in trainings))
        members = sorted(trainings, key=lambda t: order.index(t.plan.schedule))
        parameters = FlatTensors.stack([t.task.parameters for t in members])
        return cls(members, parameters, parameters.zeros(), parameters.zeros(), 0)

    def epoch(self) -> None:
        """One pass over everybody's batches, of which each is told."""
        for training in self._members:
            training.attempt(training.epoch_begins)
        told = self._pass()
        losses = [None] * len(told) if self._validate is None else self._validate()
        for i, training in enumerate(self._members):
            if not training.is_over:
                self._parameters.put(i, training.task.parameters)
                training.attempt(training.epoch_ends, told[i], losses[i])

    def without_the_finished(self) -> _Crew | None:
        """Those who go on; the same crew, while few of it have finished."""
        kept = [i for i, t in enumerate(self._members) if not t.is_over]
        if not kept:
            return None
        if len(kept) >= _LEAST_SHARE * len(self._members):
            return self
        return _Crew(
            [self._members[i] for i in kept],
            self._parameters.take(kept),
            self._first.take(kept),
            self._second.take(kept),
            self._n_steps,
        )

    def _pass(self) -> list[Epoch]:
        """One pass over everybody's batches, and what they told each of them."""
        flat, gradient = self._parameters.flat, self._gradients.flat
        shape = (2, len(self._members))
        sums = torch.zeros(shape, dtype=torch.float64, device=flat.device)
        first, n_rows = sums, 0
        for batches in zip(*(t.task.batches for t in self._members), strict=True):
            size = batches[0].shape[0]
            loss, penalty = self._step(self._gather(batches))
            penalty = torch.zeros_like(loss) if penalty is None else penalty
            told = torch.stack([loss, penalty])
            first = told if n_rows == 0 else first
            sums.add_(told, alpha=size)
            n_rows += size
            if self._decay is not None:
                gradient.addcmul_(flat, self._decay)
            for schedule, update in self._updates:
                update(schedule(self._n_steps))
            self._n_steps += 1
        columns = zip(first.t().tolist(), sums.div_(n_rows).t().tolist(), strict=True)
        return [
            Epoch(t.task.total(*start), mean[0], t.task.total(*mean))
            for t, (start, mean) in zip(self._members, columns, strict=True)
        ]

    def _gather(self, batches: tuple[Tensor, ...]) -> Tensor:
        """The batches of all, in one array for each size."""
        size = batches[0].shape[0]
        if size not in self._rows:
            shape = (len(batches), *batches[0].shape)
            self._rows[size] = batches[0].new_empty(shape)
        return torch.stack(batches, out=self._rows[size])

    def _make_updates(self) -> list[tuple[Schedule, Update]]:
        """Adam for the networks of each schedule.

        What is not trained has a gradient of zero, and never moves.
        """
        start, updates = 0, list[tuple[Schedule, Update]]()
        for schedule, group in groupby(self._members, lambda t: t.plan.schedule):
            rows = slice(start, start + len(list(group)))
            everything = (
                self._parameters,
                self._gradients,
                self._first,
                self._second,
            )
            parameters, gradients, first, second = (
                _parts(tensors, rows, len(self._members)) for tensors in everything
            )
            n_steps = torch.tensor(float(self._n_steps), device=first[0].device)
            moments = [
                Moments(m, v, n_steps) for m, v in zip(first, second, strict=True)
            ]
            updates.append((schedule, adam_of_parts(parameters, gradients, moments)))
            start = rows.stop
        return updates

    def _make_decay(self) -> Tensor | None:
        """Factor of every weight in the gradient of its decay."""
        decays = [t.task.decay for t in self._members]
        if not any(decays):
            return None
        factors = []
        for training, decay in zip(self._members, decays, strict=True):
            own = training.task.parameters.zeros()
            if decay is not None:
                own.flat[training.task.decayed] = decay.alpha
            factors.append(own)
        return FlatTensors.stack(factors).flat


def _parts(tensors: FlatTensors, rows: slice, n_networks: int) -> list[Tensor]:
    """Some of the networks as flat tensors; all of them are one."""
    if rows == slice(0, n_networks):
        return [tensors.flat]
    return [view[rows].view(-1) for view in tensors.views.values()]
