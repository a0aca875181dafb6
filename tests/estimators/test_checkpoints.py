"""Fits that are cut short and called again: to the same bits, or refused."""

import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.model_selection import AutoencoderSearchCV
from skae.training import Checkpoint

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
DENOISING = DenoisingAutoencoder(2, noise=0.1, early_stopping=False, **SHORT)
TUNED = {"alpha": 0.5, "consistency": 0.5, "batch_size": 7, "max_iter": 6}
WITH_HEADS = {
    "gradual": AutoencoderClassifier(
        DENOISING, fine_tune="gradual", hidden_layer_sizes=(4,), random_state=0, **TUNED
    ),
    "few labels": AutoencoderRegressor(
        DENOISING, unlabeled=-1, random_state=0, **TUNED
    ),
    "frozen": AutoencoderClassifier(
        FrozenEstimator(clone(DENOISING).fit(np.eye(9, 5))), random_state=0, **TUNED
    ),
}


class Killed(BaseException):
    """What nobody catches."""


@contextmanager
def killed_after(n):
    """Let the process, so to say, be killed after so many checkpoints; count them."""
    put, count = Checkpoint.put, []

    def counted(self, *arguments):
        put(self, *arguments)
        count.append(arguments)
        if len(count) == n:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "put", counted)
        try:
            yield count
        except Killed:
            assert len(count) == n


