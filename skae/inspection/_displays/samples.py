"""New rows that a model has drawn."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import nan_euclidean_distances

from skae.inspection._displays.base import RowsDisplay
from skae.inspection._figure import bare, frameless, legend_above
from skae.inspection._models import fitted_names, known_image_shape
from skae.inspection._profiles import draw_lines, label_features
from skae.inspection._rows import FeatureStatistics, as_rows, names_of
from skae.metrics._within import ask, parts

_COLUMNS = 10


@dataclass(kw_only=True, eq=False, repr=False)
class SamplesDisplay(RowsDisplay):
    """Rows that a model has drawn, and the rows of the data that are most like them.

    Images are drawn as such, below each the nearest row of X, if there is an X: samples
    that are copies would be seen. Other rows are drawn as lines over the features; with
    X in standard deviations from its mean, before a band that holds the middle nine
    tenths of X; without, in the units of X, on a logarithmic axis (linear around zero)
    where features with names are of different sizes. Features with names are points,
    and not joined. Get one from :meth:`from_estimator` or :meth:`from_samples`.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_features)
        The rows drawn.
    nearest : ndarray of shape (n_samples, n_features), default=None
        The nearest row of X to each.
    statistics : FeatureStatistics, default=None
        What is typical of the features of X.
    image_shape : tuple of int or False, default=None
        Shape of images, as (28, 28) or (3, 32, 32); False for what is none. None takes
        squares of 8 x 8 pixels and more for images, unless they have names.
    feature_names : list of str, default=None
        Names of the features. Of more than forty, those that stand out most are
        written, as many as there is room for; the axis says how many.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.

    See Also
    --------
    LatentGridDisplay : What a plane of codes decodes to, in order.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> from skae.inspection import SamplesDisplay
    >>> X = load_digits().data
    >>> vae = VariationalAutoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> display = SamplesDisplay.from_estimator(vae, X, n_samples=10, random_state=0)
    >>> display.samples.shape
    (10, 64)
    """

    samples: np.ndarray
    nearest: np.ndarray | None = None
    statistics: FeatureStatistics | None = None
    image_shape: object = None
    feature_names: list | None = None
    _rows = "samples"

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        n_samples=20,
        random_state=None,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Let a model draw rows.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``sample(n_samples, random_state)``: a variational autoencoder,
            `KernelDensity`, or a Pipeline that ends in one and can be inverted.
        X : array-like of shape (n_samples, n_features), default=None
            Rows to compare with, such as those of the fit.
        n_samples : int, default=20
            How many to draw.
        random_state : int, RandomState instance or None, default=None
            Seed.
        image_shape : tuple of int or False, default=None
            As of the class; None asks the estimator first, if it is one of images.
        feature_names : list of str, default=None
            Names of the features; None takes those of a DataFrame, or, without X, those
            of the DataFrame that the estimator was fitted to.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        SamplesDisplay
            What was drawn.
        """
        samples = _draw(estimator, n_samples, random_state, cls.__name__)
        like = samples if X is None else X
        if X is None and feature_names is None:
            feature_names = fitted_names(estimator, samples)
        shape = known_image_shape(estimator, like, image_shape, feature_names)
        options = {"image_shape": shape, "feature_names": feature_names}
        return cls.from_samples(samples, X, ax=ax, **options, **kwargs)

    @classmethod
    def from_samples(
        cls,
        samples,
        X=None,
        *,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Draw rows that were drawn already.

        Parameters
        ----------
        samples : array-like of shape (n_samples, n_features)
            The rows.
        X : array-like of shape (n_samples, n_features), default=None
            Rows to compare with; NaN where an entry is missing, which is left out of
            the distances.
        image_shape : tuple of int or False, default=None
            As of the class.
        feature_names : list of str, default=None
            Names of the features; None takes those of a DataFrame.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        SamplesDisplay
            What was drawn.
        """
        display = cls(
            samples=as_rows(samples),
            image_shape=image_shape,
            feature_names=names_of(samples if X is None else X, feature_names),
        )
        if X is not None:
            rows = as_rows(X)
            display.nearest = rows[_nearest(display.samples, rows)]
            display.statistics = FeatureStatistics.of(rows)
        return display.plot(ax, **kwargs)

    def _draw_images(self, ax, shape, **kwargs):
        rows, n_features = self.samples, self.samples.shape[1]
        n_columns = min(_COLUMNS, len(rows))
        n_lines = ceil(len(rows) / n_columns)
        limits = rows.min(), rows.max()
        if self.nearest is not None:
            limits = self.statistics.limits
            both = np.full((2, n_lines * n_columns, n_features), np.nan)
            both[:, : len(rows)] = self.samples, self.nearest
            both = both.reshape(2, n_lines, n_columns, n_features).swapaxes(0, 1)
            rows, n_lines = both.reshape(-1, n_features), 2 * n_lines
        ax = self._start(ax, (0.8 * n_columns + 1.2, 0.8 * n_lines + 0.2), kwargs)
        shape.draw(ax, rows, n_columns, limits, **kwargs)
        bare(ax)
        if self.nearest is not None:
            labels = ["sample", "nearest row"] * (n_lines // 2)
            ax.set_yticks(range(n_lines), labels)
            frameless(ax)

    def _draw_table(self, ax, **kwargs):
        rows, n_features = self.samples, self.samples.shape[1]
        ax = self._start(ax, (float(np.clip(0.45 * n_features, 6, 11)), 4.0), kwargs)
        unit = "value [units of X]"
        if self.statistics is None:
            self._scale(ax)
        else:
            unit, places = "standard deviations", np.arange(n_features)
            low, high = map(
                self.statistics.standardise, (self.statistics.low, self.statistics.high)
            )
            rows = self.statistics.standardise(rows)
            edges = np.concatenate([[-0.3], places, [n_features - 0.7]])
            around = [np.interp(edges, places, bound) for bound in (low, high)]
            label = "nine tenths of X"
            ax.fill_between(edges, *around, color="0.88", linewidth=0, label=label)
        style = {"linewidth": 0.9, "alpha": 0.6, **kwargs}
        colours = [style.pop("color", "C0")] * len(rows)  # none is unlike the others
        lines = draw_lines(ax, rows, colours, names=self.feature_names, **style)
        lines[0].set_label("samples")
        legend_above(ax)
        ax.set_ylabel(unit)
        sizes = np.abs(rows).max(axis=0)
        label_features(ax, self.feature_names, n_features, sizes=sizes)

    def _scale(self, ax):
        """Let features of a table in different units be seen on the same axis."""
        sizes = np.median(np.abs(self.samples), axis=0)
        sizes = sizes[sizes > 0]
        if self.feature_names is None or not sizes.size:
            return
        if sizes.max() > 10 * sizes.min():
            ax.set_yscale("symlog", linthresh=sizes.min())
            ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _nearest(samples, rows):
    """Return the index of the nearest row to each sample: (n_samples,)."""
    if not np.isnan(rows).any():
        return pairwise_distances_argmin(samples, rows)
    distances = nan_euclidean_distances(samples, rows)
    # Of a row that is missing as a whole the distance is NaN, which argmin would take.
    return np.where(np.isnan(distances), np.inf, distances).argmin(axis=1)


def _draw(estimator, n_samples, random_state, who):
    """Draw rows from the last step, and bring them back through those before it."""
    *before, last = parts(estimator) or [estimator]
    rows = ask(last, "sample", who)(n_samples, random_state=random_state)
    for part in reversed(before):
        rows = ask(part, "inverse_transform", who)(rows)
    return rows
