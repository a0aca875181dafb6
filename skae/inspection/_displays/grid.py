"""What a plane of codes decodes to."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from skae._optional import import_optional
from skae.inspection._displays.base import RowsDisplay
from skae.inspection._figure import broken, cut, inches_each, split
from skae.inspection._latent import CodeRange, check_steps, decode_around
from skae.inspection._models import check_components, known_image_shape
from skae.inspection._profiles import draw_cells
from skae.inspection._rows import FeatureStatistics, as_rows, names_of

_MOST_MAPS = 16  # features that have one each
_NUMBERED = 1.2  # inches of a map with room for numbers at its lines


@dataclass(kw_only=True, eq=False, repr=False)
class LatentGridDisplay(RowsDisplay):
    """What codes on a grid in two components decode to, each drawn in its place.

    The axes are those of the code, as in an `EmbeddingDisplay` of the same components.
    Images are drawn as such. Of other rows the deviations from the mean are drawn, in
    standard deviations: of up to sixteen features a map of the plane for each, with
    lines of equal height, dashed below the mean; of more, without names, such as those
    of a signal, a line in the place of each code. Get one from :meth:`from_estimator`.

    Parameters
    ----------
    decoded : ndarray of shape (n_steps, n_steps, n_features)
        What the codes decode to; the second component rises along the first axis.
    values : ndarray of shape (2, n_steps)
        Values of both components.
    components : list of int
        Indices of the two.
    statistics : FeatureStatistics
        What is typical of the features.
    image_shape : tuple of int or False, default=None
        Shape of images, as (28, 28) or (3, 32, 32); False for what is none. None takes
        squares of 8 x 8 pixels and more for images, unless they have names.
    feature_names : list of str, default=None
        Names of the features; rows of features with names are no images.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on, or that the maps stand in.
    axes_ : list of matplotlib.axes.Axes
        `ax_`, or the axes of each feature's map.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.

    See Also
    --------
    EmbeddingDisplay : Where the rows are in such a plane.
    LatentTraversalDisplay : One component moves at a time.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR; its
    figure 4 is such a grid.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> from skae.inspection import LatentGridDisplay
    >>> X = load_digits().data
    >>> vae = VariationalAutoencoder(4, max_iter=5, random_state=0).fit(X)
    >>> display = LatentGridDisplay.from_estimator(vae, X, components=(0, 2))
    >>> display.ax_.get_ylabel()
    'component 2'
    """

    decoded: np.ndarray
    values: np.ndarray
    components: list
    statistics: FeatureStatistics
    image_shape: object = None
    feature_names: list | None = None
    _rows = "decoded"

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        components=(0, 1),
        n_steps=12,
        quantiles=(0.02, 0.98),
        center=None,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Decode codes on a grid.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`: an autoencoder, PCA, a
            Pipeline of such.
        X : array-like of shape (n_samples, n_features)
            Rows, whose codes say how far each component reaches.
        components : pair of int, default=(0, 1)
            Indices of the components along the x and the y axis.
        n_steps : int, default=12
            How many values each of them takes, evenly spaced.
        quantiles : pair of float, default=(0.02, 0.98)
            Quantiles of its values for X between which a component moves.
        center : array-like of shape (n_components,), default=None
            The code that all other components are taken from; None is the mean of the
            codes of X.
        image_shape : tuple of int or False, default=None
            As of the class; None asks the estimator first, if it is one of images.
        feature_names : list of str, default=None
            Names of the features; None takes those of a DataFrame.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure. Maps need axes from a grid,
            which are split.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        LatentGridDisplay
            What was drawn.
        """
        check_steps(n_steps)
        codes = CodeRange.of(estimator, X, quantiles, center, cls.__name__)
        if len(codes.center) < 2:
            raise ValueError(
                "A grid needs a code of at least two components, but this one has a "
                "single one: use LatentTraversalDisplay."
            )
        chosen = check_components(components, len(codes.center))
        if len(chosen) != 2 or chosen[0] == chosen[1]:
            raise ValueError(
                f"components must be two different indices. Got {components!r}."
            )
        values = np.array([codes.steps(i, n_steps) for i in chosen])
        if np.any(values[:, 0] == values[:, -1]):
            raise ValueError(
                f"One of the components {chosen} is the same for all rows of X between "
                "the quantiles: choose others, or wider quantiles."
            )
        grid = np.dstack(np.meshgrid(*values)).reshape(-1, 2)
        decoded = decode_around(estimator, codes.center, chosen, grid, cls.__name__)
        display = cls(
            decoded=decoded.reshape(n_steps, n_steps, -1),
            values=values,
            components=chosen,
            statistics=FeatureStatistics.of(as_rows(X)),
            image_shape=known_image_shape(estimator, X, image_shape, feature_names),
            feature_names=names_of(X, feature_names),
        )
        return display.plot(ax, **kwargs)

    def _draw_images(self, ax, shape, **kwargs):
        n_steps, step = self.decoded.shape[0], self.values[:, 1] - self.values[:, 0]
        ax = self._start(ax, (6.0, 6.0), kwargs)
        self.axes_ = [ax]
        shape.draw(
            ax,
            self.decoded[::-1].reshape(n_steps**2, -1),  # the highest come first
            n_steps,
            self.statistics.limits,
            x=(self.values[0, 0], step[0]),
            y=(self.values[1, -1], -step[1]),
            **kwargs,
        )
        self._label(ax)

    def _draw_table(self, ax, **kwargs):
        planes = self.statistics.standardise(self.decoded)
        if planes.shape[2] <= _MOST_MAPS:
            self._draw_maps(ax, planes, **kwargs)
        elif self.feature_names is None:
            self._draw_lines(ax, planes, **kwargs)
        else:
            raise ValueError(
                f"A grid shows tables of up to {_MOST_MAPS} features, a map for each; "
                f"this one has {planes.shape[2]}. Use LatentTraversalDisplay, which "
                "has room for their names. For signals pass an array, without names."
            )

    def _draw_maps(self, ax, planes, **kwargs):
        """Draw the value of each feature over the plane, with lines of equal height."""
        n = planes.shape[2]
        n_columns = ceil(np.sqrt(n))
        size = 2.4 * n_columns + 1.4, 2.1 * ceil(n / n_columns) + 0.5
        ax = self._start(ax, size, kwargs)
        self.axes_ = split(ax, n, n_columns, sharey=True)
        ticker = import_optional("matplotlib.ticker", extra="inspection")
        levels = ticker.MaxNLocator(10).tick_values(planes.min(), planes.max())
        names = self.feature_names or [f"feature {i}" for i in range(n)]
        inches = inches_each(self.axes_[0], 1)
        options = {"levels": levels, "cmap": "cividis", **kwargs}
        for i, one in enumerate(self.axes_):
            plane = planes[:, :, i]
            filled = one.contourf(*self.values, plane, **options)
            inside = levels[(plane.min() < levels) & (levels < plane.max())]
            if len(inside):
                style = {"colors": "k", "linewidths": 0.8}
                lines = one.contour(*self.values, plane, inside, **style)
                if inches > _NUMBERED:
                    one.clabel(lines, fontsize="x-small", inline_spacing=1)
            one.set_title(cut(names[i], int(14 * inches)), fontsize="medium")
            self._label(one, x=i + n_columns >= n, y=i % n_columns == 0)
        bar = self.figure_.colorbar(filled, ax=self.axes_, aspect=40)
        bar.set_label("standard deviations from the mean")

    def _draw_lines(self, ax, planes, **kwargs):
        """Draw each row as a line in its place, all of them on one scale."""
        n_steps, step = planes.shape[0], self.values[:, 1] - self.values[:, 0]
        ax = self._start(ax, (6.0, 6.0), kwargs)
        self.axes_ = [ax]
        rows = planes.reshape(n_steps**2, -1)
        x, y = (axis.ravel() for axis in np.meshgrid(*self.values))
        largest = max(1.0, np.abs(rows).max())
        inches = inches_each(ax, n_steps)
        draw_cells(ax, rows / largest, x, y, step, inches, **kwargs)
        low, high = self.values[:, 0] - 0.6 * step, self.values[:, -1] + 0.6 * step
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        apart = f"{2 * largest / 0.9:.2g} standard deviations from line to line"
        name = f"values over the features 0 to {rows.shape[1] - 1}; {apart}"
        ax.set_title(broken(ax.xaxis, name), fontsize="medium")
        self._label(ax)

    def _label(self, ax, x=True, y=True):
        """Write which components the axes are, at those of the two that are wanted."""
        for axis, i, wanted in zip("xy", self.components, (x, y), strict=True):
            ax.set(**{f"{axis}label": f"component {i}" if wanted else ""})
