"""The codes of rows, as points."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from skae.inspection._colours import colours_of
from skae.inspection._displays.base import Display
from skae.inspection._models import check_components, encode
from skae.inspection._plot_embeddings import marker, spread


@dataclass(kw_only=True, eq=False, repr=False)
class EmbeddingDisplay(Display):
    """The codes of rows as points of a plane, with what is known about the rows.

    Get one from :meth:`from_estimator` or :meth:`from_codes`.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        The codes, all components of them.
    y : array-like of shape (n_samples,), default=None
        What to tell the points apart by.
    components : sequence of int, default=(0, 1)
        Indices of the components to draw: two, or a single one.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.
    points_ : list of matplotlib.collections.PathCollection
        The points, those of each class apart.

    See Also
    --------
    plot_embeddings : Several embeddings of the same rows, side by side.
    LatentGridDisplay : What the codes of such a plane decode to.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder
    >>> from skae.inspection import EmbeddingDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> ae = Autoencoder(4, max_iter=5, random_state=0).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(ae, X, y, components=(0, 3))
    >>> display.ax_.get_ylabel()
    'component 3'
    """

    codes: np.ndarray
    y: object = None
    components: tuple = (0, 1)

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, components=None, ax=None, **kwargs
    ):
        """Encode rows and draw their codes.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform`: an autoencoder, PCA, a Pipeline ending in one. Of
            a Pipeline that ends in a classifier pass ``pipeline[:-1]``.
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            What to tell the points apart by. Classes get a colour and a shape each and
            a legend: texts, if there are up to forty, and whole numbers, up to twenty;
            an ordered `pandas.Categorical` keeps its order. Of more texts there is a
            warning, and no legend. Other numbers, and dates, get a colour bar; as
            texts, ``y.astype(str)``, they are classes. The name of a Series is written
            there. Rows without a value, NaN or None, are grey and hollow, and counted.
        components : int or pair of int, default=None
            Indices of the components to draw; None are the first two, or the only one.
            A single component is drawn along the x axis, and its points are spread at
            random along the other.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        EmbeddingDisplay
            What was drawn.
        """
        codes = encode(estimator, X, cls.__name__)
        return cls.from_codes(codes, y, components=components, ax=ax, **kwargs)

    @classmethod
    def from_codes(cls, codes, y=None, *, components=None, ax=None, **kwargs):
        """Draw codes that are there already, such as those of `TSNE`.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            The codes.
        y : array-like of shape (n_samples,), default=None
            As in :meth:`from_estimator`.
        components : int or pair of int, default=None
            As in :meth:`from_estimator`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        EmbeddingDisplay
            What was drawn.
        """
        codes = check_array(codes, input_name="codes")
        check_consistent_length(codes, y)
        if components is None:
            components = range(min(2, codes.shape[1]))
        chosen = check_components(components, codes.shape[1])
        if len(chosen) > 2:
            raise ValueError(
                f"components={components!r} are too many: pass one or two indices."
            )
        display = cls(codes=codes, y=y, components=tuple(chosen))
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, *, legend=True, **kwargs):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        legend : bool, default=True
            Whether to explain the colours.
        **kwargs : dict
            ``figsize`` in inches; options of `matplotlib.axes.Axes.scatter`. Classes
            take their colours from the length of a ``cmap``.

        Returns
        -------
        EmbeddingDisplay
            This one, with what was drawn as attributes.
        """
        is_line = len(self.components) == 1
        ax = self._start(ax, (6.4, 2.6 if is_line else 4.8), kwargs)
        colours = colours_of(self.y)
        coordinates = list(self.codes[:, list(self.components)].T)
        if is_line:
            coordinates.append(spread(len(self.codes)))
        options = {**marker(len(self.codes)), **kwargs}
        self.points_ = colours.scatter(ax, *coordinates, **options)
        ax.set_xlabel(f"component {self.components[0]}")
        if is_line:
            ax.set(ylabel="spread at random", yticks=[])
        else:
            ax.set_ylabel(f"component {self.components[1]}")
        if legend:
            colours.explain_on(ax, self.points_)
        return self
