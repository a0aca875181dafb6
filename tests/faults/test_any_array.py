"""Any array of numbers: of any dtype, shape, layout and size of its values.

A fit either ends in finite numbers, the same as for the plain copy, or it is refused
with a remedy, and the fit before it stands.
"""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from sklearn.base import clone

REMEDIES = "StandardScaler|learning_rate_init|contains infinity|at least 2 classes"
REMEDIES += "|Gather more"  # rows, for the first part of a fit

FLOATS = ["f2", "f4", "f8", "g", ">f2", ">f4", ">f8"]
WHOLE = ["i1", "u1", "i2", "u2", "i4", ">i4", "u4", "i8", "u8", "?"]

POWERS = [-320, -300, -160, -45, -38, -20, 0, 5, 19, 30, 38, 39, 75, 149, 200, 307]
OFFSETS = [0.0, 1.0, -1e8, 1e16, 1e38, 1e150]

LAYOUTS = {
    "C": lambda X: X,
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
    "one row": lambda X: np.broadcast_to(X[:1], X.shape),
    "one column": lambda X: np.broadcast_to(X[:, :1], X.shape),
    "read-only": lambda X: np.broadcast_to(X, X.shape),
}


@st.composite
def tables(draw):
    """Up to 12 rows of up to 5 features, as somebody may have them."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 5)))
    dtype = np.dtype(draw(st.sampled_from(FLOATS + WHOLE)))
    if dtype.kind == "f":
        entries = draw(arrays.arrays(np.float64, shape, elements=st.floats(-5, 5)))
        power = st.sampled_from(POWERS)
        powers = draw(st.one_of(power, st.tuples(*[power] * shape[1]), st.just(0)))
        with np.errstate(all="ignore"):
            X = entries * 10.0 ** np.array(powers, dtype=float)
            X = (X + draw(st.sampled_from(OFFSETS))).astype(dtype)
    else:
        X = draw(arrays.arrays(dtype, shape))
    return LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](X)


def _narrow(estimator):
    """A new one, with the code that any table has room for."""
    names = {"n_components", "k", "autoencoder__n_components"}
    known = names & set(estimator.get_params())
    return clone(estimator).set_params(**dict.fromkeys(known, 1))


METHODS = ["transform", "reconstruct", "reconstruction_error", "score_samples"]
METHODS += ["impute", "score", "predict", "predict_proba"]


def _result_or_refusal(call):
    """An array of finite numbers, or the words of a refusal that names a remedy."""
    try:
        found = np.asarray(call())
    except (ValueError, FloatingPointError) as error:
        assert re.search(REMEDIES, str(error)), error  # noqa: PT017
        return str(error)
    assert np.isfinite(found).all()
    return found


def _outcome(fit, estimator, X):
    """All that comes of a fit to X, by name; of a refused one, the words alone."""
    refusal = _result_or_refusal(lambda: len(vars(fit(X))))
    if isinstance(refusal, str):
        return {"fit": refusal}
    methods = [m for m in METHODS if hasattr(estimator, m)]
    if hasattr(estimator, "predict"):
        methods.remove("score")  # of labels, and the business of scikit-learn
    outcome = {
        m: _result_or_refusal(lambda m=m: getattr(estimator, m)(X)) for m in methods
    }
    if hasattr(estimator, "inverse_transform"):
        codes = outcome["transform"]
        if isinstance(codes, np.ndarray):
            outcome["inverse_transform"] = _result_or_refusal(
                lambda: estimator.inverse_transform(codes)
            )
    return outcome


@pytest.mark.fault(*range(3, 19), *range(26, 32), *range(43, 47), 71, 76, 77)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables())
def test_any_table_is_fitted_or_refused(every_estimator, learn, random_states, X):
    new = _narrow(every_estimator)
    ordinary = np.random.default_rng(0).random((12, X.shape[1]))
    fitted = learn(clone(new), ordinary)
    codes, before = fitted.transform(ordinary), dict(vars(fitted))
    plain, states = np.array(X, order="C"), random_states()

    found = _outcome(lambda X: learn(fitted, X), fitted, X)

    if "fit" in found:
        assert vars(fitted).keys() == before.keys()
        assert all(vars(fitted)[name] is before[name] for name in before)
        assert_array_equal(fitted.transform(ordinary), codes)
    elif isinstance(found["transform"], np.ndarray):
        dtype = np.float32 if X.dtype == np.float32 else np.float64
        assert found["transform"].dtype == dtype
    assert_array_equal(X, plain, strict=True)
    assert random_states() == states
    expected = _outcome(lambda X: learn(new, X), new, plain)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert_array_equal(value, expected[name], err_msg=name, strict=True)


@pytest.mark.fault(*range(3, 19), *range(26, 32), *range(43, 47), 71)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables(), goes_on=st.booleans())
def test_any_table_is_a_part_of_a_fit_or_refused(every_one_of_parts, goes_on, X):
    new = _narrow(every_one_of_parts)
    ordinary = np.random.default_rng(0).random((12, X.shape[1]))
    if goes_on:
        new.partial_fit(ordinary)
    before, plain = dict(vars(new)), np.array(X, order="C")
    found = _outcome(new.partial_fit, new, X)
    if "fit" in found:
        assert vars(new).keys() == before.keys()
        assert all(vars(new)[name] is before[name] for name in before)
    assert_array_equal(X, plain, strict=True)


@pytest.mark.fault(*range(1, 6))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables())
def test_any_table_is_judged_or_refused_by_an_ordinary_fit(every_estimator, learn, X):
    new = _narrow(every_estimator)
    learn(new, np.random.default_rng(0).random((12, X.shape[1])))
    plain = np.array(X, order="C")
    found = _outcome(lambda X: new, new, X)
    expected = _outcome(lambda X: new, new, plain)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert_array_equal(value, expected[name], err_msg=name, strict=True)
