"""Fits that several processes share: gradients added up, decisions taken by one."""

from skae.distributed.group import Alone, process_group
from skae.distributed.step import ShardedStep

__all__ = ["Alone", "ShardedStep", "process_group"]
