"""The folder of a checkpoint: what it may be, what is left there, and what fails."""

import errno
import os
import re
from pathlib import Path

import pytest

from skae import LinearAutoencoder
from skae.training import Checkpoint


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

    @pytest.mark.parametrize("kind", [str, Path])
    def test_may_be_at_home(self, dense, X, tmp_path, monkeypatch, kind):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
        dense(checkpoint_dir=kind("~/runs/{fit}")).fit(X)
        assert os.listdir() == ["home"]
        assert len(list(Path("home", "runs").iterdir())) == 1

    FAILURES = [
        ("mkdir", errno.EACCES, PermissionError),
        ("open", errno.EROFS, OSError),
        ("fsync", errno.ENOSPC, OSError),
        ("replace", errno.ENOSPC, OSError),
    ]

    def test_must_be_no_file(self, dense, X, tmp_path, everything):
        (tmp_path / "file").write_text("mine")
        fitted = dense().fit(X)
        before = everything(fitted)
        for folder, error in (
            (tmp_path / "file", FileExistsError),
            (tmp_path / "file" / "within", NotADirectoryError),
        ):
            words = re.escape(f"checkpoint_dir='{folder}' cannot be used: ")
            with pytest.raises(error, match=words) as raised:
                fitted.set_params(checkpoint_dir=folder).fit(X)
            assert raised.value.filename == str(folder)
            assert everything(fitted) == before

    @pytest.mark.parametrize(("call", "number", "kind"), FAILURES)
    def test_that_cannot_be_written_is_an_error_of_the_system(
        self, dense, X, tmp_path, monkeypatch, call, number, kind
    ):
        folder = tmp_path / "new"

        def fail(*arguments, **options):
            raise OSError(number, os.strerror(number))

        calls = {"mkdir": Path, "open": Path}
        if call == "replace":
            monkeypatch.setattr(os, "link", fail)
        with monkeypatch.context() as patch:
            patch.setattr(calls.get(call, os), call, fail)
            with pytest.raises(kind) as raised:
                dense(checkpoint_dir=folder).fit(X)
        assert raised.value.errno == number
        words = f"checkpoint_dir='{folder}' cannot be used: {os.strerror(number)}"
        assert words in str(raised.value)
        assert not folder.exists() or os.listdir(folder) == []

    def test_that_becomes_full_is_a_warning(
        self, dense, X, tmp_path, monkeypatch, everything
    ):
        expected = everything(dense().fit(X))
        put = Checkpoint.put

        def full(self, number, state):
            if len(state.numbers["history"]["loss_curve"]) == 3:
                raise OSError(28, "No space left on device")
            put(self, number, state)

        monkeypatch.setattr(Checkpoint, "put", full)
        with pytest.warns(
            RuntimeWarning,
            match="could not be written to checkpoint_dir='.*No space left",
        ):
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
