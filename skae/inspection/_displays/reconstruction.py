"""Rows beside what is left of them: images, or the error of every feature."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from sklearn.utils import check_consistent_length

from skae.inspection._displays.base import RowsDisplay
from skae.inspection._figure import cut, frameless, inches_each, name_axis
from skae.inspection._models import known_image_shape, reconstruct
from skae.inspection._profiles import label_features
from skae.inspection._rows import (
    FeatureStatistics,
    as_rows,
    is_missing,
    names_of,
    rows_to_show,
)

_FEW = 7  # rows
_NUMBER, _SIGN = 0.45, 0.11  # inches that a number or a sign in a cell needs


@dataclass(kw_only=True, eq=False, repr=False)
class ReconstructionDisplay(RowsDisplay):
    """Originals above their reconstructions, or the errors of the features of a table.

    Images are drawn as such, with the mean squared error of each. Of other rows the
    errors are drawn, in standard deviations of the feature over all rows of X, so that
    features in different units can be compared; above them the root mean square over
    all rows of X. Get one from :meth:`from_estimator` or :meth:`from_reconstructions`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The originals; NaN where an entry is missing.
    X_hat : ndarray of shape (n_samples, n_features)
        Their reconstructions.
    y : array-like of shape (n_samples,), default=None
        Labels or numbers that the rows to show are spread over, and that are written at
        them.
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
    image_ : matplotlib.image.AxesImage
        The images, or the errors.
    rows_ : ndarray of int
        Indices of the rows that were drawn.

    See Also
    --------
    plot_reconstructions : The reconstructions of several methods, below each other.
    ReconstructionErrorDisplay : The errors of all rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder
    >>> from skae.inspection import ReconstructionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> ae = Autoencoder(4, max_iter=5, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(ae, X, y)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['original', 'reconstruction']
    """

    X: np.ndarray
    X_hat: np.ndarray
    y: object = None
    image_shape: object = None
    feature_names: list | None = None
    _rows = "X"

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Reconstruct rows and draw some of them.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `reconstruct`, or with `transform` and `inverse_transform`: an
            autoencoder, PCA, a Pipeline of such.
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Labels or numbers that the rows to show are spread over, and that are
            written at them.
        image_shape : tuple of int or False, default=None
            As of the class; None asks the estimator first, if it is one of images.
        feature_names : list of str, default=None
            Names of the features; None takes those of a DataFrame.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        ReconstructionDisplay
            What was drawn.
        """
        return cls.from_reconstructions(
            X,
            reconstruct(estimator, X, cls.__name__),
            y,
            image_shape=known_image_shape(estimator, X, image_shape, feature_names),
            feature_names=feature_names,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_reconstructions(
        cls,
        X,
        X_hat,
        y=None,
        *,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Draw some of the rows whose reconstructions are there already.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        X_hat : array-like of shape (n_samples, n_features)
            Their reconstructions.
        y : array-like of shape (n_samples,), default=None
            As in :meth:`from_estimator`.
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
        ReconstructionDisplay
            What was drawn.
        """
        names = names_of(X, feature_names)
        X, X_hat = as_rows(X), as_rows(X_hat)
        check_consistent_length(X, y)
        if X.shape != X_hat.shape:
            raise ValueError(f"X_hat has shape {X_hat.shape}, X has {X.shape}.")
        display = cls(
            X=X, X_hat=X_hat, y=y, image_shape=image_shape, feature_names=names
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, *, rows=None, n_samples=10, **kwargs):
        """Draw some of the rows.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        rows : array-like of int or of bool, default=None
            Indices of the rows to show, or a mask of them; None chooses `n_samples` of
            them: the first ones, or, with `y`, some that are spread over it.
        n_samples : int, default=10
            How many rows to show.
        **kwargs : dict
            ``figsize`` in inches; options of `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        ReconstructionDisplay
            This one, with what was drawn as attributes.
        """
        if rows is None:
            rows = rows_to_show(len(self.X), self.y, n_samples)
        self.rows_ = _indices(rows, len(self.X))
        return super().plot(ax, **kwargs)

    def _draw_images(self, ax, shape, **kwargs):
        n = len(self.rows_)
        ax = self._start(ax, (max(3.0, 0.85 * n) + 1.0, 2.4), kwargs)
        X, X_hat = self.X[self.rows_], self.X_hat[self.rows_]
        limits = np.nanmin(X), np.nanmax(X)
        self.image_ = shape.draw(ax, np.concatenate([X, X_hat]), n, limits, **kwargs)
        errors = np.nanmean(np.square(X - X_hat), axis=1)
        ax.set_yticks([0, 1], ["original", "reconstruction"])
        texts = self._labelled([f"{error:.3g}" for error in errors], "\n")
        ax.set_xticks(range(n), texts, fontsize="small")
        above = "" if self.y is None else "label; "
        name_axis(ax.xaxis, f"{above}mean squared error [squared units of X]")
        frameless(ax)

    def _draw_table(self, ax, **kwargs):
        n_features, n = self.X.shape[1], len(self.rows_)
        names = self.feature_names
        height = 0.3 * (n + 1) + (1.5 if names is None else 2.2)
        size = float(np.clip(0.6 * n_features, 4, 11)) + 2.0, height
        ax = self._start(ax, size, kwargs)
        deviations = (self.X_hat - self.X) / FeatureStatistics.of(self.X).std
        overall = np.sqrt(np.nanmean(np.square(deviations), axis=0))
        shown = np.vstack([overall, deviations[self.rows_]])
        options = {"cmap": "Blues", "vmin": 0, "aspect": "auto", **kwargs}
        self.image_ = ax.imshow(np.abs(shown), interpolation="nearest", **options)
        ax.axhline(0.5, color="k", linewidth=1.5)
        rows = self._labelled([f"row {i}" for i in self.rows_], ", ")
        ax.set_yticks(range(n + 1), ["all rows", *rows])
        label_features(ax, names, n_features, sizes=overall)
        room, signs = inches_each(ax, n_features), ""
        if room > _NUMBER:
            self._write(shown, lambda i, value: f"{value:{'+' if i else ''}.2f}")
        elif room > _SIGN:
            self._write(shown, lambda i, value: "\N{MINUS SIGN}" if value < 0 else "")
            signs = "\n\N{MINUS SIGN}: too low"
        bar = ax.figure.colorbar(self.image_, ax=ax)
        if n < _FEW:  # the bar is shorter than its label
            style = {"rotation": 0, "ha": "left", "va": "center"}
            bar.set_label(f"error\n[standard\ndeviations]{signs}", **style)
        else:
            bar.set_label(f"error [standard deviations]{signs}")

    def _labelled(self, texts, between):
        """Write the labels of the rows that are drawn, if any, before their texts."""
        if self.y is None:
            return texts
        labels = np.asarray(self.y)[self.rows_]
        if labels.dtype.kind == "M":  # of which nanoseconds would become integers
            labels = labels.astype("datetime64[D]")
        written = map(_written, labels.tolist())
        return [f"{a}{between}{b}" for a, b in zip(written, texts, strict=True)]

    def _write(self, shown, text_of):
        """Write the text of each error, of which line it is, into its cell."""
        for (i, j), value in np.ndenumerate(shown):
            dark = self.image_.norm(abs(value)) > 0.7
            self.ax_.text(
                j,
                i,
                "" if np.isnan(value) else text_of(i, value),
                ha="center",
                va="center",
                fontsize="small",
                color="white" if dark else "black",
            )


def _written(label):
    """Write a label short: of a time its day."""
    if is_missing(label):
        return "no value"
    if isinstance(label, date):
        return label.isoformat()[:10]
    return f"{label:.3g}" if isinstance(label, float) else cut(str(label), 10)


def _indices(rows, n_rows):
    """Return the indices of chosen rows, from 0 on: of indices, or of a mask."""
    rows = np.asarray(rows)
    try:
        chosen = np.atleast_1d(np.arange(n_rows)[rows if rows.size else slice(0)])
    except IndexError as error:
        raise ValueError(
            f"rows must be indices of the {n_rows} rows of X, or a mask with an entry "
            f"for each of them: {error}"
        ) from error
    if not chosen.size:
        raise ValueError("rows chooses no row: there is nothing to draw.")
    return chosen
