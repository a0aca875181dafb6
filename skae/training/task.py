"""What is trained, how long, and what comes of it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from skae.training.checkpoints import Remembers
from skae.training.flat import FlatTensors
from skae.training.schedule import Schedule
from skae.training.step import Decay, Step, Told


@dataclass(frozen=True)
class Plan:
    """How long to train, how fast, and when to give up.

    Attributes
    ----------
    max_epochs : int
        Passes over the data; 0 keeps the start.
    schedule : callable
        Learning rate of every step.
    tol : float
        Relative improvement of the monitored loss that counts as one.
    patience : float
        Epochs without such an improvement after which training stops.
    warm_up : int
        Epochs, the first ones, that count for no patience: what is trained is not yet
        what is monitored.
    evaluates_start : bool
        Whether the loss of the start is evaluated in full, and not told by the first
        batch: where X has not set the units, one row may outweigh all others.
    least_epochs : float
        Complete ones, from which on an interrupt ends training with a warning; before,
        it is raised.
    """

    max_epochs: int
    schedule: Schedule
    tol: float
    patience: float
    warm_up: int = 0
    evaluates_start: bool = False
    least_epochs: float = 1


@dataclass
class History:
    """What happened.

    Attributes
    ----------
    loss_curve : list of float
        Mean loss of the batches of each epoch, as they were met.
    validation_curve : list of float
        Loss on the validation set after each epoch.
    start_loss : float
        Loss before the first epoch, on the validation set; without one, that of the
        first batch.
    loss : float
        Loss on all training data under the weights that are kept.
    best_loss : float
        Lowest monitored loss: that of the weights that are kept.
    kept_epoch : int
        The epoch after which these weights stood; 0 is the start.
    stopped_early : bool
        Whether training ended before its last planned epoch.
    interrupted : bool
        Whether the user ended it, in the middle of an epoch.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    start_loss: float = math.nan
    loss: float = math.nan
    best_loss: float = math.inf
    kept_epoch: int = 0
    stopped_early: bool = False
    interrupted: bool = False


class SideBySide(Protocol):
    """The batches of several tasks, one epoch after another.

    Attributes
    ----------
    sizes : Tensor of shape (n_batches, n_tasks)
        Rows of each batch.
    """

    @property
    def sizes(self) -> Tensor: ...

    def __iter__(self) -> Iterator[Sequence[tuple[slice, Tensor]]]:
        """For each step the batches of the same size together.

        With each array comes the slice of the tasks that it is for.
        """
        ...


class Joint(Protocol):
    """What lets the networks of several tasks be trained together.

    Attributes
    ----------
    key : hashable
        Equal for tasks that can be: their networks have the same shape, and an epoch
        has equally many batches, which differ by one row at most.
    n_rows : int
        Rows of an epoch.
    flops : float
        Operations of one network's step.
    """

    @property
    def key(self) -> Hashable: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def flops(self) -> float: ...

    def side_by_side(self, tasks: Sequence[Any]) -> SideBySide:
        """Batches of all `tasks`; those with more rows come first."""
        ...

    def step(
        self, tasks: Sequence[Any], parameters: FlatTensors, gradients: FlatTensors
    ) -> Callable[[Tensor], Told]:
        """Step of the networks of all `tasks`, which are of this kind.

        The first axis of everything is that of the networks.
        """
        ...

    def validation(
        self, tasks: Sequence[Any], parameters: FlatTensors, gradients: FlatTensors
    ) -> Callable[[], Sequence[float]] | None:
        """What ``task.validate()`` says for each, at once; None: they are to be asked.

        It may write to `gradients`.
        """
        ...

    def constraint(self, parameters: FlatTensors) -> Callable[[], object] | None:
        """What brings the weights of all back to where they must be, if there is."""
        ...


@dataclass(frozen=True)
class Task:
    """What is trained, and on what.

    Attributes
    ----------
    step : Step
        Writes the gradient of a batch.
    batches : iterable of Tensor
        The batches of an epoch; iterated anew each epoch.
    evaluate : callable
        ``evaluate(limit)`` gives the objective of the present weights on all training
        data, but for the decay, or anything above `limit` once it is certain to be
        above.
    validate : callable or None
        The same on the validation set. None: the training data are monitored.
    measure : callable or None
        Loss on all training data, where the objective is more than that.
    total : callable
        ``total(loss, penalty)``: the objective, of a mean loss and a mean penalty.
    is_on_scale : bool
        Whether the objective is on the scale of the loss, and can tell divergence.
    constrain : callable
        Called after every update, to bring the weights back to where they must be.
    is_repeatable : bool
        Whether what a step does depends on nothing but the batch, the rate and the
        weights with their moments, so that a GPU can replay a recording of one.
    decay : Decay or None
        Penalty on the weights.
    trained, decayed : slice
        The parts of the flat parameter that the steps change, and that the penalty
        acts on.
    start_loss : float
        Loss of the start on all training data, but for rounding; nan where nobody knows
        it without looking.
    joint : Joint or None
        What lets it be trained together with others; None: it is trained alone.
    memory : mapping of str to Remembers
        All that changes with the steps beside the weights, such as generators; in the
        order in which it can be put back.
    """

    step: Step
    batches: Iterable[Tensor]
    evaluate: Callable[[float], float]
    validate: Callable[[], float] | None
    decay: Decay | None
    trained: slice
    decayed: slice
    start_loss: float = math.nan
    joint: Joint | None = None
    measure: Callable[[], float] | None = None
    total: Callable[[float, float], float] = operator.add
    is_on_scale: bool = True
    constrain: Callable[[], object] | None = None
    is_repeatable: bool = False
    memory: Mapping[str, Remembers] = field(default_factory=dict)

    @property
    def parameters(self) -> FlatTensors:
        """The weights."""
        return self.step.parameters

    def decay_value(self) -> float:
        """Penalty on the present weights."""
        if self.decay is None:
            return 0.0
        return float(self.decay.value(self.parameters.flat[self.decayed]))

    def objective(self, limit: float = math.inf) -> float:
        """Training objective, or anything above `limit` if it is."""
        decay = self.decay_value()
        return self.evaluate(limit - decay) + decay

    def loss(self, objective: float) -> float:
        """Loss of the present weights on the training data, of this objective."""
        if self.measure is not None:
            return self.measure()
        return objective - self.decay_value()


class Observer(Protocol):
    """Watches the epochs go by."""

    def epoch_begins(self) -> None: ...

    def epoch_ends(self, history: History) -> bool:
        """Whether to stop; the present weights are those after the epoch."""
        ...

    def goes_on(self, history: History) -> None:
        """See a training go on from its checkpoint."""
        ...
