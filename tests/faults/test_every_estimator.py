"""State, environment and divergence, on an estimator of every kind.

The rows of the fault matrix that are not about X. Other files of this folder go into
the depth of some kinds; here every kind keeps every promise.
"""

import copy
import pickle
import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from skae import AutoencoderClassifier, AutoencoderRegressor

METHODS = [
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "score_samples",
    "impute",
    "predict",
    "predict_proba",
]


def _named(estimator, name):
    """How a parameter is called: predictors have those of what they train first."""
    nested = f"autoencoder__{name}"
    return nested if nested in estimator.get_params() else name


def _frame(rows, names="abcd"):
    return pd.DataFrame(rows, columns=list(names))


OTHER_COLUMNS = {
    (55, "duplicate names"): lambda rows: _frame(rows, "aabc"),
    (56, "reordered"): lambda rows: _frame(rows)[list("dcba")],
    (57, "unseen"): lambda rows: _frame(rows, "abcx"),
    (58, "missing"): lambda rows: _frame(rows).drop(columns="a"),
    (59, "an array"): lambda rows: rows,
    (60, "fewer"): lambda rows: rows[:, :3],
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=f"{row}-{name}", marks=pytest.mark.fault(row))
        for (row, name), change in OTHER_COLUMNS.items()
    ],
)
def test_other_columns_are_met_as_by_pca(every_estimator, rows, learn, change):
    def outcome(estimator):
        learn(estimator, _frame(rows))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                estimator.transform(change(rows))
                said = []
            except ValueError as error:
                said = [str(error)]
        said += [str(warning.message) for warning in caught]
        return [words.replace(type(estimator).__name__, "PCA") for words in said]

    expected = outcome(PCA(2))
    assert expected
    assert outcome(every_estimator) == expected


@pytest.mark.fault(62)
def test_methods_before_fit_are_refused(every_estimator, rows, refusal):
    for method in [m for m in METHODS if hasattr(every_estimator, m)]:
        with refusal(every_estimator, NotFittedError, "is not fitted yet"):
            getattr(every_estimator, method)(rows)
    with refusal(every_estimator, NotFittedError, "is not fitted yet"):
        every_estimator.score(rows, np.zeros(len(rows)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("max_iter", 0, marks=pytest.mark.fault(63)),
        pytest.param("max_iter", "many", marks=pytest.mark.fault(64)),
        pytest.param("verbose", "loud", marks=pytest.mark.fault(64)),
        pytest.param("random_state", -1, marks=pytest.mark.fault(63)),
    ],
)
def test_bad_parameter_is_named(every_estimator, rows, learn, refusal, name, value):
    before = learn(every_estimator, rows).transform(rows)
    every_estimator.set_params(**{name: value})
    kind = type(every_estimator).__name__
    message = f"'{name}' parameter of {kind} must be .+ Got {re.escape(repr(value))}"
    with refusal(every_estimator, InvalidParameterError, message):
        learn(every_estimator, rows)
    assert_array_equal(every_estimator.transform(rows), before)


@pytest.mark.fault(65)
def test_unknown_parameter_is_refused(every_estimator, refusal):
    with refusal(every_estimator, ValueError, "Invalid parameter 'latent_dim'"):
        every_estimator.set_params(latent_dim=2)
    with pytest.raises(TypeError, match="latent_dim"):
        type(every_estimator)(latent_dim=2)


@pytest.mark.fault(66)
def test_clone_is_unfitted_and_fits_the_same(
    every_estimator, rows, learn, says, assert_same
):
    expected = says(learn(every_estimator, rows), rows)
    other = clone(every_estimator)
    assert not hasattr(other, "n_features_in_")
    assert_same(says(learn(other, rows), rows), expected)


COPIES = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
}


@pytest.mark.fault(67)
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_copy_is_equal_and_on_its_own(
    every_estimator, rows, learn, says, assert_same, make_copy
):
    expected = says(learn(every_estimator, rows), rows)
    other = make_copy(every_estimator)
    assert_same(says(other, rows), expected)
    learn(every_estimator, rows[::-1] ** 2)
    assert_same(says(other, rows), expected)


@pytest.mark.fault(68)
def test_parameters_are_set_through_a_pipeline(every_estimator, rows):
    pipeline = make_pipeline(StandardScaler(), every_estimator)
    name = f"{pipeline.steps[-1][0]}__{_named(every_estimator, 'n_components')}"
    pipeline.set_params(**{name: 2}).fit(rows, np.arange(12) % 2)
    assert pipeline.transform(rows).shape == (12, 2)
    name = f"{pipeline.steps[-1][0]}__max_iter"
    with pytest.raises(InvalidParameterError, match="'max_iter' parameter"):
        pipeline.set_params(**{name: 0}).fit(rows, np.arange(12) % 2)


@pytest.mark.fault(69)
@pytest.mark.parametrize("Predictor", [AutoencoderClassifier, AutoencoderRegressor])
def test_autoencoder_handed_over_is_not_changed(every_autoencoder, rows, Predictor):
    given = every_autoencoder.set_params(random_state=0)
    codes = given.fit(rows).transform(rows)
    before = dict(vars(given))
    for handed in (given, FrozenEstimator(given)):
        Predictor(handed, max_iter=1, alpha=0.1).fit(rows, np.arange(12) % 2)
        assert vars(given).keys() == before.keys()
        assert all(vars(given)[name] is before[name] for name in before)
    assert_array_equal(given.transform(rows), codes)


