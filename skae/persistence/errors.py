"""What can be wrong with a saved estimator."""

from __future__ import annotations


class ModelFormatError(ValueError):
    """The file is no estimator that this version of skae can read.

    It was damaged, it was never one, or it is of a newer format. Nothing in it has been
    executed.

    See Also
    --------
    skae.load : Read an estimator from a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skae
    >>> from skae.persistence import ModelFormatError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.skae")
    ...     size = path.write_bytes(b"not a model")
    ...     try:
    ...         skae.load(path)
    ...     except ModelFormatError:
    ...         print("refused")
    refused
    """


class InconsistentVersionWarning(UserWarning):
    """An estimator was pickled by another version of skae than the one that reads it.

    Pickles hold what a version has in memory, and no version promises to understand
    that of another one; files that ``estimator.save(path)`` writes, it does.

    Parameters
    ----------
    estimator_name : str
        Class of the estimator.
    current_version : str
        Version of skae that reads it.
    original_version : str
        Version that has pickled it.

    See Also
    --------
    sklearn.exceptions.InconsistentVersionWarning : The same for scikit-learn.

    Examples
    --------
    >>> from skae.persistence import InconsistentVersionWarning
    >>> warning = InconsistentVersionWarning("Autoencoder", "0.2.0", "0.1.0")
    >>> print(warning)
    This Autoencoder was pickled by skae 0.1.0 and is read by skae 0.2.0: it may fail,
    or give other results. Files of estimator.save(path) can be read by newer versions.
    """

    def __init__(
        self, estimator_name: str, current_version: str, original_version: str
    ) -> None:
        super().__init__(estimator_name, current_version, original_version)
        self.estimator_name = estimator_name
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self) -> str:
        return (
            f"This {self.estimator_name} was pickled by skae {self.original_version} "
            f"and is read by skae {self.current_version}: it may fail, or give other "
            "results. Files of estimator.save(path) can be read by newer versions."
        )
