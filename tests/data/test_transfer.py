"""Rows that go to a GPU, as far as that can be seen without one."""

import pytest
import torch

from skae.data import fits_on, to_device

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
GB = 2**30


def test_rows_on_the_cpu_stay_where_they_are():
    rows = torch.ones(3, 2)
    assert to_device(rows, CPU) is rows


def test_rows_go_to_a_gpu_through_pinned_memory():
    class Rows:
        def pin_memory(self):
            return Pinned()

    class Pinned:
        def to(self, device, *, non_blocking):
            return device, non_blocking

    assert to_device(Rows(), CUDA) == (CUDA, True)


@pytest.mark.parametrize(("n_bytes", "fits"), [(5 * GB, True), (7 * GB, False)])
def test_a_part_of_the_free_memory_is_for_rows(monkeypatch, n_bytes, fits):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * GB, 16 * GB))
    assert fits_on(CUDA, n_bytes) == fits


def test_any_rows_fit_where_they_are():
    assert fits_on(CPU, 1e30)
