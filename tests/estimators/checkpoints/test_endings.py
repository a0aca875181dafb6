"""What is left in the folder by a fit that has ended, and what is said then."""

import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.training import Checkpoint


class Stopping:
    """A callback that ends training after the second epoch."""

    def setup(self, estimator, context):
        self.n = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n += context.task_name == "epoch"
        return self.n == 2


def test_a_fit_that_a_callback_has_stopped_is_not_taken_by_others(dense, X, tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks are from 1.9 on")
    kept = {"checkpoint_dir": tmp_path / "{fit}"}
    stopped = dense(**kept).set_callbacks(Stopping()).fit(X)
    assert stopped.n_iter_ == 2
    found, expected = dense(**kept).fit(X), dense().fit(X)
    assert found.n_iter_ == 5
    assert_array_equal(found.transform(X), expected.transform(X))
    assert [os.listdir(folder) for folder in tmp_path.iterdir()] == [
        ["checkpoint.safetensors"]
    ]


def test_an_interrupted_estimator_is_told_what_has_moved_on(dense, X, tmp_path):
    def put(*arguments):
        original(*arguments)
        raise KeyboardInterrupt

    original = Checkpoint.put
    seed = np.random.RandomState(3)
    estimator = dense(checkpoint_dir=tmp_path, random_state=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "put", put)
        with pytest.warns(UserWarning, match="interrupted"):
            estimator.fit(X)
    with pytest.raises(ValueError, match=r"RandomState in that state.* has moved on"):
        estimator.fit(X)
    with pytest.raises(ValueError, match=r"call it as it was\. To start"):
        estimator.set_params(random_state=np.random.RandomState(3), tol=0.5).fit(X)
    found = estimator.set_params(random_state=np.random.RandomState(3), tol=0.0).fit(X)
    expected = dense(random_state=np.random.RandomState(3)).fit(X)
    assert_array_equal(found.transform(X), expected.transform(X))


class TestAFileThatCannotBeRemoved:
    @pytest.fixture(autouse=True)
    def no_permission(self, monkeypatch):
        def remove(self):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Checkpoint, "remove", remove)

    def test_costs_no_fit(self, dense, X, tmp_path):
        expected = dense().fit(X).transform(X)
        with pytest.warns(RuntimeWarning, match="could not be removed .*Permission"):
            found = dense(checkpoint_dir=tmp_path).fit(X)
        assert_array_equal(found.transform(X), expected)

    def test_hides_no_error(self, dense, X, tmp_path):
        diverging = dense(checkpoint_dir=tmp_path, learning_rate_init=1e6)
        with (
            pytest.warns(RuntimeWarning, match="Remove it yourself"),
            pytest.raises(FloatingPointError, match="diverged"),
        ):
            diverging.fit(X)


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

    def test_by_an_interrupt_can_go_on(
        self, dense, X, tmp_path, monkeypatch, everything
    ):
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

    def test_say_where_they_go_on(self, dense, X, tmp_path, capsys, killed_after):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        dense(checkpoint_dir=tmp_path, verbose=True).fit(X)
        lines = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
        assert lines == ["Resumed after iteration 2"] + [
            f"Iteration {i}" for i in (3, 4, 5)
        ]

    @pytest.mark.parametrize(
        ("n", "said"),
        [
            (2, ["Resumed in fold 1 after iteration 2"]),
            (13, ["Fold 1 of 5", "Fold 2 of 5", "Resumed in fold 3 after iteration 3"]),
            (15, ["Fold 1 of 5", "Fold 2 of 5", "Fold 3 of 5"]),
        ],
    )
    def test_say_in_which_fold_they_go_on(
        self, n, said, dense, X, tmp_path, capsys, killed_after
    ):
        settings = {"early_stopping": "auto", "checkpoint_dir": tmp_path}
        with killed_after(n):
            dense(**settings).fit(X)
        dense(**settings, verbose=True).fit(X)
        lines = capsys.readouterr().out.splitlines()
        lines = [line.split(":")[0] for line in lines]
        rest = [f"Fold {i} of 5" for i in range(1 + n // 5, 6)]
        assert lines[: len(said) + len(rest)] == said + rest
