"""Searches on a dask cluster, through joblib."""

import pytest

pytest.importorskip("distributed")

SEARCH = """
import joblib
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV
from skae import Autoencoder, VariationalAutoencoder

def main():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 8))
    X = X.astype(np.float32)
    grid = {"n_components": [1, 2], "learning_rate_init": [1e-3, 4e-3]}
    searches = [
        GridSearchCV(estimator(max_iter=3, random_state=0), grid, cv=2)
        for estimator in (Autoencoder, VariationalAutoencoder)
    ]
    expected = [search.fit(X).cv_results_ for search in searches]
    workers = {"n_workers": 2, "processes": True, "threads_per_worker": 1}
    with (
        LocalCluster(dashboard_address=None, **workers) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        found = [search.fit(X).cv_results_ for search in searches]
    for results, right in zip(found, expected, strict=True):
        assert results["params"] == right["params"]
        for name in ("split0_test_score", "split1_test_score"):
            assert np.isfinite(right[name]).all()
            np.testing.assert_array_equal(results[name], right[name])

if __name__ == "__main__":
    main()
"""


def test_search_on_a_cluster_finds_the_same_scores(run_file):
    run_file(SEARCH)
