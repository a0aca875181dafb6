"""What a plane of codes decodes to."""

from dataclasses import dataclass

import numpy as np

from skae.inspection._figure import axes_for, inches_each
from skae.inspection._images import image_shape_for
from skae.inspection._latent import CodeRange, check_steps, decode_around
from skae.inspection._models import check_components, known_image_shape
from skae.inspection._profiles import draw_cells
from skae.inspection._rows import FeatureStatistics, as_rows, names_of


@dataclass(kw_only=True, eq=False)
class LatentGridDisplay:
    """What codes on a grid in two components decode to, each drawn in its place.

    The axes are those of the code, as in an `EmbeddingDisplay` of the same components.
    Images are drawn as such. Of other rows the deviations from the mean are drawn, a
    bar or, for many features, a point of a line for each, from the first on the left
    to the last. Get one from :meth:`from_estimator`.

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
        Height and width of the images, with the number of channels before or after
        them if there are several; False for what is no image. None takes squares of 8
        x 8 pixels and more for images, unless they have names.
    feature_names : list of str, default=None
        Names of the features; rows of features with names are no images.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
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
            Where to draw; None is a new pyplot figure.
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

    def plot(self, ax=None, *, cmap="gray"):
        """Draw what was decoded.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        cmap : str or matplotlib.colors.Colormap, default="gray"
            Colours of images that have a single channel.

        Returns
        -------
        LatentGridDisplay
            This one, with what was drawn as attributes.
        """
        n_features = self.decoded.shape[2]
        shape = image_shape_for(n_features, self.image_shape, self.feature_names)
        ax = self.ax_ = axes_for(ax, (6.0, 6.0))
        self.figure_ = ax.figure
        step = self.values[:, 1] - self.values[:, 0]
        if shape is None:
            self._draw_cells(step)
        else:
            self._draw_images(shape, step, cmap)
        first, second = self.components
        ax.set(xlabel=f"component {first}", ylabel=f"component {second}")
        return self

    def _draw_images(self, shape, step, cmap):
        n_steps, (height, width) = self.decoded.shape[0], shape.height_and_width
        rows = self.decoded[::-1].reshape(n_steps**2, -1)  # the highest come first
        limits = self.statistics.limits
        picture, _ = shape.mosaic(rows, n_steps, limits)
        low, high = self.values[:, 0] - step / 2, self.values[:, -1] + step / 2
        self.ax_.imshow(
            picture,
            cmap=cmap,
            vmin=limits[0],
            vmax=limits[1],
            extent=(low[0], high[0], low[1], high[1]),
            aspect=height / width * step[0] / step[1],
            interpolation="nearest",
        )

    def _draw_cells(self, step):
        n_steps, ax = self.decoded.shape[0], self.ax_
        rows = self.statistics.standardise(self.decoded).reshape(n_steps**2, -1)
        x, y = (axis.ravel() for axis in np.meshgrid(*self.values))
        rows = rows / max(1.0, np.abs(rows).max())
        draw_cells(ax, rows, x, y, step, inches_each(ax, n_steps))
        low, high = self.values[:, 0] - 0.6 * step, self.values[:, -1] + 0.6 * step
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
