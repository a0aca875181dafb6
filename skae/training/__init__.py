"""The engine: steps, optimiser, schedule, stopping. It never sees an estimator."""

from skae.training.environment import (
    bfloat16_products,
    memory_errors,
    neutral,
    threads,
    uses_bfloat16,
)
from skae.training.flat import FlatTensors
from skae.training.gram import GramStep
from skae.training.loop import History, Plan, Task, train
from skae.training.schedule import SCHEDULES
from skae.training.step import AutogradStep, AutogradTerm, HandwrittenStep, Step

__all__ = [
    "SCHEDULES",
    "AutogradStep",
    "AutogradTerm",
    "FlatTensors",
    "GramStep",
    "HandwrittenStep",
    "History",
    "Plan",
    "Step",
    "Task",
    "bfloat16_products",
    "memory_errors",
    "neutral",
    "threads",
    "train",
    "uses_bfloat16",
]
