"""What becomes of a row as one component of its code moves, and nothing else."""

from dataclasses import dataclass

import numpy as np

from skae._optional import import_optional
from skae.inspection._displays.base import RowsDisplay
from skae.inspection._figure import frameless, legend_above, name_axis, split
from skae.inspection._latent import CodeRange, check_steps, decode_around
from skae.inspection._models import check_components, known_image_shape
from skae.inspection._profiles import draw_lines, label_features
from skae.inspection._rows import FeatureStatistics, as_rows, names_of

_MOST_COMPONENTS = 8  # that are chosen without being asked for


@dataclass(kw_only=True, eq=False, repr=False)
class LatentTraversalDisplay(RowsDisplay):
    """What codes decode to while one component moves and the others stand still.

    Images are drawn side by side, a line for each component. Other rows are drawn as
    lines over the features, or as points where these have names, in standard deviations
    from the mean, axes for each component. Get one from :meth:`from_estimator`.

    Parameters
    ----------
    decoded : ndarray of shape (n_chosen, n_steps, n_features)
        What the codes decode to.
    values : ndarray of shape (n_chosen, n_steps)
        Values of the component that moves.
    components : list of int
        Indices of the components.
    statistics : FeatureStatistics
        What is typical of the features.
    image_shape : tuple of int or False, default=None
        Shape of images, as (28, 28) or (3, 32, 32); False for what is none. None takes
        squares of 8 x 8 pixels and more for images, unless they have names.
    feature_names : list of str, default=None
        Names of the features. Of more than forty, those that stand out most are
        written, as many as there is room for; the axis says how many.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on, or that the axes of the components stand in.
    axes_ : list of matplotlib.axes.Axes
        `ax_`, or the axes of each component.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.

    See Also
    --------
    LatentGridDisplay : Two components move.
    DictionaryDisplay : What each unit of a sparse code adds.

    References
    ----------
    Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a
    constrained variational framework. ICLR; its figures 1 to 3 are traversals.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> from skae.inspection import LatentTraversalDisplay
    >>> X = load_digits().data
    >>> vae = VariationalAutoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> display = LatentTraversalDisplay.from_estimator(vae, X, components=[0, 3, 5])
    >>> display.decoded.shape
    (3, 9, 64)
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
        components=None,
        n_steps=9,
        quantiles=(0.05, 0.95),
        center=None,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Decode codes along some axes of the code.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`: an autoencoder, PCA, a
            Pipeline of such.
        X : array-like of shape (n_samples, n_features)
            Rows, whose codes say how far each component reaches.
        components : int or sequence of int, default=None
            Indices of the components to move. None are all, or the eight that change
            most, those that change most first.
        n_steps : int, default=9
            How many values each component takes, evenly spaced.
        quantiles : pair of float, default=(0.05, 0.95)
            Quantiles of its values for X between which a component moves.
        center : array-like of shape (n_components,), default=None
            The code that the others stand still at, such as ``transform(X)[0]``; None
            is the mean of the codes of X.
        image_shape : tuple of int or False, default=None
            As of the class; None asks the estimator first, if it is one of images.
        feature_names : list of str, default=None
            Names of the features; None takes those of a DataFrame.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure. What is no image needs axes
            from a grid, which are split.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        LatentTraversalDisplay
            What was drawn.
        """
        check_steps(n_steps)
        codes = CodeRange.of(estimator, X, quantiles, center, cls.__name__)
        n_components = len(codes.center)
        chosen = check_components(
            range(n_components) if components is None else components, n_components
        )
        values = np.array([codes.steps(i, n_steps) for i in chosen])
        decoded = np.array(
            [
                decode_around(estimator, codes.center, i, steps, cls.__name__)
                for i, steps in zip(chosen, values, strict=True)
            ]
        )
        statistics = FeatureStatistics.of(as_rows(X))
        shape = known_image_shape(estimator, X, image_shape, feature_names)
        if components is None:
            changes = _changes(decoded if shape else statistics.standardise(decoded))
            order = np.argsort(-changes, kind="stable")[:_MOST_COMPONENTS]
            chosen, values, decoded = order.tolist(), values[order], decoded[order]
        display = cls(
            decoded=decoded,
            values=values,
            components=chosen,
            statistics=statistics,
            image_shape=shape,
            feature_names=names_of(X, feature_names),
        )
        return display.plot(ax, **kwargs)

    def _draw_images(self, ax, shape, **kwargs):
        n_chosen, n_steps, n_features = self.decoded.shape
        ax = self._start(ax, (0.75 * n_steps + 2.2, 0.75 * n_chosen + 0.8), kwargs)
        self.axes_ = [ax]
        rows = self.decoded.reshape(-1, n_features)
        shape.draw(ax, rows, n_steps, self.statistics.limits, **kwargs)
        ax.set_yticks(range(n_chosen), [self._label(i) for i in range(n_chosen)])
        ax.set_xticks([0, n_steps - 1], ["lowest", "highest"])
        notes = ["value of the component", self._order(self.decoded)]
        name_axis(ax.xaxis, "; ".join(filter(None, notes)))
        frameless(ax)

    def _draw_table(self, ax, **kwargs):
        n_chosen, n_steps, n_features = self.decoded.shape
        width = float(np.clip(0.45 * n_features, 6, 11))
        ax = self._start(ax, (width, 1.5 * n_chosen + 1.2), kwargs)
        self.axes_ = split(ax, n_chosen)
        shades = import_optional("matplotlib", extra="inspection").colormaps["viridis"]
        colours = shades(np.linspace(0.9, 0.0, n_steps))
        rows = self.statistics.standardise(self.decoded)
        for i, ax in enumerate(self.axes_):
            if self.feature_names is not None:  # what a component does to each of them
                low, high = rows[i].min(axis=0), rows[i].max(axis=0)
                ax.vlines(range(n_features), low, high, color="0.8", linewidth=1)
            options = {"names": self.feature_names, **kwargs}
            lines = draw_lines(ax, rows[i], colours, **options)
            ax.set_title(self._label(i, ", "), loc="left", fontsize="medium")
            ax.set_ylabel("std. deviations")
        lines[0].set_label("lowest")
        lines[-1].set_label("highest")
        legend_above(self.axes_[0], [lines[0], lines[-1]])
        last, sizes = self.axes_[-1], np.ptp(rows, axis=1).max(axis=0)
        label_features(last, self.feature_names, n_features, sizes=sizes)
        notes = [last.get_xlabel(), self._order(rows)]
        name_axis(last.xaxis, "; ".join(filter(None, notes)))

    def _order(self, rows):
        """Say by what the components are sorted, if they are: by how much changes."""
        changes = _changes(rows)
        is_sorted = len(changes) > 1 and np.all(np.diff(changes) <= 0)
        return "components that change most stand first" if is_sorted else ""

    def _label(self, i, between="\n"):
        low, high = self.values[i, 0], self.values[i, -1]
        return f"component {self.components[i]}{between}{low:.2g} to {high:.2g}"


def _changes(rows):
    """How much rows change while each component moves: (n_chosen,)."""
    return rows.var(axis=1).sum(axis=1)
