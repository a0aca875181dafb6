"""The loss over the epochs of a fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae.inspection._displays.base import Display
from skae.inspection._figure import chosen_scale, name_axis, plain_ticks
from skae.inspection._models import error_unit, in_unit
from skae.metrics._within import innermost

_MARKS = "s^Dv<>PX"  # not the circle, which is at the epoch that was kept


@dataclass(kw_only=True, eq=False, repr=False)
class LossCurveDisplay(Display):
    """The training and the validation loss of each epoch, and which epoch was kept.

    Get one from :meth:`from_estimator`.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.
    validation_loss_curve : sequence of float, default=()
        Validation loss after each epoch, if there was one.
    best_iteration : int, default=None
        The epoch whose weights were kept; 0 is the start.
    best_loss : float, default=None
        The loss of these weights. Where it is not on the validation curve, this is the
        mean of folds, which other fits were judged by, and the legend says so.
    unit : str, default=None
        Unit of the losses.
    name : str, default=None
        Written in the legend before the names of the curves, which get marks: other
        ones for each fit on the same axes.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.
    lines_ : list of matplotlib.lines.Line2D
        The curves: training, and validation if there is one.
    best_ : matplotlib.lines.Line2D or None
        The mark at the epoch that was kept.

    See Also
    --------
    ReconstructionErrorDisplay : What is lost of each row in the end.
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder
    >>> from skae.inspection import LossCurveDisplay
    >>> X = load_digits().data
    >>> ae = Autoencoder(4, max_iter=5, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(ae)
    >>> display.ax_.get_ylabel()
    'loss [squared units of X]'
    """

    loss_curve: Sequence
    validation_loss_curve: Sequence = ()
    best_iteration: int | None = None
    best_loss: float | None = None
    unit: str | None = None
    name: str | None = None

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **kwargs):
        """Draw the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `loss_curve_`: an autoencoder, a Pipeline or a search around
            one. The loss of a step in a Pipeline is in units of what that step saw.
        name : str, default=None
            Written in the legend before the names of the curves, which get marks: other
            ones for each fit on the same axes.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure. Curves that are there already
            stay, so that fits can be compared.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        LossCurveDisplay
            What was drawn.
        """
        check_is_fitted(estimator)
        trained = innermost(estimator, "loss_curve_")
        if trained is None or not len(trained.loss_curve_):
            raise TypeError(
                f"{type(estimator).__name__} has no loss curve (loss_curve_): "
                "LossCurveDisplay needs an estimator that was trained in epochs."
            )
        display = cls(
            loss_curve=list(trained.loss_curve_),
            validation_loss_curve=list(getattr(trained, "validation_loss_curve_", ())),
            best_iteration=getattr(trained, "best_iteration_", None),
            best_loss=getattr(trained, "best_loss_", None),
            unit=error_unit(trained, estimator),
            name=name,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, *, scale="auto", mark_best=True, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        scale : {"auto", "linear", "log"}, default="auto"
            Of the loss. ``"auto"`` is logarithmic where the losses are positive and
            span a decade.
        mark_best : bool, default=True
            Whether to mark the epoch whose weights were kept.
        **kwargs : dict
            ``figsize`` of a new figure, in inches; options of
            `matplotlib.axes.Axes.plot`, for the curves.

        Returns
        -------
        LossCurveDisplay
            This one, with what was drawn as attributes.
        """
        scale = chosen_scale(scale, "log" if self._spans_a_decade() else None)
        ax = self._start(ax, (6.0, 4.0), kwargs)
        self.lines_, self.best_ = [], None
        kwargs = {**self._marks(ax), **kwargs}
        self._draw(self.loss_curve, "training", **kwargs)
        if len(self.validation_loss_curve):
            color = self.lines_[0].get_color()
            style = {"linestyle": "--", "color": color, **kwargs}
            of_folds = " (mean of five folds)" if self._is_of_folds else ""
            self._draw(self.validation_loss_curve, f"validation{of_folds}", **style)
        if mark_best and self.best_iteration is not None and not self._is_untrained:
            self._mark_best()
        if scale:
            ax.set_yscale(scale)
        if ax.get_yscale() == "log":
            plain_ticks(ax.yaxis)
        ax.locator_params(axis="x", integer=True)
        ax.set_xlabel("epoch")
        name_axis(ax.yaxis, in_unit("loss", self.unit))
        ax.legend()
        return self

    def _marks(self, ax):
        """Marks along the curves of a fit with a name: others than of those before."""
        if not self.name:
            return {}
        n = len(self.loss_curve)
        before = sum(str(line.get_label()).endswith(", training") for line in ax.lines)
        return {
            "marker": _MARKS[before % len(_MARKS)],
            "markersize": 5,
            "markevery": max(1, len(self.validation_loss_curve) // 6, n // 6),
        }

    def _draw(self, curve, what, **kwargs):
        """Draw a curve; a point, and its value in the legend, of a single epoch."""
        if len(curve) == 1:
            kwargs = {"marker": "o", "linestyle": "", **kwargs}
            what = f"{what}: {curve[0]:.4g}"
            self.ax_.update_datalim([(0, curve[0]), (2, curve[0])])  # whole epochs
        epochs = np.arange(1, len(curve) + 1)
        self.lines_ += self.ax_.plot(epochs, curve, label=self._label(what), **kwargs)

    def _label(self, what):
        return f"{self.name}, {what}" if self.name else what

    def _mark_best(self):
        epoch, line = self.best_iteration, self.lines_[-1]
        curve, color = line.get_ydata(), line.get_color()
        loss = curve[min(epoch, len(curve)) - 1] if epoch else self.best_loss
        kept = f"kept: {f'epoch {epoch}' if epoch else 'the start'}"
        (self.best_,) = self.ax_.plot(
            epoch,
            loss,
            marker="o",
            markersize=8,
            markerfacecolor="white",
            markeredgewidth=1.5,
            color=color,
            linestyle="",
            zorder=3,
            label=self._label(kept),
        )

    @property
    def _is_of_folds(self):
        """Whether other fits were judged: the loss that was kept is not on the curve.

        Folds say how many epochs to train for; where none are worth it, there are none.
        """
        curve, epoch = self.validation_loss_curve, self.best_iteration
        if len(curve) != len(self.loss_curve):
            return True
        return bool(epoch and self.best_loss not in (None, curve[epoch - 1]))

    @property
    def _is_untrained(self):
        """Whether a single loss is all that there is, as of an exact solution."""
        n_losses = len(self.loss_curve) + len(self.validation_loss_curve)
        return n_losses == 1 and self.best_loss in (None, self.loss_curve[0])

    def _spans_a_decade(self):
        values = np.concatenate([self.loss_curve, self.validation_loss_curve])
        return values.min() > 0 and values.max() > 10 * values.min()
