"""The rows that searches are over."""

import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def X():
    X = load_digits().data[:400] / 16
    X.flags.writeable = False
    return X
