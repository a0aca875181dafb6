"""Two fits at the same time, which want the same folder."""

import errno
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from sklearn.model_selection import ParameterGrid

import skae
from skae.training import Checkpoint, locks

FILE, LOCK = "checkpoint.safetensors", "checkpoint.lock"


@contextmanager
def in_the_midst(act):
    """Act once, when a fit has written its second checkpoint, and let it go on."""
    put, written = Checkpoint.put, []

    def wrapped(self, *arguments):
        put(self, *arguments)
        written.append(arguments)
        if len(written) == 2:
            act()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "put", wrapped)
        yield
    assert len(written) > 2


class TestInOneFolder:
    @pytest.mark.parametrize("changes", [{}, {"max_iter": 3}], ids=["same", "another"])
    def test_the_second_is_refused(self, dense, X, tmp_path, everything, changes):
        refused = []

        def fit_another():
            assert sorted(os.listdir(tmp_path)) == [LOCK, FILE]
            second = dense(checkpoint_dir=tmp_path, **changes)
            with pytest.raises(ValueError, match="is in use") as error:
                second.fit(X)
            assert not hasattr(second, "n_iter_")
            refused.append(str(error.value))

        with in_the_midst(fit_another):
            found = dense(checkpoint_dir=tmp_path).fit(X)
        assert everything(found) == everything(dense().fit(X))
        assert os.listdir(tmp_path) == []
        for words in (
            f"checkpoint_dir='{tmp_path}'",
            "choose another checkpoint_dir",
            "'{fit}'",
            f"delete {tmp_path / LOCK}",
        ):
            assert words in refused[0]

    def test_the_second_may_be_in_another_thread(self, dense, X, tmp_path):
        errors = []

        def fit():
            try:
                dense(checkpoint_dir=tmp_path).fit(X)
            except ValueError as error:
                errors.append(error)

        def fit_in_a_thread():
            thread = threading.Thread(target=fit)
            thread.start()
            thread.join()

        with in_the_midst(fit_in_a_thread):
            dense(checkpoint_dir=tmp_path).fit(X)
        assert "is in use" in str(errors[0])

    def test_it_is_free_after_whatever_end(self, dense, X, tmp_path, killed_after):
        for _ in range(2):
            with killed_after(1):
                dense(checkpoint_dir=tmp_path).fit(X)
            with pytest.raises(ValueError, match="max_iter was 5 and is 4"):
                dense(checkpoint_dir=tmp_path, max_iter=4).fit(X)
            assert os.listdir(tmp_path) == [FILE]
        dense(checkpoint_dir=tmp_path).fit(X)
        assert os.listdir(tmp_path) == []


class TestInFoldersOfTheirOwn:
    def test_the_second_does_the_same_without_a_checkpoint(
        self, dense, X, tmp_path, everything
    ):
        both = []

        def fit_another():
            both.append(dense(checkpoint_dir=tmp_path / "{fit}").fit(X))

        with in_the_midst(fit_another):
            both.append(dense(checkpoint_dir=tmp_path / "{fit}").fit(X))
        expected = everything(dense().fit(X))
        assert [everything(fitted) for fitted in both] == [expected, expected]
        (folder,) = tmp_path.iterdir()
        assert os.listdir(folder) == [FILE]

    def test_twins_in_a_search_come_to_the_same(self, dense, X, tmp_path):
        # As RandomizedSearchCV may draw them; three threads begin at once.
        twins = [
            dense(checkpoint_dir=tmp_path / "{fit}", **given)
            for given in ParameterGrid({"max_iter": [5, 5, 5]})
        ]
        start, errors = threading.Barrier(len(twins)), []

        def fit(estimator):
            start.wait()
            try:
                estimator.fit(X)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=fit, args=(twin,)) for twin in twins]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        expected = dense().fit(X).transform(X)
        for twin in twins:
            assert twin.transform(X).tobytes() == expected.tobytes()


class TestWhereThereAreNoLocks:
    @pytest.fixture(autouse=True)
    def no_locks(self, monkeypatch):
        def fail(file):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(locks, "_lock", fail)

    def test_another_fit_is_refused_all_the_same(self, dense, X, tmp_path):
        def fit_another():
            with pytest.raises(ValueError, match="max_iter was 5 and is 3"):
                dense(checkpoint_dir=tmp_path, max_iter=3).fit(X)

        with in_the_midst(fit_another):
            dense(checkpoint_dir=tmp_path).fit(X)

    @pytest.mark.parametrize("folder", ["one", "{fit}"])
    def test_the_same_fit_is_made_twice(self, folder, dense, X, tmp_path, everything):
        both = []

        def fit_another():
            both.append(dense(checkpoint_dir=tmp_path / folder).fit(X))

        with in_the_midst(fit_another):
            both.append(dense(checkpoint_dir=tmp_path / folder).fit(X))
        expected = everything(dense().fit(X))
        assert [everything(fitted) for fitted in both] == [expected, expected]
        (place,) = tmp_path.iterdir()
        assert os.listdir(place) == ([FILE] if folder == "{fit}" else [])


KILLED = """
import os
import sys

import numpy as np

from skae import Autoencoder
from skae.training import Checkpoint

put = Checkpoint.put

def held(self, *arguments):
    put(self, *arguments)
    os.write(1, b".")
    sys.stdin.read()

Checkpoint.put = held
X = np.random.default_rng(0).random((40, 4))
Autoencoder(2, max_iter=3, random_state=0, checkpoint_dir=sys.argv[1]).fit(X)
"""


def test_another_process_that_is_killed_has_it_no_more(dense, X, tmp_path):
    path = os.pathsep.join([str(Path(skae.__file__).parents[1]), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdout.read(1) == b"."
        with pytest.raises(ValueError, match="another process or thread"):
            dense(checkpoint_dir=tmp_path).fit(X)
        process.kill()
    assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
    assert sorted(os.listdir(tmp_path)) == [LOCK, FILE]
    with pytest.raises(ValueError, match="is the checkpoint of another fit"):
        dense(checkpoint_dir=tmp_path).fit(X)
    (tmp_path / FILE).unlink()
    dense(checkpoint_dir=tmp_path).fit(X)
    assert os.listdir(tmp_path) == []
