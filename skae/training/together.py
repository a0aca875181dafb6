"""Networks of one shape that take their steps together, as one batched network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise
from threading import Event, Lock

import torch
from torch import Tensor

from skae.training.adam import Moments, fused_adam
from skae.training.environment import ONE_THREAD_FLOPS, neutral, threads
from skae.training.flat import FlatTensors
from skae.training.loop import Epoch, Training
from skae.training.step import Told
from skae.training.task import Joint

_LEAST_SHARE = 0.75
"""Of a stack that is still in training: below it, the stack is set up anew."""


def train_together(
    trainings: Sequence[Training], n_threads: int, goes_on: Callable[[], bool]
) -> None:
    """Train networks of one kind; what becomes of each is noted there.

    Every one of them sees the batches, the noise and the learning rates that it would
    see alone, is judged alone, and stops alone: but for rounding, it makes no
    difference to it who else is there.

    Where there is work for several threads, each of them trains some of the networks:
    threads that shared every product would wait for each other at each, and beside a
    busy process they would hardly do anything else. Only large networks, which would
    share their products alone, do so here.

    Parameters
    ----------
    trainings : sequence of Training
        Of the same kind: see `kind`.
    n_threads : int
        At most.
    goes_on : callable
        Asked before every epoch; once it says no, nobody trains any further.
    """
    flops = sum(joint.flops for joint in _joint(trainings))
    n_wanted = max(1, round(flops / ONE_THREAD_FLOPS))
    n_teams = min(n_threads, len(trainings), n_wanted)
    device = trainings[0].task.parameters.flat.device
    is_cut, one_at_a_time = Event(), Lock()
    if device.type != "cpu":
        n_teams = 1
    teams = _teams(trainings, n_teams)

    def train(team: Sequence[Training]) -> None:
        with neutral(device):
            _train_team(team, lambda: goes_on() and not is_cut.is_set(), one_at_a_time)

    with threads(flops / len(trainings), n_threads // n_teams):
        if n_teams == 1:
            train(teams[0])
            return
        with ThreadPoolExecutor(n_teams) as pool:  # which inherit the number of threads
            futures = [pool.submit(train, team) for team in teams]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                is_cut.set()
            for future in futures:
                future.result()


def _teams(trainings: Sequence[Training], n: int) -> list[Sequence[Training]]:
    """Teams of about as many; those with as many rows are neighbours.

    More batches of a team then have the same size.
    """
    ordered = sorted(trainings, key=_n_rows, reverse=True)
    bounds = [len(ordered) * i // n for i in range(n + 1)]
    return [ordered[start:stop] for start, stop in pairwise(bounds)]


def _n_rows(training: Training) -> int:
    joint = training.task.joint
    return 0 if joint is None else joint.n_rows


def _joint(trainings: Sequence[Training]) -> list[Joint]:
    return [t.task.joint for t in trainings if t.task.joint is not None]


def _train_team(
    team: Sequence[Training], goes_on: Callable[[], bool], one_at_a_time: Lock
) -> None:
    """Train a team; of what is told, one team tells `one_at_a_time`."""
    for training in team:
        training.attempt(training.begin)
    stack = _Stack.of([t for t in team if not t.is_over])
    while stack is not None and goes_on():
        stack.epoch(one_at_a_time)
        stack = stack.without_the_finished()
    for training in team:
        training.attempt(training.settle)


def kind(training: Training) -> Hashable:
    """What is equal for trainings that can be done together; None: it cannot be.

    A network of one's own may have an attribute that cannot be compared in this way,
    and a training that is saved has steps of its own to go on from.
    """
    joint = training.task.joint
    if joint is None or training.page is not None:
        return None
    found = joint.key, training.plan.schedule.shape
    try:
        hash(found)
    except TypeError:
        return None
    return found


class _Stack:
    """Networks side by side."""

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
        self._copy_out = [
            parameters.copier(i, t.task.parameters) for i, t in enumerate(members)
        ]
        self._joint = joint = _joint(members)
        self._batches = joint[0].side_by_side(joint)
        self._steps: dict[tuple[int, int], Callable[[Tensor], Told]] = {}
        self._validate = joint[0].validation(joint, parameters, self._gradients)
        self._update = self._make_update()
        self._decay = self._make_decay()
        self._constrain = joint[0].constraint(parameters)

    @classmethod
    def of(cls, trainings: list[Training]) -> _Stack | None:
        """Put networks side by side at the start of training, if there are any."""
        if not trainings:
            return None
        parameters = FlatTensors.stack([t.task.parameters for t in trainings])
        return cls(trainings, parameters, parameters.zeros(), parameters.zeros(), 0)

    def epoch(self, one_at_a_time: Lock) -> None:
        """One pass over everybody's batches, of which each is told."""
        with one_at_a_time:
            for training in self._members:
                if not training.is_over:
                    training.attempt(training.epoch_begins)
        told = self._pass()
        losses = [None] * len(told) if self._validate is None else self._validate()
        with one_at_a_time:
            for i, training in enumerate(self._members):
                if not training.is_over:
                    self._copy_out[i]()
                    training.attempt(training.epoch_ends, told[i], losses[i])

    def without_the_finished(self) -> _Stack | None:
        """Those who go on; the same stack, while few of it have finished."""
        kept = [i for i, t in enumerate(self._members) if not t.is_over]
        if not kept:
            return None
        if len(kept) >= _LEAST_SHARE * len(self._members):
            return self
        return _Stack(
            [self._members[i] for i in kept],
            self._parameters.take(kept),
            self._first.take(kept),
            self._second.take(kept),
            self._n_steps,
        )

    def _pass(self) -> list[Epoch]:
        """One pass over everybody's batches, and what they told each of them."""
        flat, gradient = self._parameters.flat, self._gradients.flat
        sizes = self._batches.sizes
        told = flat.new_zeros((2, *sizes.shape))
        for i, parts in enumerate(self._batches):
            for who, batch in parts:
                told[0, i, who], penalty = self._step(who)(batch)
                if penalty is not None:
                    told[1, i, who] = penalty
            if self._decay is not None:
                gradient.addcmul_(flat, self._decay)
            self._update(self._n_steps)
            if self._constrain is not None:
                self._constrain()
            self._n_steps += 1
        means = (told.double() * sizes).sum(1) / sizes.sum(0)
        return [
            Epoch(t.task.total(*start), mean[0], t.task.total(*mean))
            for t, start, mean in zip(
                self._members, told[:, 0].t().tolist(), means.t().tolist(), strict=True
            )
        ]

    def _step(self, who: slice) -> Callable[[Tensor], Told]:
        """Step of some neighbours, made once."""
        key = who.start, who.stop
        if key not in self._steps:
            joint = self._joint[who]
            tensors = self._parameters.part(who), self._gradients.part(who)
            self._steps[key] = joint[0].step(joint, *tensors)
        return self._steps[key]

    def _make_update(self) -> Callable[[int], None]:
        """Adam for all networks: ``update(n_steps)``.

        What is not trained has a gradient of zero, and never moves. Where learning
        rates differ, Adam takes its step from zero with the share of the peak that all
        have in common, and each network goes its own part of the way: torch's kernel
        has one rate for all.
        """
        schedules = [t.plan.schedule for t in self._members]
        n_steps = torch.tensor(float(self._n_steps), device=self._first.flat.device)
        moments = Moments(self._first.flat, self._second.flat, n_steps)
        flat, gradient = self._parameters.flat, self._gradients.flat
        if len(set(schedules)) == 1:
            step = fused_adam(flat, gradient, moments)
            return lambda n: step(schedules[0](n))
        way, peaks = torch.zeros_like(flat), self._parameters.zeros()
        step, share = fused_adam(way, gradient, moments), schedules[0].share
        for part in peaks.views.values():
            for one, schedule in zip(part, schedules, strict=True):
                one.fill_(schedule.peak)

        def update(n: int) -> None:
            step(share(n))
            flat.addcmul_(way, peaks.flat)
            way.zero_()

        return update

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
