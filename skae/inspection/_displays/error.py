"""The reconstruction errors of rows, and which of them lie above a threshold."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skae.inspection._displays.base import Display
from skae.inspection._figure import chosen_scale, name_axis, plain_ticks
from skae.inspection._models import error_unit, in_unit, reconstruct
from skae.inspection._rows import as_rows, is_missing
from skae.inspection._shares import written
from skae.metrics._within import last_step

_LOOKS = (("-", None), ("--", "///"), (":", "..."), ("-.", "xxx"))
"""Line and hatching of the classes: what is left of colours in black and white."""


@dataclass(kw_only=True, eq=False, repr=False)
class ReconstructionErrorDisplay(Display):
    """A histogram of reconstruction errors, with the share above a threshold.

    Rows that come back badly are unlike those that the estimator was fitted to. Get
    one from :meth:`from_estimator` or :meth:`from_errors`.

    Parameters
    ----------
    errors : ndarray of shape (n_samples,)
        The error of each row.
    y : ndarray of shape (n_samples,), default=None
        Labels, such as normal and anomalous.
    threshold : float, default=None
        The error above which a row counts as unusual.
    unit : str, default=None
        Unit of the errors.
    threshold_name : str, default=None
        What the threshold is, such as a quantile, for the legend.

    Attributes
    ----------
    share_above : float or dict of float
        Share of the rows above the threshold; with `y`, by label.
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.
    bars_ : list of matplotlib.patches.Polygon
        The histograms, one for each label.
    line_ : matplotlib.lines.Line2D or None
        The threshold.

    See Also
    --------
    ReconstructionDisplay : Which features of chosen rows come back badly.
    sklearn.metrics.RocCurveDisplay : How well the error tells two labels apart.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import Autoencoder
    >>> from skae.inspection import ReconstructionErrorDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), Autoencoder(4, random_state=0))
    >>> model = model.fit(X[y == 1])
    >>> label = ["malignant" if malignant else "benign" for malignant in y == 0]
    >>> display = ReconstructionErrorDisplay.from_estimator(
    ...     model, X, label, quantile=0.9, quantile_of="benign"
    ... )
    >>> display.share_above["malignant"] > 5 * display.share_above["benign"]
    True
    """

    errors: np.ndarray
    y: np.ndarray | None = None
    threshold: float | None = None
    unit: str | None = None
    threshold_name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        threshold=None,
        quantile=None,
        quantile_of=None,
        ax=None,
        **kwargs,
    ):
        """Reconstruct rows and draw the histogram of their errors.

        Parameters
        ----------
        estimator : estimator
            Fitted. The errors are those of its `reconstruction_error`, if it has this
            method; otherwise, as of PCA, the mean squared error of each row, from
            `transform` and `inverse_transform`. Those of a Pipeline are those of its
            last step, for what the other steps make of X.
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Labels of up to four kinds, such as normal and anomalous, to tell apart.
        threshold : float, default=None
            The error above which a row counts as unusual.
        quantile : float, default=None
            In place of `threshold`: the quantile of the errors, between 0 and 1, that
            it is to be: 0.95 for one that a twentieth of the rows lies above.
        quantile_of : label, default=None
            The label in `y` of the rows whose quantile it is, such as that of the
            normal ones; None is all rows, anomalies and all. A threshold that other
            rows set is ``np.quantile(ae.reconstruction_error(X_train), 0.95)``.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        ReconstructionErrorDisplay
            What was drawn.
        """
        last, seen = last_step(estimator, X)
        if hasattr(last, "reconstruction_error"):
            errors = last.reconstruction_error(seen)
        else:
            X_hat = reconstruct(last, seen, cls.__name__)
            errors = np.nanmean(np.square(as_rows(seen) - X_hat), axis=1)
        unit = error_unit(last, estimator)
        return cls.from_errors(
            errors,
            y,
            threshold=threshold,
            quantile=quantile,
            quantile_of=quantile_of,
            unit=unit,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_errors(
        cls,
        errors,
        y=None,
        *,
        threshold=None,
        quantile=None,
        quantile_of=None,
        unit=None,
        ax=None,
        **kwargs,
    ):
        """Draw the histogram of errors, or of other scores, that are there already.

        Parameters
        ----------
        errors : array-like of shape (n_samples,)
            The error of each row.
        y : array-like of shape (n_samples,), default=None
            As in :meth:`from_estimator`.
        threshold : float, default=None
            As in :meth:`from_estimator`.
        quantile : float, default=None
            As in :meth:`from_estimator`.
        quantile_of : label, default=None
            As in :meth:`from_estimator`.
        unit : str, default=None
            Unit of the errors.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        ReconstructionErrorDisplay
            What was drawn.
        """
        errors = check_array(errors, ensure_2d=False, input_name="errors").ravel()
        if y is not None:
            check_consistent_length(errors, y)
            y = column_or_1d(y)
            _refuse_missing(y)
            if len(np.unique(y)) > len(_LOOKS):
                raise ValueError(
                    f"y has {len(np.unique(y))} labels, and a histogram can show up to "
                    f"{len(_LOOKS)}. Group them first, as normal and anomalous."
                )
        name = None
        if quantile is not None or quantile_of is not None:
            if threshold is not None:
                raise ValueError("Pass a threshold or a quantile, not both.")
            threshold = _quantile(errors, y, quantile, quantile_of)
            name = f"quantile {quantile:g} of {_whose(quantile_of)}"
        display = cls(
            errors=errors, y=y, threshold=threshold, unit=unit, threshold_name=name
        )
        return display.plot(ax, **kwargs)

    @property
    def share_above(self):
        """Share of the rows above the threshold; with `y`, by label."""
        if self.threshold is None:
            raise ValueError("There is no threshold: pass one, or a quantile.")
        above = self.errors > self.threshold
        if self.y is None:
            return float(above.mean())
        labels = np.unique(self.y).tolist()
        return {label: float(above[self.y == label].mean()) for label in labels}

    def plot(self, ax=None, *, bins="auto", scale="auto", **kwargs):
        """Draw the histogram: shares of the rows, of those of each label with `y`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        bins : int, str or array-like, default="auto"
            As in `numpy.histogram_bin_edges`; of equal width on the axis as it is.
        scale : {"auto", "linear", "log"}, default="auto"
            Of the error. ``"auto"`` is logarithmic where the errors are positive and
            the largest is more than ten times their median.
        **kwargs : dict
            ``figsize`` in inches; options of `matplotlib.axes.Axes.hist`.

        Returns
        -------
        ReconstructionErrorDisplay
            This one, with what was drawn as attributes.
        """
        scale = chosen_scale(scale, "log" if self._has_a_tail() else "linear")
        edges = self._edges(bins, scale)
        ax = self._start(ax, (6.4, 4.0), kwargs)
        labels = [None] if self.y is None else np.unique(self.y).tolist()
        self.bars_ = [
            self._draw(i, label, edges, **kwargs) for i, label in enumerate(labels)
        ]
        ax.set_xscale(scale)
        if scale == "log":
            plain_ticks(ax.xaxis)
        self.line_ = None
        if self.threshold is not None:
            name = f":\n{self.threshold_name}" if self.threshold_name else ""
            self.line_ = ax.axvline(
                self.threshold,
                color="k",
                label=f"threshold {self.threshold:.4g}{name}",
            )
        if self.y is not None or self.line_ is not None:
            ax.legend()
        what = "the rows" if self.y is None else "rows of the same label"
        name_axis(ax.xaxis, in_unit("reconstruction error", self.unit))
        name_axis(ax.yaxis, f"share of {what} [%]")
        return self

    def _draw(self, i, label, edges, **kwargs):
        errors = self.errors if label is None else self.errors[self.y == label]
        (line, hatch), are_few = _LOOKS[i], self.y is None or len(np.unique(self.y)) < 3
        style = {
            "histtype": "stepfilled",
            "weights": np.full(len(errors), 100 / len(errors)),
            "facecolor": (f"C{i}", 0.3) if are_few else "none",
            "edgecolor": f"C{i}",
            "linewidth": 1.5 if are_few else 2.0,
            "linestyle": line,
            "hatch": hatch if are_few else None,
            "label": self._describe(label),
        }
        _, _, (bars,) = self.ax_.hist(errors, edges, **{**style, **kwargs})
        return bars

    def _describe(self, label):
        """Say in the legend what the bars are, and how many lie above the threshold."""
        what = "rows" if label is None else str(label)
        if self.threshold is None:
            return what
        share = self.share_above if label is None else self.share_above[label]
        return f"{what}: {written(share, '.1%')} above"

    def _has_a_tail(self):
        median = np.median(self.errors)
        return self.errors.min() > 0 and self.errors.max() > 10 * median

    def _edges(self, bins, scale):
        if scale == "linear":
            return np.histogram_bin_edges(self.errors, bins)
        if self.errors.min() <= 0:
            raise ValueError('scale="log" needs errors above 0.')
        if not (isinstance(bins, str) or np.isscalar(bins)):
            return np.asarray(bins)
        edges = np.exp(np.histogram_bin_edges(np.log(self.errors), bins))
        edges[0] = min(edges[0], self.errors.min())  # what rounding may have left out
        edges[-1] = max(edges[-1], self.errors.max())
        return edges


def _quantile(errors, y, quantile, label):
    """Return a quantile of all errors, or of those of the rows with a label."""
    if not isinstance(quantile, Real) or not 0 <= quantile <= 1:
        raise ValueError(
            f"quantile must be a number between 0 and 1. Got {quantile!r}."
        )
    if label is None:
        return float(np.quantile(errors, quantile))
    chosen = np.zeros(len(errors), bool) if y is None else y == label
    if not np.any(chosen):
        known = "there is no y" if y is None else f"y has {np.unique(y).tolist()}"
        raise ValueError(
            f"quantile_of={label!r} must be a label of some rows, but {known}."
        )
    return float(np.quantile(errors[chosen], quantile))


def _whose(label):
    return "all rows" if label is None else str(label)


def _refuse_missing(y):
    """Refuse labels that are None, NaN or the like: these equal no label."""
    (rows,) = np.nonzero([is_missing(label) for label in y.tolist()])
    if len(rows):
        raise ValueError(
            f"y has no label in row {rows[0]} ({len(rows)} in all are missing). Leave "
            "these rows out, or give them a label of their own, as 'unknown'."
        )