@pytest.mark.fault(70)
def test_parameters_set_after_fit_wait_for_the_next_fit(
    every_estimator, rows, learn, says, assert_same
):
    expected = says(learn(every_estimator, rows), rows)
    every_estimator.set_params(**{_named(every_estimator, "n_components"): 1})
    other = {"precision": "float64", "device": "nonsense", "nan_policy": "omit"}
    known = every_estimator.get_params()
    every_estimator.set_params(**{n: v for n, v in other.items() if n in known})
    assert_same(says(every_estimator, rows), expected)


DIVERGES = {"learning_rate_init": 1e30, "max_iter": 10}


def _diverging(estimator):
    """With a rate that no training survives, also where it is called otherwise."""
    return estimator.set_params(
        **{_named(estimator, name): value for name, value in DIVERGES.items()}
    )


@pytest.mark.fault(71, 76)
def test_divergence_is_told_and_leaves_the_fit_before(
    every_estimator, rows, learn, says, assert_same, refusal
):
    expected = says(learn(every_estimator, rows), rows)
    if getattr(every_estimator, "solver", "adam") == "exact":
        with refusal(every_estimator, ValueError, "whose squares overflow"):
            learn(every_estimator, rows * 1e200)  # it has no rate to diverge by
    else:
        message = r"diverged in epoch \d+.*lower learning_rate_init"
        _diverging(every_estimator)
        with refusal(every_estimator, FloatingPointError, message):
            learn(every_estimator, rows)
    assert_same(says(every_estimator, rows), expected)


@pytest.mark.fault(76)
def test_rate_of_1e3_is_refused_or_leaves_finite_numbers(
    every_estimator, rows, learn, says
):
    rate = {"learning_rate_init": 1e3, "max_iter": 10}
    names = {_named(every_estimator, name): value for name, value in rate.items()}
    try:
        found = says(learn(every_estimator.set_params(**names), rows), rows)
    except FloatingPointError as error:
        message = r"diverged in epoch \d+.*lower learning_rate_init"
        assert re.search(message, str(error))  # noqa: PT017
    else:
        assert all(np.isfinite(value).all() for value in found.values())


@pytest.mark.fault(72)
def test_warm_start_with_another_shape_is_refused(
    every_one_that_warms_up, rows, refusal
):
    estimator = every_one_that_warms_up.set_params(warm_start=True)
    before = estimator.fit(rows).transform(rows)
    with refusal(estimator, ValueError, "warm_start=True needs .*shape"):
        estimator.fit(rows[:, :3])
    assert_array_equal(estimator.transform(rows), before)


@pytest.mark.fault(77)
@pytest.mark.parametrize("seed", [None, 0], ids=["unseeded", "seeded"])
def test_global_random_states_are_left_alone(
    every_estimator, rows, learn, says, seed, random_states
):
    before = random_states()
    says(learn(every_estimator.set_params(random_state=seed), rows), rows)
    for method in ("sample", "partial_fit"):
        if hasattr(every_estimator, method):
            getattr(every_estimator, method)(3 if method == "sample" else rows)
    assert random_states() == before


@pytest.mark.fault(77)
def test_global_random_states_are_left_alone_by_a_fit_that_fails(
    every_estimator, rows, learn, random_states
):
    before = random_states()
    try:
        learn(_diverging(every_estimator), rows)
    except FloatingPointError:
        pass
    else:
        assert getattr(every_estimator, "solver", "adam") == "exact"
    assert random_states() == before


def test_switch_changes_no_bit(every_estimator, rows, learn, says, assert_same, switch):
    expected = says(learn(clone(every_estimator), rows), rows)
    with switch():
        assert_same(says(learn(every_estimator, rows), rows), expected)


def test_switch_changes_no_bit_of_parts(
    every_one_of_parts, rows, says, assert_same, switch
):
    both = clone(every_one_of_parts).partial_fit(rows).partial_fit(rows[::-1] ** 2)
    expected = says(both, rows)
    with switch():
        both = every_one_of_parts.partial_fit(rows).partial_fit(rows[::-1] ** 2)
        assert_same(says(both, rows), expected)


@pytest.fixture
def other_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    yield
    torch.set_num_threads(before)


@pytest.mark.fault(87)
def test_other_number_of_threads_changes_only_the_rounding(
    every_estimator, rows, learn, says, request
):
    expected = says(learn(clone(every_estimator), rows), rows)
    request.getfixturevalue("other_threads")
    for name, value in says(learn(every_estimator, rows), rows).items():
        assert_allclose(value, expected[name], rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.fault(89)
def test_eight_threads_say_the_same_at_once(
    every_estimator, rows, learn, says, assert_same
):
    expected = says(learn(every_estimator, rows), rows)
    fresh, barrier = copy.deepcopy(every_estimator), threading.Barrier(8)

    def say(_):
        barrier.wait()
        return [says(fresh, rows) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(say, range(8)):
            for result in results:
                assert_same(result, expected)
