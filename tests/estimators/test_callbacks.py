"""scikit-learn's callbacks: an epoch is a task, and a truthy hook ends the fit."""

import os
import re
import runpy
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import (
    Autoencoder,
    LinearAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators import callbacks as module
from skae.model_selection import AutoencoderSearchCV

SETTINGS = {
    "hidden_layer_sizes": (6,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "max_iter": 4,
    "tol": 0.0,
    "n_iter_no_change": 100,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}


def make_data(n=40):
    return np.random.default_rng(0).normal(size=(n, 5)) ** 2


X = make_data()


def dense(**changes):
    return Autoencoder(**SETTINGS | changes)


def descent(**changes):
    settings = {"solver": "adam", "max_iter": 4, "tol": 0.0, "random_state": 0}
    return LinearAutoencoder(**settings | changes)


def stacked(**changes):
    return StackedAutoencoder(**SETTINGS | changes)


def variational(**changes):
    return VariationalAutoencoder(**SETTINGS | changes)


class TestWithoutCallbacks:
    """scikit-learn before 1.9 has none, and fits all the same."""

    @pytest.fixture
    def old(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.callback", None)
        return runpy.run_path(module.__file__)

    def test_a_stand_in_takes_the_place_of_the_mixin(self, old):
        assert old["CallbackSupportMixin"].__module__ != "sklearn.callback"
        assert not hasattr(old["CallbackSupportMixin"](), "_init_callback_context")

    def test_nobody_is_told_of_anything(self, old):
        fit = old["FitCallbacks"](object(), X, 4)
        assert fit.begins("epoch").ends(pytest.fail) is False
        with fit.begins_with(object(), "pretraining") as task:
            assert task.ends(pytest.fail) is False
        assert fit.ends(pytest.fail) is False


OLD = """
import sys

import numpy as np
import sklearn.linear_model, sklearn.model_selection  # which need it themselves
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

there = sys.modules.get("sklearn.callback")
sys.modules["sklearn.callback"] = None  # as before scikit-learn 1.9
from skae import Autoencoder, AutoencoderClassifier

sys.modules["sklearn.callback"] = there
assert not hasattr(Autoencoder, "set_callbacks")
assert not hasattr(AutoencoderClassifier, "set_callbacks")

X = np.random.default_rng(0).normal(size=(1200, 5))
ae = Autoencoder(2, max_iter=3, verbose=1, random_state=0)
make_pipeline(StandardScaler(), ae).fit(X)
model = AutoencoderClassifier(ae, max_iter=2, verbose=1, random_state=0)
make_pipeline(StandardScaler(), model).fit(X, X[:, 0] > 0)
"""


def test_without_callbacks_a_line_an_epoch_is_printed():
    path = os.pathsep.join([str(Path(skae.__file__).parents[1]), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", OLD],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    line = r"Iteration {}, loss = \d\S*, validation loss = \d\S*\n"
    alone = "".join(line.format(i) for i in (1, 2, 3))
    tuned = "".join(rf"Iteration {i}, loss = \d[^\s,]*\n" for i in (1, 2))
    assert re.fullmatch(alone + alone + tuned, run.stdout)


class Recorder:
    """A callback that writes down what it is told, and may ask to stop."""

    def __init__(self, stop_after=np.inf, fail_at=None):
        self.stop_after, self.fail_at = stop_after, fail_at
        self.events, self.fitted, self.data = [], [], []

    def setup(self, estimator, context):
        self.announced = context.max_subtasks
        self.events.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(("end", context.task_name))
        if context.task_name != "epoch":
            return False
        self.fitted.append(fitted_estimator)
        self.data.append((X, y))
        if len(self.fitted) == self.fail_at:
            raise RuntimeError("the callback has failed")
        return len(self.fitted) >= self.stop_after

    def count(self):
        return Counter(self.events)


@pytest.fixture
def sklearn_callback():
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


@pytest.fixture
def rich():
    return pytest.importorskip("rich", reason="ProgressBar needs rich")


needs_callbacks = pytest.mark.usefixtures("sklearn_callback")


@needs_callbacks
@pytest.mark.parametrize("make", [dense, descent, stacked, variational])
class TestHooks:
    def test_every_task_begins_and_ends(self, make):
        recorder = Recorder()
        fitted = make().set_callbacks(recorder).fit(X)
        assert fitted.n_iter_ == 4
        assert recorder.count() == {
            ("setup", "fit"): 1,
            ("begin", "fit"): 1,
            ("begin", "epoch"): 4,
            ("end", "epoch"): 4,
            ("end", "fit"): 1,
            ("teardown", "fit"): 1,
        }
        assert recorder.events[0] == ("setup", "fit")
        assert recorder.events[-2:] == [("end", "fit"), ("teardown", "fit")]

    def test_a_truthy_hook_stops_the_fit(self, make):
        recorder = Recorder(stop_after=2)
        fitted = make().set_callbacks(recorder).fit(X)
        assert fitted.n_iter_ == len(fitted.loss_curve_) == 2
        assert recorder.count()["end", "fit"] == 1

    def test_they_see_the_data_and_again_as_the_target(self, make):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X)
        for given, target in recorder.data:
            assert_array_equal(given, X)
            assert_array_equal(target, X)

    def test_they_see_an_estimator_as_if_fit_had_ended(self, make):
        recorder = Recorder()
        fitted = make().set_callbacks(recorder).fit(X)
        for epoch, snapshot in enumerate(recorder.fitted, start=1):
            assert snapshot.n_iter_ == len(snapshot.loss_curve_) == epoch
            assert snapshot.transform(X).shape == (40, 2)
            assert snapshot.loss_curve_ == fitted.loss_curve_[:epoch]
            assert snapshot.score(X) <= 1.0

    def test_losses_of_these_are_known(self, make):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X)
        for snapshot in recorder.fitted:
            losses = snapshot.loss_, snapshot.best_loss_, snapshot.noise_variance_
            assert np.isfinite(losses).all()

    def test_snapshots_keep_what_they_were(self, make):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X)
        first, last = recorder.fitted[0], recorder.fitted[-1]
        assert not np.allclose(first.reconstruct(X), last.reconstruct(X), rtol=1e-6)

    def test_they_change_nothing(self, make):
        plain, watched = make().fit(X), make().set_callbacks(Recorder()).fit(X)
        assert_array_equal(plain.reconstruct(X), watched.reconstruct(X))

    def test_a_callback_that_fails_leaves_the_old_fit(self, make):
        fitted = make().fit(X)
        before = fitted.reconstruct(X)
        recorder = Recorder(fail_at=2)
        with pytest.raises(RuntimeError, match="the callback has failed"):
            fitted.set_callbacks(recorder).fit(X[:20])
        assert_array_equal(fitted.reconstruct(X), before)
        assert recorder.events[-1] == ("teardown", "fit")
        assert not hasattr(fitted, "_callback_fit_ctx")

    def test_nothing_of_them_is_left_on_the_estimator(self, make):
        plain, watched = make().fit(X), make().set_callbacks(Recorder()).fit(X)
        assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}


@needs_callbacks
@pytest.mark.parametrize("make", [dense, descent, variational])
def test_stopping_a_constant_rate_is_no_failure_to_converge(make):
    recorder = Recorder(stop_after=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(learning_rate="constant").set_callbacks(recorder).fit(X)


@needs_callbacks
def test_the_exact_solver_is_a_task_without_epochs():
    recorder = Recorder()
    LinearAutoencoder().set_callbacks(recorder).fit(X)
    assert recorder.count() == {
        (event, "fit"): 1 for event in ("setup", "begin", "end", "teardown")
    }


@needs_callbacks
def test_as_many_epochs_are_announced_as_are_run():
    # Left to the fit, their number depends on the rows, and some are set aside.
    recorder = Recorder()
    many = make_data(20_000)
    dense(
        max_iter=None,
        early_stopping=True,
        validation_fraction=0.5,
        batch_size=5000,
        n_iter_no_change=np.inf,
        hidden_layer_sizes=(2,),
    ).set_callbacks(recorder).fit(many)
    assert recorder.announced == len(recorder.fitted)


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_epochs_are_told_whatever_decides_their_number(early_stopping):
    recorder = Recorder()
    fitted = dense(early_stopping=early_stopping).set_callbacks(recorder).fit(X)
    assert len(recorder.fitted) == len(fitted.loss_curve_)
    assert recorder.count()["begin", "epoch"] == len(recorder.fitted)


def explained(estimator, X, y):
    return estimator.score(X, y)


def negative_error(estimator, X, y):
    return -np.mean((estimator.reconstruct(X) - y) ** 2)


@needs_callbacks
@pytest.mark.parametrize("make", [dense, descent])
class TestScoringMonitor:
    @pytest.fixture
    def monitor(self, sklearn_callback):
        scoring = {"explained": explained, "error": negative_error}
        return sklearn_callback.ScoringMonitor(scoring=scoring)

    def test_it_logs_the_scores_of_every_epoch(self, monitor, make):
        fitted = make().set_callbacks(monitor).fit(X)
        log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        assert [row["task_id"] for row in log] == list(range(fitted.n_iter_))
        for name in ("explained", "error"):
            scores = [row[name] for row in log]
            assert np.isfinite(scores).all()
            assert scores[-1] > scores[0]

    def test_it_logs_the_scores_of_the_fit(self, monitor, make):
        fitted = make().set_callbacks(monitor).fit(X)
        (end,) = [row for row in monitor.get_logs().data if row["task_name"] == "fit"]
        assert end["explained"] == fitted.score(X)
        assert end["error"] == pytest.approx(-fitted.reconstruction_error(X).mean())


@needs_callbacks
@pytest.mark.parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_monitor_logs_every_fit_of_a_search(sklearn_callback, Search, in_pipeline):
    monitor = sklearn_callback.ScoringMonitor(scoring={"explained": explained})
    watched, name = dense().set_callbacks(monitor), "n_components"
    if in_pipeline:
        watched = Pipeline([("scale", StandardScaler()), ("ae", watched)])
        name = "ae__n_components"
    search = Search(watched, {name: [1, 2]}, cv=2).fit(X)
    log = monitor.get_logs().data
    tasks = Counter(row["task_name"] for row in log)
    n_fits = 2 * 2 + 1
    assert tasks == {"fit": n_fits, "epoch": n_fits * 4}
    paths = {row["task_id_path"] for row in log if row["task_name"] == "fit"}
    epochs = Counter(
        row["parent_task_id_path"] for row in log if row["task_name"] == "epoch"
    )
    assert epochs == dict.fromkeys(paths, 4)
    best = search.best_estimator_
    score = best[-1].score(best[:-1].transform(X)) if in_pipeline else best.score(X)
    fits = [row["explained"] for row in log if row["task_name"] == "fit"]
    assert score in fits


@needs_callbacks
@pytest.mark.usefixtures("rich")
class TestProgressBar:
    """It draws on a terminal that is none: what it has drawn can be read."""

    @pytest.fixture
    def bar(self, sklearn_callback):
        return sklearn_callback.ProgressBar(max_propagation_depth=None)

    @pytest.mark.parametrize("make", [dense, descent, LinearAutoencoder])
    def test_it_runs_to_its_end(self, make, bar, capsys):
        fitted = make().set_callbacks(bar).fit(X)
        drawn = capsys.readouterr().out
        assert f"{type(fitted).__name__} - fit" in drawn
        assert "100%" in drawn

    def test_it_nests_under_a_pipeline(self, bar, capsys):
        pipeline = Pipeline([("scale", StandardScaler()), ("ae", dense())])
        pipeline.set_callbacks(bar).fit(X)
        drawn = capsys.readouterr().out
        assert "Pipeline - fit" in drawn
        assert "Autoencoder - fit" in drawn
        assert "100%" in drawn

    def test_it_nests_under_a_search(self, bar, capsys):
        search = GridSearchCV(dense(), {"n_components": [1, 2]}, cv=2)
        search.set_callbacks(bar).fit(X)
        drawn = capsys.readouterr().out
        assert "GridSearchCV - fit" in drawn
        assert drawn.count("Autoencoder - fit") >= 4
        assert search.best_params_ == {"n_components": 2}

    def test_it_nests_under_a_search_over_a_pipeline(self, bar, capsys):
        pipeline = Pipeline([("scale", StandardScaler()), ("ae", dense())])
        search = GridSearchCV(pipeline, {"ae__n_components": [1, 2]}, cv=2)
        search.set_callbacks(bar).fit(X)
        drawn = capsys.readouterr().out
        for name in ("GridSearchCV - fit", "Pipeline - fit", "Autoencoder - fit"):
            assert name in drawn

    def test_it_changes_nothing(self, bar):
        plain, watched = dense().fit(X), dense().set_callbacks(bar).fit(X)
        assert_allclose(plain.transform(X), watched.transform(X), rtol=0)

    def test_clones_take_it_along(self, bar, capsys):
        clone(dense().set_callbacks(bar)).fit(X)
        assert "Autoencoder - fit" in capsys.readouterr().out
