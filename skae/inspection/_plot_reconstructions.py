"""Rows beside their reconstructions: images, points in space, or rows of a table."""

import numpy as np

from skae.inspection._figure import figure_for
from skae.inspection._row_drawings import drawing_for
from skae.inspection._rows import rows_to_show


def plot_reconstructions(
    X,
    reconstructions,
    y=None,
    *,
    n_samples=10,
    image_shape=None,
    feature_names=None,
    captions=None,
    legend=True,
    fig=None,
):
    """Draw rows of X and, next to them, what every method makes of them.

    Rows that are images are drawn as such. Two or three features are drawn as points
    in space, all of them. Anything else is drawn as a heat map, a line a row and a
    column a feature, in standard deviations of the feature.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The originals.

    reconstructions : dict of str to array-like of shape (n_samples, n_features)
        What comes back, by the name of the method.

    y : array-like of shape (n_samples,), default=None
        Labels or numbers: the rows to show are spread over them, and points in space
        are coloured by them.

    n_samples : int, default=10
        Number of rows to show as images or as lines of the heat map.

    image_shape : tuple of int or False, default=None
        Height and width, with the number of channels after or before them if there
        are several; False for what is no image. None takes squares of 8 x 8 pixels
        and more for images, unless they have names.

    feature_names : list of str, default=None
        The names of the columns of a table.

    captions : dict of str to str, default=None
        A line to write at the reconstructions, by the name of the method.

    legend : bool, default=True
        Whether to explain the colours of points in space.

    fig : Figure or SubFigure, default=None
        Where to draw; None is a new pyplot figure.

    Returns
    -------
    Figure or SubFigure
        What was drawn on.

    Raises
    ------
    ValueError
        If there are no reconstructions, if one has not the shape of X, or if
        `image_shape` does not fit.

    ImportError
        If matplotlib is not installed.

    See Also
    --------
    ComparisonDisplay : Makes the reconstructions, and the picture of a comparison.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data
    with neural networks. Science 313, 504-507; its figure 2 is such a picture.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import plot_reconstructions
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(8).fit(X)
    >>> X_hat = pca.inverse_transform(pca.transform(X))
    >>> figure = plot_reconstructions(X, {"PCA": X_hat}, y)
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['original', 'PCA']
    """
    panels = _panels(X, reconstructions, captions or {})
    drawing = drawing_for(
        np.shape(X)[1], image_shape=image_shape, feature_names=feature_names
    )
    fig = figure_for(fig, drawing.size(len(panels)))
    drawing.draw(fig, panels, rows_to_show(len(X), y, n_samples), y, legend)
    return fig


def _panels(X, reconstructions, captions):
    if not reconstructions:
        raise ValueError("reconstructions is empty: pass at least one")
    X = np.asarray(X, dtype=float)
    panels = {"original": X}
    for name, X_hat in reconstructions.items():
        if np.shape(X_hat) != X.shape:
            raise ValueError(
                f"The reconstruction {name!r} has shape {np.shape(X_hat)}, "
                f"X has {X.shape}"
            )
        label = f"{name}\n{captions[name]}" if name in captions else name
        panels[label] = np.asarray(X_hat, dtype=float)
    return panels
