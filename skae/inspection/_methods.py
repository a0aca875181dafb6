"""The methods to compare: the usual ones, or the user's, by name."""

from collections import Counter
from functools import partial

import numpy as np
from sklearn.decomposition import PCA, KernelPCA
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae.inspection._figure import cut

# Those that transform new rows and whose fit costs time or memory by the square of the
# number of rows.
_QUADRATIC = (KernelPCA, Isomap, LocallyLinearEmbedding)


def default_methods(X, *, n_components, random_state):
    """Build PCA, its non-linear relatives of scikit-learn, and two autoencoders.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The training rows.

    n_components : int
        Size of every code.

    random_state : int, RandomState instance or None
        Seed of the methods that have one.

    Returns
    -------
    dict of str to estimator
        Unfitted.
    """
    # Imported here: methods of the user's own may do without torch.
    from skae.estimators import Autoencoder, LinearAutoencoder

    # More than scikit-learn's 5, with which the graph of real data falls apart.
    n_neighbors = min(10, len(X) - 1)
    return {
        "PCA": PCA(n_components, random_state=random_state),
        "KernelPCA": _kernel_pca(X, n_components, random_state),
        "Isomap": Isomap(n_components=n_components, n_neighbors=n_neighbors),
        "LLE": LocallyLinearEmbedding(
            n_components=n_components,
            n_neighbors=n_neighbors,
            random_state=random_state,
        ),
        "LinearAutoencoder": LinearAutoencoder(n_components, random_state=random_state),
        "Autoencoder": Autoencoder(n_components, random_state=random_state),
    }


def _kernel_pca(X, n_components, random_state):
    """Build a Gaussian KernelPCA that depends neither on the unit of X nor its offset.

    The kernel is as wide as the total standard deviation of X. The rows are divided by
    it, rather than `gamma` set, since the kernel of the inverse map has the same width
    in the code, whose unit is fixed; they are centred, since the inverse map, a ridge
    regression, has no intercept.
    """
    scale = float(np.sqrt(X.var(axis=0, dtype=np.float64).sum()))
    unit = FunctionTransformer(
        partial(np.multiply, 1 / scale),
        inverse_func=partial(np.multiply, scale),
        check_inverse=False,
    )
    kernel_pca = KernelPCA(
        n_components,
        kernel="rbf",
        gamma=0.5,
        alpha=0.01,
        fit_inverse_transform=True,
        random_state=random_state,
    )
    return make_pipeline(StandardScaler(with_std=False), unit, kernel_pca)


def named_methods(estimators):
    """Name the user's methods.

    Parameters
    ----------
    estimators : dict of str to estimator, or list of estimators
        Those of a list are named after their class, a Pipeline after its steps.

    Returns
    -------
    dict of str to estimator
        The same estimators.

    Raises
    ------
    TypeError
        If one of them is not a transformer.

    ValueError
        If there is none.
    """
    if hasattr(estimators, "get_params"):
        raise TypeError("estimators must be a dict or a list: put a single one in [ ]")
    if not isinstance(estimators, dict):
        estimators = _refuse_labels(list(estimators))
        estimators = dict(zip(_names(estimators), estimators, strict=True))
    if not estimators:
        raise ValueError("estimators is empty: pass at least one, or None")
    for name, estimator in estimators.items():
        if isinstance(estimator, type) or not hasattr(estimator, "fit_transform"):
            raise TypeError(
                f"{name} is not a transformer: an instance with fit_transform is "
                f"needed, got {estimator!r}"
            )
    return {str(name): estimator for name, estimator in estimators.items()}


def _refuse_labels(estimators):
    """Refuse a list without a single estimator, which may be rows or labels."""
    if estimators and not any(hasattr(each, "get_params") for each in estimators):
        first = cut(" ".join(repr(estimators[0]).split()), 40)
        raise TypeError(
            f"estimators has no estimator in it, but {first} and the "
            "like. If these are rows or labels, pass them by their names, as X=rows "
            "and y=labels."
        )
    return estimators


def _names(estimators):
    names = [_name(estimator) for estimator in estimators]
    several = {name for name, count in Counter(names).items() if count > 1}
    seen = Counter()
    for i, name in enumerate(names):
        if name in several:
            seen[name] += 1
            names[i] = f"{name} {seen[name]}"
    return names


def _name(estimator):
    return " + ".join(type(step).__name__ for step in _steps(estimator))


def _steps(estimator):
    if isinstance(estimator, Pipeline):
        return [step for _, step in estimator.steps if hasattr(step, "get_params")]
    return [estimator]


def is_quadratic(estimator):
    """Tell whether a method must not be fitted on many rows."""
    return any(isinstance(step, _QUADRATIC) for step in _steps(estimator))