def everything(value):
    """All that a fit has left, as far down as there is anything."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list):
        return [everything(entry) for entry in value]
    if isinstance(value, dict):
        return {name: everything(entry) for name, entry in value.items()}
    if hasattr(value, "__dict__"):
        return {
            name: everything(entry)
            for name, entry in vars(value).items()
            if not name.startswith("checkpoint_") and name != "_casts"
        }
    return value


def assert_goes_on(estimator, folder, X, *y, n=None, **given):
    """Kill a fit after every number of checkpoints, and see it come to the same end."""
    expected = everything(clone(estimator).fit(X, *y, **given))
    estimator = estimator.set_params(checkpoint_dir=folder)
    with killed_after(np.inf) as written:
        assert everything(clone(estimator).fit(X, *y, **given)) == expected
    assert os.listdir(folder) == []
    for after in range(1, len(written) + 1) if n is None else [n]:
        with killed_after(after):
            clone(estimator).fit(X, *y, **given)
        assert os.listdir(folder) == [FILE]
        found = clone(estimator).fit(X, *y, **given)
        assert everything(found) == expected, after
        assert os.listdir(folder) == []
    return len(written)


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
    def test_of_every_kind(self, variants, variant, X, tmp_path):
        n = assert_goes_on(variants[variant](), tmp_path, X, n=3)
        assert n >= 3

    @pytest.mark.fault(99)
    @pytest.mark.parametrize("name", BY_HAND)
    def test_whenever_it_is_killed(self, name, X, tmp_path):
        assert_goes_on(clone(BY_HAND[name]), tmp_path, X)

    @pytest.mark.parametrize("name", WITH_HEADS)
    def test_of_pretraining_and_fine_tuning(self, name, X, tmp_path):
        y = np.digitize(X[:, 0], [0.4, 0.6])
        if name == "few labels":
            y[20:] = -1
        assert_goes_on(clone(WITH_HEADS[name]), tmp_path, X, y)

    def test_of_layers_and_the_whole(self, variants, X, tmp_path):
        stacked = variants["stacked"]().set_params(hidden_layer_sizes=(6, 4))
        n = assert_goes_on(stacked, tmp_path, X)
        assert n == 4 * 5  # layers, and the whole

    def test_with_rows_to_judge_by(self, dense, X, new, tmp_path):
        assert_goes_on(dense(), tmp_path, X, X_val=new)

    def test_with_pairs(self, dense, X, tmp_path):
        assert_goes_on(dense(early_stopping=True), tmp_path, X, X_clean=X + 0.1)

    def test_with_gaps(self, dense, X, tmp_path):
        gappy = np.where(X > 0.8, np.nan, X)
        assert_goes_on(dense(nan_policy="omit"), tmp_path, gappy)

    def test_from_sparse_rows(self, dense, X, tmp_path):
        rows = sparse.csr_array(np.where(X > 0.5, X, 0.0))
        assert_goes_on(dense(early_stopping=True), tmp_path, rows)

    def test_of_a_warm_start(self, dense, X, tmp_path):
        before = dense(warm_start=True).fit(X)
        state = everything(before)
        expected = everything(clone(before).fit(X).fit(X))
        before.set_params(checkpoint_dir=tmp_path)
        with killed_after(2):
            before.fit(X)
        assert everything(before) == state
        assert everything(before.fit(X)) == expected

    @pytest.mark.parametrize("every", [2, 3, 100])
    def test_however_seldom_it_is_saved(self, dense, X, tmp_path, every):
        n = assert_goes_on(dense(checkpoint_every=every), tmp_path, X)
        assert n == 1 + 4 // every  # of five epochs, and the end

    def test_however_often_it_is_killed(self, dense, X, tmp_path):
        expected = everything(dense().fit(X))
        for _ in range(4):
            with killed_after(1):
                dense(checkpoint_dir=tmp_path).fit(X)
        assert everything(dense(checkpoint_dir=tmp_path).fit(X)) == expected

    def test_rows_in_another_layout_are_the_same_rows(self, dense, X, tmp_path):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        found = dense(checkpoint_dir=str(tmp_path), verbose=0, checkpoint_every=7)
        expected = dense().fit(X).transform(X)
        assert_array_equal(found.fit(np.asfortranarray(X)).transform(X), expected)


class TestSeeds:
    def test_a_seed_that_was_drawn_stays(self, dense, X, tmp_path):
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
    def test_a_random_state_is_known_by_its_state(self, variants, name, X, tmp_path):
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


class TestAnotherFit:
    @pytest.fixture
    def cut(self, dense, X, tmp_path):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        return tmp_path

    CHANGES = [
        ("learning_rate_init", 0.5, "learning_rate_init was 0.01 and is 0.5"),
        ("max_iter", 9, "max_iter was 5 and is 9"),
        ("hidden_layer_sizes", [4, 2], r"hidden_layer_sizes was \(8\) and is \(4, 2\)"),
        ("random_state", 1, "random_state was 0 and is 1"),
        ("random_state", None, "random_state was 0 and is None"),
        ("precision", "float32", "precision was 'float64' and is 'float32'"),
    ]

    @pytest.mark.fault(100)
    @pytest.mark.parametrize(("name", "value", "said"), CHANGES)
    def test_of_other_parameters(self, dense, X, cut, name, value, said):
        content = (cut / FILE).read_bytes()
        with pytest.raises(ValueError, match=said) as error:
            dense(checkpoint_dir=cut, **{name: value}).fit(X)
        for words in ("another fit, which has not ended", "delete the file", str(cut)):
            assert words in str(error.value)
        assert (cut / FILE).read_bytes() == content

    @pytest.mark.fault(100)
    @pytest.mark.parametrize("place", [(0, 0), (59, 4)])
    def test_to_other_data(self, dense, X, cut, place):
        other = X.copy()
        other[place] = np.nextafter(other[place], 1)
        with pytest.raises(ValueError, match=r"X was of shape \(60, 5\), float64"):
            dense(checkpoint_dir=cut).fit(other)

    def test_to_fewer_rows(self, dense, X, cut):
        with pytest.raises(ValueError, match=r"and is of shape \(59, 5\)"):
            dense(checkpoint_dir=cut).fit(X[:59])

    def test_with_rows_to_judge_by(self, dense, X, cut):
        with pytest.raises(ValueError, match="X_val was not there and is of shape"):
            dense(checkpoint_dir=cut).fit(X, X_val=X[:9])

    def test_of_another_class(self, X, cut):
        other = VariationalAutoencoder(checkpoint_dir=cut)
        with pytest.raises(
            ValueError, match="class was Autoencoder and is Variational"
        ):
            other.fit(X)

    def test_of_a_warm_start_from_elsewhere(self, dense, X, tmp_path):
        first, second = (dense(warm_start=True).fit(rows) for rows in (X, X[:30]))
        with killed_after(2):
            first.set_params(checkpoint_dir=tmp_path).fit(X)
        before = everything(second)
        with pytest.raises(ValueError, match="the fit before was"):
            second.set_params(checkpoint_dir=tmp_path).fit(X)
        assert everything(second) == before

    def test_of_other_labels(self, X, tmp_path):
        model = AutoencoderClassifier(Autoencoder(2, **SHORT), checkpoint_dir=tmp_path)
        with killed_after(2):
            model.fit(X, X[:, 0] > 0.5)
        with pytest.raises(ValueError, match="y was of shape"):
            model.fit(X, X[:, 0] > 0.4)
        with pytest.raises(ValueError, match=r"was Autoencoder.*max_iter=4"):
            model.set_params(autoencoder__max_iter=9).fit(X, X[:, 0] > 0.5)

    def test_of_another_frozen_encoder(self, X, tmp_path):
        y = X[:, 0] > 0.5
        frozen = [
            FrozenEstimator(Autoencoder(2, **SHORT).fit(rows)) for rows in (X, X[:40])
        ]
        with killed_after(2):
            AutoencoderClassifier(frozen[0], checkpoint_dir=tmp_path).fit(X, y)
        with pytest.raises(ValueError, match="autoencoder was FrozenEstimator"):
            AutoencoderClassifier(frozen[1], checkpoint_dir=tmp_path).fit(X, y)

    def test_by_another_version(self, dense, X, cut, monkeypatch):
        monkeypatch.setattr("skae.estimators.identity.__version__", "99.0")
        with pytest.raises(
            ValueError, match=r"the version of skae was .* and is 99\.0"
        ):
            dense(checkpoint_dir=cut).fit(X)

    def test_in_another_format(self, dense, X, cut, monkeypatch):
        monkeypatch.setattr("skae.training.checkpoints._FORMAT", 2)
        with pytest.raises(
            ValueError, match="format 1, and this version of skae reads"
        ):
            dense(checkpoint_dir=cut).fit(X)

    def test_that_is_damaged(self, dense, X, cut):
        content = bytearray((cut / FILE).read_bytes())
        content[-5] ^= 1
        (cut / FILE).write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged.*checksum"):
            dense(checkpoint_dir=cut).fit(X)

    def test_begins_where_the_file_was_deleted(self, dense, X, cut):
        (cut / FILE).unlink()
        found = dense(checkpoint_dir=cut, max_iter=3).fit(X)
        assert everything(found) == everything(dense(max_iter=3).fit(X))


class TestTheFolder:
    def test_is_made_and_stays(self, dense, X, tmp_path):
        folder = tmp_path / "a" / "b"
        dense(checkpoint_dir=folder).fit(X)
        assert os.listdir(folder) == []

    def test_is_left_as_it_was_by_a_fit_that_has_ended(self, dense, X, tmp_path):
        (tmp_path / "mine").write_text("mine")
        for rows in (X, X[:40]):
            dense(checkpoint_dir=tmp_path).fit(rows)
        assert os.listdir(tmp_path) == ["mine"]

    def test_that_cannot_be_is_an_error_before_the_fit(self, dense, X, tmp_path):
        (tmp_path / "file").write_text("mine")
        fitted = dense().fit(X)
        before = everything(fitted)
        with pytest.raises(OSError, match="file"):
            fitted.set_params(checkpoint_dir=tmp_path / "file").fit(X)
        assert everything(fitted) == before

    def test_is_taken_from_the_first_moment(self, dense, X, tmp_path):
        # Of two searches, or two processes, that have the same folder.
        def begin_another(self, *arguments):
            with pytest.raises(ValueError, match="max_iter was 5 and is 3"):
                dense(checkpoint_dir=tmp_path, max_iter=3).fit(X)
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Checkpoint, "put", begin_another)
            with pytest.raises(Killed):
                dense(checkpoint_dir=tmp_path).fit(X)

    def test_that_becomes_full_is_a_warning(self, dense, X, tmp_path, monkeypatch):
        expected = everything(dense().fit(X))
        put = Checkpoint.put

        def full(self, number, state):
            if len(state.numbers["history"]["loss_curve"]) == 3:
                raise OSError(28, "No space left on device")
            put(self, number, state)

        monkeypatch.setattr(Checkpoint, "put", full)
        with pytest.warns(RuntimeWarning, match="could not be written .*No space left"):
            found = dense(checkpoint_dir=tmp_path).fit(X)
        assert everything(found) == expected
        assert os.listdir(tmp_path) == []

    def test_needs_epochs(self, X, tmp_path):
        exact = LinearAutoencoder(checkpoint_dir=tmp_path / "none").fit(X)
        exact.partial_fit(X)
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize("bad", [3, b"bytes"])
    def test_must_be_a_path(self, dense, X, bad):
        with pytest.raises(ValueError, match="'checkpoint_dir' parameter of Autoencod"):
            dense(checkpoint_dir=bad).fit(X)

    def test_is_of_no_use_to_fits_in_parts(self, dense, descent, X, tmp_path):
        for make in (dense, descent):
            with pytest.raises(ValueError, match="partial_fit keeps no checkpoints"):
                make(checkpoint_dir=tmp_path).partial_fit(X)


class TestFitsThatFail:
    @pytest.mark.parametrize(
        ("changes", "rows", "error"),
        [
            ({"likelihood": "poisson"}, -1.0, ValueError),
            ({"learning_rate_init": 1e6}, 1.0, FloatingPointError),
        ],
    )
    def test_for_good_leave_nothing(self, dense, X, tmp_path, changes, rows, error):
        with pytest.raises(error):
            dense(checkpoint_dir=tmp_path, **changes).fit(rows * X)
        assert os.listdir(tmp_path) == []

    def test_by_an_interrupt_can_go_on(self, dense, X, tmp_path, monkeypatch):
        expected = everything(dense().fit(X))
        put = Checkpoint.put

        def interrupted(self, number, state):
            put(self, number, state)
            raise KeyboardInterrupt

        estimator = dense(checkpoint_dir=tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "put", interrupted)
            with pytest.warns(UserWarning, match="interrupted"):
                estimator.fit(X)
        assert estimator.n_iter_ == 1
        assert everything(estimator.fit(X)) == expected
        assert os.listdir(tmp_path) == []

    def test_say_where_they_go_on(self, dense, X, tmp_path, capsys):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        dense(checkpoint_dir=tmp_path, verbose=True).fit(X)
        lines = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
        assert lines == ["Resumed after iteration 2"] + [
            f"Iteration {i}" for i in (3, 4, 5)
        ]


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


def test_a_fit_by_a_callback_is_a_fit_of_its_own(dense, X, tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks are from 1.9 on")

    def make():
        callback = Fitting(dense(max_iter=2), X[:30])
        return dense(checkpoint_dir=tmp_path).set_callbacks(callback)

    with killed_after(3):
        make().fit(X)
    found = make().fit(X)
    assert_array_equal(found.transform(X), dense().fit(X).transform(X))


def test_the_autoencoder_of_a_classifier_may_have_its_own(X, tmp_path):
    own = clone(DENOISING).set_params(checkpoint_dir=tmp_path)
    model = AutoencoderClassifier(own, random_state=0, **TUNED)
    y = X[:, 0] > 0.5
    expected = everything(clone(model).fit(X, y))
    with killed_after(2):
        clone(model).fit(X, y)
    assert os.listdir(tmp_path) == [FILE]
    assert everything(clone(model).fit(X, y)) == expected
    assert os.listdir(tmp_path) == []


class TestSearches:
    GRID = {"learning_rate_init": [1e-3, 1e-2]}

    def searched(self, Search, ae, X, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return Search(ae, self.GRID, cv=3, **options).fit(X)

    @pytest.mark.parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
    @pytest.mark.parametrize("after", [2, 12, 33])
    def test_go_on(self, Search, dense, X, tmp_path, after):
        expected = self.searched(GridSearchCV, dense(), X)
        saved = dense(checkpoint_dir=str(tmp_path / "{fit}"))
        with killed_after(after):
            self.searched(Search, saved, X, error_score="raise")
        with killed_after(np.inf) as written:
            found = self.searched(Search, saved, X)
        assert len(written) == (2 * 3 + 1) * 5 - after  # and nothing is done twice
        score = "mean_test_score"
        assert_array_equal(found.cv_results_[score], expected.cv_results_[score])
        assert_array_equal(
            found.best_estimator_.transform(X), expected.best_estimator_.transform(X)
        )
        assert len(os.listdir(tmp_path)) == 2 * 3 + 1

    def test_in_processes_go_on(self, dense, X, tmp_path):
        saved = dense(checkpoint_dir=tmp_path / "{fit}")
        expected = self.searched(GridSearchCV, dense(), X)
        found = self.searched(GridSearchCV, saved, X, n_jobs=2)
        score = "mean_test_score"
        assert_array_equal(found.cv_results_[score], expected.cv_results_[score])
        files = {path.name for path in Path(tmp_path).rglob("*") if path.is_file()}
        assert files == {FILE}

    def test_of_one_folder_are_refused(self, dense, X, tmp_path):
        search = AutoencoderSearchCV(dense(checkpoint_dir=tmp_path), self.GRID)
        with pytest.raises(ValueError, match=r"search.*'\{fit\}'"):
            search.fit(X)

    def test_finished_fits_are_kept_and_taken(self, dense, X, tmp_path):
        saved = dense(checkpoint_dir=tmp_path / "{fit}", random_state=None)
        first = everything(clone(saved).fit(X))
        with killed_after(1) as written:
            assert everything(clone(saved).fit(X)) == first
        assert not written
