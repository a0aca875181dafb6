"""Files that releases have written: every later version reads them."""

from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_allclose

import skae

MOST_BYTES = 300_000  # of the files of a release


@pytest.fixture(scope="session")
def expected(releases):
    """What was said then, by release and file."""
    found = {}
    for folder in releases:
        with np.load(folder / "expected.npz") as arrays:
            for name in arrays:
                kind, method = name.split("/")
                found.setdefault((folder, kind), {})[method] = arrays[name]
    return found


def test_there_are_some(releases):
    assert "0.1.0" in [folder.name for folder in releases]
    for folder in releases:
        sizes = [path.stat().st_size for path in folder.iterdir()]
        assert sum(sizes) < MOST_BYTES


def test_all_of_them_give_the_same_results(releases, expected, outputs):
    paths = [*chain.from_iterable(folder.glob("*.skae") for folder in releases)]
    assert {(path.parent, path.stem) for path in paths} == expected.keys()
    for path in paths:
        said = outputs(skae.load(path))
        then = expected[path.parent, path.stem]
        assert said.keys() == then.keys()
        for method, output in then.items():
            if output.dtype.kind == "f":
                # Another processor rounds otherwise, and float32 weights are summed.
                assert_allclose(
                    said[method], output, rtol=1e-9, atol=1e-11, err_msg=str(path)
                )
            else:
                assert said[method].tolist() == output.tolist()


def test_all_of_them_can_be_fitted_again(releases, new_rows):
    for path in chain.from_iterable(folder.glob("*.skae") for folder in releases):
        estimator = skae.load(path)
        X = new_rows(estimator, 40)
        y = np.resize(getattr(estimator, "classes_", X), len(X))
        assert estimator.fit(X, y).transform(X).shape[0] == 40
