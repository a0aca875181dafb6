"""Other processes: forked, spawned, and those of a parallel search.

Each test is a script in a process of its own, which is killed when it hangs.
"""

import multiprocessing

import pytest

PREAMBLE = """
import multiprocessing
import joblib
import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
import skae
from skae import Autoencoder, LinearAutoencoder

X = np.random.default_rng(0).standard_normal((1000, 200))
ADAM = {"max_iter": 1, "random_state": 0, "precision": "float64"}
ESTIMATORS = [
    LinearAutoencoder(),
    LinearAutoencoder(solver="adam", **ADAM),
    Autoencoder(hidden_layer_sizes=(200,), **ADAM),
]

# Those are so large that threads are taken; of every other kind there is a small one.
SMALL = {"max_iter": 1, "random_state": 0}
EVERY = [(estimator, X, None) for estimator in ESTIMATORS] + [
    (getattr(skae, name)(**SMALL), X[:60, :8], np.arange(60) % 2)
    for name in skae.__all__
    if name not in {"AutoencoderTransformer", "Autoencoder", "LinearAutoencoder"}
    and hasattr(getattr(skae, name), "fit")
]

def encode(fits):
    return [fit.transform(X) for fit, (_, X, _) in zip(fits, EVERY, strict=True)]

def assert_same(results, expected, atol=0.0):
    for result, right in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, right, rtol=0, atol=atol)
"""

# Where the parent has two threads, a child of fork has one, and believes in two.
FORK = """
torch.set_num_threads(2)
torch.ones(1000, 1000) @ torch.ones(1000, 1000)
expected = [e.fit(X, y).transform(X) for e, X, y in EVERY]

with multiprocessing.get_context("fork").Pool(2) as pool:
    fits = [pool.apply_async(clone(e).fit, (X, y)) for e, X, y in EVERY]
    codes = [pool.apply_async(e.transform, (X,)) for e, X, _ in EVERY]
    fits = [fit.get() for fit in fits]
    assert_same(encode(fits), expected, atol=1e-5)
    assert_same([code.get() for code in codes], expected, atol=1e-9)
    assert pool.apply(torch.get_num_threads) == 1

with joblib.Parallel(n_jobs=2, backend="multiprocessing") as parallel:
    fits = parallel(joblib.delayed(clone(e).fit)(X, y) for e, X, y in EVERY)
    codes = parallel(joblib.delayed(e.transform)(X) for e, X, _ in EVERY)
assert_same(encode(fits), expected, atol=1e-5)
assert_same(codes, expected, atol=1e-9)
"""


@pytest.mark.fault(90)
@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here"
)
def test_forked_child_of_a_process_with_threads_does_not_hang(run_script):
    run_script(PREAMBLE + FORK, OMP_NUM_THREADS="2")


START = """
expected = [e.fit(X, y).transform(X) for e, X, y in EVERY]
for method in {"spawn", "forkserver"} & set(multiprocessing.get_all_start_methods()):
    with multiprocessing.get_context(method).Pool(1) as pool:
        fits = [pool.apply(clone(e).fit, (X, y)) for e, X, y in EVERY]
        codes = [pool.apply(e.transform, (X,)) for e, X, _ in EVERY]
    assert_same(encode(fits), expected)
    assert_same(codes, expected)
"""


@pytest.mark.fault(91)
def test_fit_crosses_to_a_spawned_process_and_back(run_script):
    run_script(PREAMBLE + START, OMP_NUM_THREADS="1")


# Workers may have more than the one thread of this process, and round otherwise.
SEARCH = """
torch.set_num_threads(1)
expected = [e.fit(X, y).transform(X) for e, X, y in EVERY]
with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
    fits = parallel(joblib.delayed(clone(e).fit)(X, y) for e, X, y in EVERY)
    codes = parallel(joblib.delayed(e.transform)(X) for e, X, _ in EVERY)
    counts = parallel(joblib.delayed(torch.get_num_threads)() for _ in range(2))
assert_same(encode(fits), expected, atol=1e-5)
assert_same(codes, expected, atol=1e-9)
assert sum(counts) <= max(2, joblib.cpu_count()), counts

X = X[:60, :8]
for estimator in ESTIMATORS:
    searches = [
        GridSearchCV(estimator, {"n_components": [1, 2, 3]}, cv=2, n_jobs=n).fit(X)
        for n in (1, 2)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    assert np.isfinite(scores).all()
    assert_same(scores[1:], scores[:1], atol=1e-9)
    codes = [search.transform(X) for search in searches]
    assert_same(codes[1:], codes[:1], atol=1e-9)
"""


@pytest.mark.fault(92)
def test_parallel_search_finds_what_a_serial_one_does_and_shares_no_core(run_script):
    variables = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    run_script(PREAMBLE + SEARCH, **dict.fromkeys(variables))
