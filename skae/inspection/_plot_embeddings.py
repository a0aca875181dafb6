"""Embeddings of the same rows, side by side."""

from math import ceil

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_consistent_length

from skae.inspection._colours import colours_of
from skae.inspection._figure import bare, figure_for, lines_of

_PANEL = 3.2  # inches


def plot_embeddings(embeddings, y=None, *, captions=None, fig=None):
    """Draw embeddings of the same rows side by side, a panel each.

    Both axes of a panel have the same unit. Of codes with more than two components
    the first two principal axes are drawn, and the panel says so; a code of a
    single component is spread at random along the other axis.

    Parameters
    ----------
    embeddings : dict of str to array-like of shape (n_samples, n_components)
        The codes by the name of the method.

    y : array-like of shape (n_samples,), default=None
        What to tell the points apart by. Classes get a colour and a shape each and a
        legend: texts, if there are up to forty, and whole numbers, up to twenty. Other
        numbers, and dates, get a colour bar; as texts, ``y.astype(str)``, they are
        classes. Rows without a value are grey and hollow.

    captions : dict of str to str, default=None
        A line to write below the panel, by the name of the method.

    fig : Figure or SubFigure, default=None
        Where to draw; None is a new pyplot figure.

    Returns
    -------
    Figure or SubFigure
        What was drawn on.

    Raises
    ------
    ValueError
        If there are no embeddings, or if they and `y` differ in length.

    ImportError
        If matplotlib is not installed.

    See Also
    --------
    ComparisonDisplay : Makes the embeddings, and the whole picture of a comparison.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data
    with neural networks. Science 313, 504-507; its figure 3 is such a pair of panels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA, TruncatedSVD
    >>> from skae.inspection import plot_embeddings
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> methods = {"PCA": PCA(2), "SVD": TruncatedSVD(2)}
    >>> codes = {name: method.fit_transform(X) for name, method in methods.items()}
    >>> figure = plot_embeddings(codes, y)
    >>> [ax.get_title() for ax in figure.axes]
    ['PCA', 'SVD']
    """
    if not embeddings:
        raise ValueError("embeddings is empty: pass at least one")
    check_consistent_length(y, *embeddings.values())
    fig = figure_for(fig, embeddings_size(len(embeddings)))
    n_rows, n_columns = _grid(len(embeddings))
    colours, inches = colours_of(y), fig.bbox.width / fig.dpi / n_columns
    for i, (name, Z) in enumerate(embeddings.items(), start=1):
        ax = fig.add_subplot(n_rows, n_columns, i)
        plane = _plane(Z)
        points = colours.scatter(ax, *plane.T, **marker(len(Z)))
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_title(name, fontweight="bold", pad=12)
        lines = (lines_of(text, inches) for text in _captions(name, Z, captions or {}))
        ax.set_xlabel("\n".join(lines))
        bare(ax)
    colours.explain(fig, points)
    return fig


def embeddings_size(n_panels):
    """Return width and height in inches of a figure of so many panels."""
    n_rows, n_columns = _grid(n_panels)
    return _PANEL * n_columns + 0.8, (_PANEL + 0.4) * n_rows


def _grid(n_panels):
    n_columns = n_panels if n_panels <= 3 else min(ceil(n_panels / 2), 4)
    return ceil(n_panels / n_columns), n_columns


def marker(n_samples):
    """Return options of a scatter plot that suit so many points."""
    area = float(np.clip(12000 / n_samples, 8, 30))  # in points squared
    return {"s": area, "alpha": 0.8}


def _captions(name, Z, captions):
    if name in captions:
        yield captions[name]
    n_components = np.size(Z) // len(Z)
    if n_components > 2:
        yield f"its principal axes 1 and 2 of {n_components}"


def _plane(Z):
    """Bring codes of any size onto two axes: (n_samples, 2)."""
    Z = np.asarray(Z, dtype=float).reshape(len(Z), -1)
    if Z.shape[1] == 1:
        return np.column_stack([Z[:, 0], spread(len(Z)) * np.ptp(Z) / 4])
    return Z if Z.shape[1] == 2 else PCA(2).fit_transform(Z)


def spread(n_samples):
    """Return heights in [0, 1], at random, for points on a line."""
    return np.random.default_rng(0).uniform(size=n_samples)
