"""Learning rates: where they rise, where they fall, and how far."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skae.training import SCHEDULES
from skae.training.schedule import WARM_UP

PEAK = 0.02
N_STEPS = st.integers(1, 500)


def rates(name, n_steps, peak=PEAK):
    schedule = SCHEDULES[name](peak, n_steps)
    return [schedule(step) for step in range(n_steps)]


def test_these_are_the_names_that_users_know():
    assert set(SCHEDULES) == {"constant", "cosine"}


@given(N_STEPS)
def test_constant_is_constant(n_steps):
    assert set(rates("constant", n_steps)) == {PEAK}


@given(N_STEPS)
def test_cosine_rises_to_its_peak_and_falls(n_steps):
    curve = rates("cosine", n_steps)
    top = curve.index(max(curve))
    assert curve[top] == pytest.approx(PEAK)
    assert curve[: top + 1] == sorted(curve[: top + 1])
    assert curve[top:] == sorted(curve[top:], reverse=True)


@given(N_STEPS)
def test_every_rate_is_positive(n_steps):
    assert min(rates("cosine", n_steps)) > 0


def test_warm_up_is_a_straight_line():
    curve = rates("cosine", 1000)
    n = round(1000 * WARM_UP)
    assert curve[:n] == pytest.approx([PEAK * (i + 1) / n for i in range(n)])


def test_fall_is_half_a_cosine():
    curve = rates("cosine", 1000)
    rest = curve[round(1000 * WARM_UP) :]
    middle = rest[len(rest) // 2 - 1]
    assert middle == pytest.approx(PEAK / 2, rel=1e-2)
    quarter = rest[len(rest) // 4 - 1]
    assert quarter == pytest.approx(PEAK * (1 + math.cos(math.pi / 4)) / 2, rel=1e-2)


@pytest.mark.parametrize("n_steps", [2, 10, 1000])
def test_the_last_step_is_almost_none(n_steps):
    assert rates("cosine", n_steps)[-1] == pytest.approx(1e-3 * PEAK)


def test_a_single_step_is_a_whole_one():
    assert rates("cosine", 1) == [PEAK]


def test_steps_beyond_the_plan_stay_at_the_end():
    schedule = SCHEDULES["cosine"](PEAK, 100)
    assert schedule(99) == schedule(100) == schedule(10**6)
