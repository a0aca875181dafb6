"""The engine: steps, optimiser, schedule, stopping. It never sees an estimator."""

from skae.training.adam import BETA2, Moments, fused_adam
from skae.training.average import RunningAverage
from skae.training.checkpoints import AnotherIdentityError, Checkpoint, State
from skae.training.environment import (
    bfloat16_products,
    memory_errors,
    neutral,
    threads,
    uses_bfloat16,
)
from skae.training.flat import FlatTensors
from skae.training.gram import GramStep
from skae.training.locks import Lock
from skae.training.loop import Training, advance_by, run_epoch, train
from skae.training.rendezvous import Rendezvous, train_all
from skae.training.schedule import SCHEDULES, WarmUp
from skae.training.step import AutogradStep, AutogradTerm, HandwrittenStep, Memory, Step
from skae.training.task import History, Plan, Task

__all__ = [
    "BETA2",
    "SCHEDULES",
    "AnotherIdentityError",
    "AutogradStep",
    "AutogradTerm",
    "Checkpoint",
    "FlatTensors",
    "GramStep",
    "HandwrittenStep",
    "History",
    "Lock",
    "Memory",
    "Moments",
    "Plan",
    "Rendezvous",
    "RunningAverage",
    "State",
    "Step",
    "Task",
    "Training",
    "WarmUp",
    "advance_by",
    "bfloat16_products",
    "fused_adam",
    "memory_errors",
    "neutral",
    "run_epoch",
    "threads",
    "train",
    "train_all",
    "uses_bfloat16",
]
