"""Process-wide switches: set in the block, put back after it, whatever happens."""

import contextlib

import numpy as np
import pytest
import torch

from skae.training import (
    bfloat16_products,
    memory_errors,
    neutral,
    threads,
    uses_bfloat16,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Boom(Exception):
    """What goes wrong inside the block."""


@contextlib.contextmanager
def survived(raises):
    """Whether the block ends well or not, the test goes on after it."""
    with pytest.raises(Boom) if raises else contextlib.nullcontext():
        yield
        if raises:
            raise Boom


either_way = pytest.mark.parametrize("raises", [False, True], ids=["ends", "raises"])


def state():
    """All that a caller might have set, and a fit must neither see nor change."""
    tiny = torch.full((1,), 1e-40)
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "anomaly": torch.is_anomaly_enabled(),
        "errors": np.geterr(),
        "denormals": tiny.mul(1.0).item() != 0.0,
    }


@contextlib.contextmanager
def flushing_denormals():
    assert torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


CALLERS = {
    "none": contextlib.nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "anomaly": torch.autograd.detect_anomaly,
    "errstate": lambda: np.errstate(all="raise"),
    "denormals": flushing_denormals,
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
class TestNeutral:
    def test_inside_it_is_as_in_a_fresh_process(self, caller):
        with caller(), neutral(CPU):
            assert state() == {
                "grad": False,
                "inference": False,
                "autocast": False,
                "anomaly": False,
                "errors": dict.fromkeys(np.geterr(), "ignore"),
                "denormals": True,
            }

    @either_way
    def test_afterwards_it_is_as_before(self, caller, raises):
        with caller():
            before = state()
            with survived(raises), neutral(CPU):
                pass
            assert state() == before
        assert state()["denormals"]


@either_way
def test_everything_is_put_back_when_the_block_raises(raises):
    before = state()
    with survived(raises), neutral(CPU), bfloat16_products(True, CPU), threads(1.0):
        if raises:
            raise Boom
    assert state() == before


class TestThreads:
    @pytest.fixture(autouse=True)
    def _two_threads(self):
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        yield
        torch.set_num_threads(before)

    def test_little_work_takes_one(self):
        with threads(1e3):
            assert torch.get_num_threads() == 1

    def test_much_work_takes_all(self):
        with threads(1e12):
            assert torch.get_num_threads() == 2

    @either_way
    @pytest.mark.parametrize("flops", [1e3, 1e12])
    def test_afterwards_there_are_as_many_as_before(self, flops, raises):
        with survived(raises), threads(flops):
            if raises:
                raise Boom
        assert torch.get_num_threads() == 2

    def test_where_there_is_one_it_stays(self):
        torch.set_num_threads(1)
        with threads(1e12):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1


SWITCHES = {
    "cpu": (CPU, torch.backends.mkldnn.matmul, "bf16"),
    "cuda": (CUDA, torch.backends.cuda.matmul, "tf32"),
}


@pytest.mark.parametrize(("device", "switch", "value"), SWITCHES.values(), ids=SWITCHES)
class TestBfloat16Products:
    def test_the_switch_of_the_device_is_set(self, device, switch, value):
        with bfloat16_products(True, device):
            assert switch.fp32_precision == value

    def test_the_switch_is_left_alone_where_it_is_not_wanted(
        self, device, switch, value
    ):
        before = switch.fp32_precision
        with bfloat16_products(False, device):
            assert switch.fp32_precision == before

    @either_way
    def test_afterwards_it_is_as_before(self, device, switch, value, raises):
        before = switch.fp32_precision
        with survived(raises), bfloat16_products(True, device):
            if raises:
                raise Boom
        assert switch.fp32_precision == before

    def test_of_two_that_overlap_the_last_one_puts_it_back(self, device, switch, value):
        # As fits in several threads do: the first to come need not be the last to go.
        before = switch.fp32_precision
        first, second = (bfloat16_products(True, device) for _ in range(2))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert switch.fp32_precision == value
        second.__exit__(None, None, None)
        assert switch.fp32_precision == before

    def test_what_the_caller_has_set_comes_back(self, device, switch, value):
        before = switch.fp32_precision
        switch.fp32_precision = "ieee"
        try:
            with bfloat16_products(True, device):
                assert switch.fp32_precision == value
            assert switch.fp32_precision == "ieee"
        finally:
            switch.fp32_precision = before


class TestUsesBfloat16:
    @pytest.fixture(params=[True, False], ids=["able", "unable"])
    def able(self, request, monkeypatch):
        monkeypatch.setattr(
            torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: request.param
        )
        return request.param

    @pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
    @pytest.mark.parametrize("flops", [1e3, 1e12])
    def test_by_name_it_is_used_everywhere(self, able, flops, device):
        assert uses_bfloat16("bfloat16", flops, device)

    @pytest.mark.parametrize("precision", ["float32", "float64"])
    @pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
    def test_by_another_name_it_is_not(self, able, device, precision):
        assert not uses_bfloat16(precision, 1e12, device)

    def test_auto_is_large_products_on_a_cpu_that_can(self, able):
        assert uses_bfloat16("auto", 1e12, CPU) == able
        assert not uses_bfloat16("auto", 1e3, CPU)
        assert not uses_bfloat16("auto", 1e12, CUDA)


class TestMemoryErrors:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError("Unable to allocate 8 TiB"),
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 TiB"),
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"),
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED: out of memory"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_every_kind_becomes_one_that_proposes_a_remedy(self, error):
        expected = pytest.raises(MemoryError, match="batch_size=7: choose a smaller")
        with expected as info, memory_errors(7):
            raise error
        assert info.value.__cause__ is error

    @pytest.mark.parametrize("allocate", [torch.empty, np.empty])
    def test_real_ones_too(self, allocate):
        expected = pytest.raises(MemoryError, match="choose a smaller batch_size")
        with expected, memory_errors(7):
            allocate(2**55)

    @pytest.mark.parametrize(
        "error", [RuntimeError("shapes cannot be multiplied"), ValueError("memory")]
    )
    def test_others_pass_unchanged(self, error):
        with pytest.raises(type(error)) as info, memory_errors(7):
            raise error
        assert info.value is error

    def test_nothing_happens_where_nothing_happens(self):
        with memory_errors(7):
            pass
