"""The engine: steps, optimiser, schedule, stopping. It never sees an estimator."""

from skae.training.environment import (
    bfloat16_products,
    memory_errors,
    neutral,
    numpy_threads,
    threads,
    uses_bfloat16,
)
from skae.training.flat import FlatTensors
from skae.training.gram import GramStep
from skae.training.loop import Training, train
from skae.training.rendezvous import Rendezvous, train_all
from skae.training.schedule import SCHEDULES
from skae.training.step import AutogradStep, AutogradTerm, HandwrittenStep, Step
from skae.training.task import History, Plan, Task

__all__ = [
    "SCHEDULES",
    "AutogradStep",
    "AutogradTerm",
    "FlatTensors",
    "GramStep",
    "HandwrittenStep",
    "History",
    "Plan",
    "Rendezvous",
    "Step",
    "Task",
    "Training",
    "bfloat16_products",
    "memory_errors",
    "neutral",
    "numpy_threads",
    "threads",
    "train",
    "train_all",
    "uses_bfloat16",
]
