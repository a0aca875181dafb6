"""Fits that are killed and called again: to the same bits."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

FILE = "checkpoint.safetensors"
SHORT = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}
BATCHES = {"batch_size": 7, "early_stopping": True, "validation_fraction": 0.2}
BY_HAND = {
    "folds": Autoencoder(2, **SHORT),
    "held out": Autoencoder(2, tol=0.5, n_iter_no_change=2, **SHORT, **BATCHES),
    "as they stand": Autoencoder(2, shuffle=False, early_stopping=False, **SHORT),
    "blocks": Autoencoder(2, block_size=9, early_stopping=False, **SHORT),
    "noise": DenoisingAutoencoder(2, noise=0.1, **SHORT, **BATCHES),
    "probes": ContractiveAutoencoder(
        33, n_probes=1, hidden_layer_sizes=(8, 4), max_iter=3, random_state=0, **BATCHES
    ),
    "divergence": SparseAutoencoder(8, penalty="kl", **SHORT, **BATCHES),
    "dead units": TopKAutoencoder(40, k=1, **SHORT, **BATCHES),
    "warm-up": VariationalAutoencoder(2, beta_warm_up=3, **SHORT, **BATCHES),
    "Gram": LinearAutoencoder(2, solver="adam", max_iter=3, random_state=0),
}
WITH_EPOCHS = [
    "dense",
    "deep-tied",
    "plain",
    "bernoulli",
    "logistic",
    "poisson",
    "denoising",
    "contractive",
    "sparse",
    "sparse-kl",
    "top-k",
    "variational",
    "stacked",
    "convolutional",
    "attention",
    "attention-variational",
    "descent",
]


class TestTheSameBits:
    @pytest.mark.fault(99)
    @pytest.mark.parametrize("variant", WITH_EPOCHS, indirect=True)
    def test_of_every_kind(self, variants, variant, X, tmp_path, assert_goes_on):
        n = assert_goes_on(variants[variant](), tmp_path, X, n=3)
        assert n >= 3

    @pytest.mark.fault(99)
    @pytest.mark.parametrize("name", BY_HAND)
    def test_whenever_it_is_killed(self, name, X, tmp_path, assert_goes_on):
        assert_goes_on(clone(BY_HAND[name]), tmp_path, X)

    def test_of_layers_and_the_whole(self, variants, X, tmp_path, assert_goes_on):
        stacked = variants["stacked"]().set_params(hidden_layer_sizes=(6, 4))
        n = assert_goes_on(stacked, tmp_path, X)
        assert n == 4 * 5  # layers, and the whole

    def test_with_rows_to_judge_by(self, dense, X, new, tmp_path, assert_goes_on):
        assert_goes_on(dense(), tmp_path, X, X_val=new)

    def test_with_pairs(self, dense, X, tmp_path, assert_goes_on):
        assert_goes_on(dense(early_stopping=True), tmp_path, X, X_clean=X + 0.1)

    def test_with_gaps(self, dense, X, tmp_path, assert_goes_on):
        gappy = np.where(X > 0.8, np.nan, X)
        assert_goes_on(dense(nan_policy="omit"), tmp_path, gappy)

    def test_from_sparse_rows(self, dense, X, tmp_path, assert_goes_on):
        rows = sparse.csr_array(np.where(X > 0.5, X, 0.0))
        assert_goes_on(dense(early_stopping=True), tmp_path, rows)

    def test_of_a_warm_start(self, dense, X, tmp_path, killed_after, everything):
        before = dense(warm_start=True).fit(X)
        state = everything(before)
        expected = everything(clone(before).fit(X).fit(X))
        before.set_params(checkpoint_dir=tmp_path)
        with killed_after(2):
            before.fit(X)
        assert everything(before) == state
        assert everything(before.fit(X)) == expected

    @pytest.mark.parametrize("every", [2, 3, 100])
    def test_however_seldom_it_is_saved(
        self, dense, X, tmp_path, every, assert_goes_on
    ):
        n = assert_goes_on(dense(checkpoint_every=every), tmp_path, X)
        assert n == 1 + 4 // every  # of five epochs, and the end

    def test_however_often_it_is_killed(
        self, dense, X, tmp_path, killed_after, everything
    ):
        expected = everything(dense().fit(X))
        for _ in range(4):
            with killed_after(1):
                dense(checkpoint_dir=tmp_path).fit(X)
        assert everything(dense(checkpoint_dir=tmp_path).fit(X)) == expected

    def test_rows_in_another_layout_are_the_same_rows(
        self, dense, X, tmp_path, killed_after
    ):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        found = dense(checkpoint_dir=str(tmp_path), verbose=0, checkpoint_every=7)
        expected = dense().fit(X).transform(X)
        assert_array_equal(found.fit(np.asfortranarray(X)).transform(X), expected)


class TestSeeds:
    def test_a_seed_that_was_drawn_stays(
        self, dense, X, tmp_path, killed_after, everything
    ):
        settings = {"random_state": None, "linear_path": False}
        with killed_after(2):
            dense(checkpoint_dir=tmp_path, **settings).fit(X)
        content = (tmp_path / FILE).read_bytes()
        found = []
        for _ in range(2):
            (tmp_path / FILE).write_bytes(content)
            fitted = dense(checkpoint_dir=tmp_path, **settings).fit(X)
            found.append(everything(fitted))
        assert found[0] == found[1]
        another = dense(checkpoint_dir=tmp_path, **settings).fit(X)
        assert everything(another) != found[0]

    @pytest.mark.parametrize("name", ["stacked", "denoising"])
    def test_a_random_state_is_known_by_its_state(
        self, variants, name, X, tmp_path, killed_after
    ):
        def make(**changes):
            seed = np.random.RandomState(3)
            return variants[name]().set_params(random_state=seed, **changes)

        expected = make().fit(X).transform(X)
        with killed_after(2):
            make(checkpoint_dir=tmp_path).fit(X)
        other = make(checkpoint_dir=tmp_path)
        other.random_state.randint(9)
        with pytest.raises(ValueError, match="random_state was a RandomState in state"):
            other.fit(X)
        found = make(checkpoint_dir=tmp_path)
        assert_array_equal(found.fit(X).transform(X), expected)
        after = make()
        after.fit(X)
        assert found.random_state.randint(2**31) == after.random_state.randint(2**31)


class Fitting:
    """A callback that fits an autoencoder of its own after every epoch."""

    def __init__(self, estimator, X):
        self.estimator, self.X = estimator, X

    def setup(self, estimator, context):
        self.begun = 0

    def teardown(self, estimator, context):
        self.estimator = None

    def on_fit_task_begin(self, estimator, context):
        self.begun += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.estimator.fit(self.X)


def test_a_fit_by_a_callback_is_a_fit_of_its_own(dense, X, tmp_path, killed_after):
    pytest.importorskip("sklearn.callback", reason="callbacks are from 1.9 on")

    def make():
        callback = Fitting(dense(max_iter=2), X[:30])
        return dense(checkpoint_dir=tmp_path).set_callbacks(callback)

    with killed_after(3):
        make().fit(X)
    found = make().fit(X)
    assert_array_equal(found.transform(X), dense().fit(X).transform(X))
