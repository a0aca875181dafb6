"""Values that are no numbers, huge, tiny, all alike, or far from zero."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skae import DenoisingAutoencoder, LinearAutoencoder


@pytest.fixture
def estimator(any_estimator):
    return any_estimator


@pytest.fixture
def assert_finite_or_refused():
    """``assert_finite_or_refused(call)``: never a silent inf or NaN."""

    def check(call):
        try:
            result = call()
        except ValueError as error:
            assert "StandardScaler" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(result).all()

    return check


METHODS = [
    "fit",
    "transform",
    "reconstruct",
    "reconstruction_error",
    "score",
    "score_samples",
]

NOT_FINITE = {
    "NaN": (np.nan, r"Input X contains NaN\."),
    "inf": (np.inf, "Input X contains infinity or a value too large"),
    "-inf": (-np.inf, "Input X contains infinity or a value too large"),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("value", "message"), NOT_FINITE.values(), ids=NOT_FINITE)
def test_entry_that_is_not_finite_is_refused(
    estimator, X, assert_refused, value, message, dtype
):
    bad = X.astype(dtype)
    bad[3, 2] = value
    assert_refused(estimator, bad, ValueError, message, METHODS)


@pytest.mark.parametrize(("value", "message"), NOT_FINITE.values(), ids=NOT_FINITE)
def test_code_that_is_not_finite_is_refused(estimator, X, refusal, value, message):
    estimator.fit(X)
    with refusal(estimator, ValueError, message.replace("X", "Z")):
        estimator.inverse_transform([[0.0, value]])


@pytest.mark.parametrize(("value", "message"), NOT_FINITE.values(), ids=NOT_FINITE)
def test_validation_data_that_are_not_finite_are_refused(
    dense, X, refusal, value, message
):
    bad = X.copy()
    bad[0, 0] = value
    dense.fit(X)
    with refusal(dense, ValueError, message):
        dense.fit(X, X_val=bad)


def test_values_beyond_float32_are_fitted(estimator, X, assert_finite):
    assert_finite(estimator.fit(X * 1e39), X * 1e39)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_one_value_beyond_float32_is_fitted(dense, X, assert_finite, early_stopping):
    X[3, 2] = 1e39
    assert_finite(dense.set_params(early_stopping=early_stopping).fit(X), X)


def test_one_value_beyond_float32_is_fitted_linearly(X, assert_finite):
    X[3, 2] = 1e39
    assert_finite(LinearAutoencoder().fit(X), X)


# A model of the other rows may not be able to judge it.
def test_one_value_beyond_float32_among_folds_is_fitted_or_refused(
    dense, X, everything, assert_finite_or_refused
):
    X[3, 2] = 1e39
    dense.set_params(early_stopping="auto")
    assert_finite_or_refused(
        lambda: np.concatenate(
            [np.ravel(value) for value in everything(dense.fit(X), X).values()]
        )
    )


def test_value_beyond_float32_is_encoded_by_an_ordinary_fit(
    estimator, X, assert_finite
):
    estimator.fit(X)
    X[3, 2] = 1e39
    assert_finite(estimator, X)


@pytest.mark.parametrize("value", [1e200, 1.7e308, -1.7e308])
def test_value_whose_square_overflows_is_refused(estimator, X, assert_refused, value):
    bad = X.copy()
    bad[3, 2] = value
    magnitude = f"{abs(value):.0e}".replace("+", r"\+")
    message = f"magnitude {magnitude}.* StandardScaler"
    assert_refused(estimator, bad, ValueError, message, ["fit"])


@pytest.mark.parametrize("value", [1e200, 1.7e308])
def test_validation_value_whose_square_overflows_is_refused(dense, X, refusal, value):
    bad = X.copy()
    bad[3, 2] = value
    dense.fit(X)
    with refusal(dense, ValueError, "StandardScaler"):
        dense.fit(X, X_val=bad)


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("value", [1e200, 1.7e308])
def test_value_whose_square_overflows_is_never_a_silent_inf_to_an_ordinary_fit(
    estimator, X, assert_finite_or_refused, method, value
):
    estimator.fit(X)
    X[3] = value
    assert_finite_or_refused(lambda: getattr(estimator, method)(X))


@pytest.mark.parametrize("method", METHODS[1:])
def test_largest_float32_is_never_a_silent_inf(
    estimator, X, assert_finite_or_refused, method
):
    X = np.sign(X).astype(np.float32) * np.finfo(np.float32).max
    assert_finite_or_refused(lambda: getattr(estimator.fit(X), method)(X))


@pytest.mark.parametrize("value", [1e200, 1.7e308])
def test_largest_code_is_never_a_silent_inf(
    estimator, X, assert_finite_or_refused, value
):
    estimator.fit(X * 1e100)
    assert_finite_or_refused(lambda: estimator.inverse_transform([[value, -value]]))


def test_warm_start_on_far_larger_values_is_refused(dense, X, refusal):
    dense.set_params(warm_start=True).fit(X)
    with refusal(dense, ValueError, "StandardScaler"):
        dense.fit(X * 1e39)


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1e12, 1e30])
def test_score_of_float32_does_not_depend_on_the_unit(estimator, X, factor):
    scaled = (X * factor).astype(np.float32)
    expected = clone(estimator).fit(X).score(X)
    assert_allclose(estimator.fit(scaled).score(scaled), expected, rtol=1e-3)


@pytest.mark.parametrize("factor", [1e-200, 1e-100, 1e100])
def test_score_of_float64_does_not_depend_on_the_unit(estimator, X, factor):
    expected = clone(estimator).fit(X).score(X)
    assert_allclose(estimator.fit(X * factor).score(X * factor), expected, rtol=1e-5)


def _constant_column(X):
    X[:, 2] = 0.1
    return X


FLAT_OR_TINY = {
    "1e-30 in float32": lambda X: (X * 1e-30).astype(np.float32),
    "1e-200": lambda X: X * 1e-200,
    "denormal numbers": lambda X: X * 1e-310,
    "denormal numbers in float32": lambda X: (X * 1e-42).astype(np.float32),
    "a few denormal numbers": lambda X: np.where(X > 1.0, 5e-324, X),
    "all zeros": np.zeros_like,
    "all zeros in float32": lambda X: np.zeros_like(X, dtype=np.float32),
    "all alike": lambda X: np.full_like(X, 0.1),
    "all alike in float32": lambda X: np.full_like(X, 0.1, dtype=np.float32),
    "all alike and large": lambda X: np.full_like(X, 1e8 + 0.1),
    "rows all alike": lambda X: np.repeat(X[:1], len(X), axis=0),
    "a constant column": _constant_column,
    "every row twice": lambda X: np.repeat(X[::2], 2, axis=0),
    "one row that differs": lambda X: np.concatenate([np.zeros_like(X[1:]), X[:1]]),
}


@pytest.mark.parametrize("change", FLAT_OR_TINY.values(), ids=FLAT_OR_TINY)
def test_flat_or_tiny_data_are_fitted(estimator, X, assert_finite, change):
    X = change(X)
    assert_finite(estimator.fit(X), X)


@pytest.mark.parametrize("change", FLAT_OR_TINY.values(), ids=FLAT_OR_TINY)
def test_flat_or_tiny_data_are_fitted_under_noise_in_units_of_x(
    X, assert_finite, change
):
    X = change(X)
    estimator = DenoisingAutoencoder(noise=0.5, max_iter=3, random_state=0)
    assert_finite(estimator.fit(X), X)


@pytest.mark.parametrize("factor", [1e-200, 1e-12, 1e30])
def test_noise_is_in_units_of_x(X, factor):
    def score(unit):
        estimator = DenoisingAutoencoder(noise=0.5 * unit, max_iter=3, random_state=0)
        return estimator.fit(X * unit).score(X * unit)

    assert_allclose(score(factor), score(1.0), rtol=1e-5)


@pytest.mark.parametrize("change", FLAT_OR_TINY.values(), ids=FLAT_OR_TINY)
def test_flat_or_tiny_data_are_judged_by_an_ordinary_fit(
    estimator, X, assert_finite, change
):
    assert_finite(estimator.fit(X), change(X))


@pytest.mark.parametrize("change", FLAT_OR_TINY.values(), ids=FLAT_OR_TINY)
def test_ordinary_data_are_encoded_by_a_fit_of_flat_or_tiny_data(
    estimator, X, assert_finite_or_refused, change
):
    estimator.fit(change(X.copy()))
    assert_finite_or_refused(lambda: estimator.transform(X))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_offset_of_1e8_is_fitted(estimator, X, assert_finite, dtype):
    X = (X * 100.0 + 1e8).astype(dtype)
    assert_finite(estimator.fit(X), X)


def test_offset_of_1e8_costs_nothing(estimator, X):
    X = np.round(X * 2**20) / 2**20
    expected = clone(estimator).fit(X).score(X)
    assert_allclose(estimator.fit(X + 1e8).score(X + 1e8), expected, rtol=1e-4)


def test_offset_of_1e8_in_float32_is_taken_off_in_float64(estimator, X):
    far = (np.round(X * 100) * 8 + 1e8).astype(np.float32)
    near = far.astype(np.float64) - 1e8
    expected = clone(estimator).fit(near).transform(near)
    assert_allclose(
        estimator.fit(far).transform(far), expected, atol=1e-4 * expected.std()
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_from_1e_minus_12_to_1e12_are_fitted(
    estimator, X, assert_finite, dtype
):
    X = (X * np.logspace(-12, 12, 6)).astype(dtype)
    assert_finite(estimator.fit(X), X)
