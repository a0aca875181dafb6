"""What the units of a code add to a reconstruction: the pieces of a dictionary."""

from dataclasses import dataclass
from math import ceil
from numbers import Integral

import numpy as np

from skae.inspection._displays.base import RowsDisplay
from skae.inspection._figure import bare, broken, frameless, inches_each, name_axis
from skae.inspection._models import decode, encode, known_image_shape
from skae.inspection._profiles import draw_cells, feature_places, label_features
from skae.inspection._rows import FeatureStatistics, as_rows, names_of
from skae.inspection._shares import written

_MOST_IMAGES, _MOST_BARS = 64, 16
_ROOM = 0.3  # heights of an image that a number below it needs
_MOST_LABELS = 40  # images under which there is room for a number


@dataclass(kw_only=True, eq=False, repr=False)
class DictionaryDisplay(RowsDisplay):
    """The atoms of a sparse code, by how much of the reconstructions they make up.

    An atom is what a unit adds to the reconstruction of a code of zeros, when it is as
    active as it is in the root mean square. Each is drawn on a scale of its own, zero
    in the middle: as an image, or as bars over the features, in standard deviations of
    these. Beside it is the share of the rows that activate it. Units that no row
    activates, or all alike, are dead: they come last and are crossed out. Get one from
    :meth:`from_estimator`.

    Parameters
    ----------
    atoms : ndarray of shape (n_components, n_features)
        What each unit adds, in units of X; of what is no image, in standard deviations
        of the features.
    activity : ndarray of shape (n_components,)
        Share of the rows that activate it.
    dead : ndarray of bool of shape (n_components,)
        Which units are dead.
    image_shape : tuple of int or False, default=None
        Shape of images, as (28, 28) or (3, 32, 32); False for what is none. None takes
        squares of 8 x 8 pixels and more for images, unless they have names.
    feature_names : list of str, default=None
        Names of the features. Of more than forty, those that stand out most are
        written, as many as there is room for; the axis says how many.

    Attributes
    ----------
    order : ndarray of shape (n_components,)
        Indices of the units by the power of their atoms, the dead ones last.
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.
    units_ : ndarray of int
        Indices of the units that were drawn.

    See Also
    --------
    LatentTraversalDisplay : The components of a small code.
    sklearn.decomposition.DictionaryLearning : A search for the code of each row.

    References
    ----------
    Olshausen, B. A. and Field, D. J. (1996). Emergence of simple-cell receptive field
    properties by learning a sparse code for natural images. Nature 381, 607-609; its
    figure 4 is such a dictionary.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import TopKAutoencoder
    >>> from skae.inspection import DictionaryDisplay
    >>> X = load_digits().data
    >>> ae = TopKAutoencoder(32, k=4, max_iter=5, random_state=0).fit(X)
    >>> display = DictionaryDisplay.from_estimator(ae, X, n_atoms=20)
    >>> bool(np.isclose(display.activity.sum(), 4))
    True
    """

    atoms: np.ndarray
    activity: np.ndarray
    dead: np.ndarray
    image_shape: object = None
    feature_names: list | None = None
    _rows = "atoms"

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        image_shape=None,
        feature_names=None,
        ax=None,
        **kwargs,
    ):
        """Take a code apart into its units.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`: a sparse or any other
            autoencoder, PCA, NMF, a Pipeline of such. Where the decoder is not linear,
            atoms do not add up to the reconstructions.
        X : array-like of shape (n_samples, n_features)
            Rows that show how the units are used.
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
        DictionaryDisplay
            What was drawn.
        """
        Z = encode(estimator, X, cls.__name__)
        size = np.sqrt(np.mean(np.square(Z), axis=0))
        dead = np.ptp(Z, axis=0) <= 1e-9 * size
        codes = np.vstack([np.zeros_like(size), np.diag(np.where(dead, 1.0, size))])
        zero, *decoded = decode(estimator, codes, cls.__name__)
        atoms = np.array(decoded) - zero
        shape = known_image_shape(estimator, X, image_shape, feature_names)
        display = cls(
            atoms=atoms if shape else atoms / FeatureStatistics.of(as_rows(X)).std,
            activity=np.mean(Z != 0, axis=0),
            dead=dead,
            image_shape=shape,
            feature_names=names_of(X, feature_names),
        )
        return display.plot(ax, **kwargs)

    @property
    def order(self):
        """Indices of the units by the power of their atoms, the dead ones last."""
        power = np.square(self.atoms).sum(axis=1)
        return np.lexsort((-power, self.dead))

    def plot(self, ax=None, *, n_atoms=None, **kwargs):
        """Draw the atoms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        n_atoms : int, default=None
            How many to draw at most; None is 64 images, or 16 rows of bars.
        **kwargs : dict
            ``figsize`` of a new figure, in inches; ``cmap`` of images, options of
            `matplotlib.collections.LineCollection` for bars.

        Returns
        -------
        DictionaryDisplay
            This one, with what was drawn as attributes.
        """
        is_number = isinstance(n_atoms, Integral) and n_atoms >= 1
        if n_atoms is not None and not is_number:
            raise ValueError(
                f"n_atoms must be an int of at least 1, or None. Got {n_atoms!r}."
            )
        return super().plot(ax, n_atoms=n_atoms, **kwargs)

    def _chosen(self, n_atoms):
        """Choose the units to draw, and bring each atom onto a scale of its own."""
        self.units_ = self.order[:n_atoms]
        atoms = self.atoms[self.units_]
        largest = np.abs(atoms).max(axis=1, keepdims=True)
        return atoms / np.where(largest > 0, largest, 1)

    def _draw_images(self, ax, shape, n_atoms, **kwargs):
        atoms = self._chosen(_MOST_IMAGES if n_atoms is None else n_atoms)
        n_columns = min(len(atoms), 8 if len(atoms) > 24 else 6)
        n_lines = ceil(len(atoms) / n_columns)
        shares = len(atoms) <= _MOST_LABELS and self._is_sparse
        room = _ROOM if shares else 0.0
        size = 0.75 * n_columns + 0.5, 0.75 * (1 + room) * n_lines + 0.4
        ax = self._start(ax, size, kwargs)
        bare(ax)
        shape.draw(ax, atoms, n_columns, (-1, 1), room=room, **kwargs)
        ax.set_ylim(bottom=n_lines - 0.5 / (1 + room))  # and the numbers of the last
        for place, unit in enumerate(self.units_):
            line, column = divmod(place, n_columns)
            if self.dead[unit]:
                self._cross_out(column, line, 0.4 / (1 + room))
            elif shares:
                self._write_share(unit, column, line)
        name_axis(ax.xaxis, self._summary(shares))
        ax.xaxis.labelpad = 8

    def _draw_table(self, ax, n_atoms, **kwargs):
        atoms = self._chosen(_MOST_BARS if n_atoms is None else n_atoms)
        n, n_features = atoms.shape
        width = float(np.clip(0.4 * n_features, 4, 10)) + 1.5
        ax = self._start(ax, (width, 0.4 * n + 1.5), kwargs)
        y, inches = np.arange(float(n)), inches_each(ax, 1)
        options = {"names": self.feature_names, **kwargs}
        draw_cells(ax, atoms, np.zeros(n), y, (1, -1), inches, **options)
        ax.set(xlim=(-0.5, 0.5), ylim=(n - 0.4, -0.6))
        ax.set_yticks(range(n), map(self._name, self.units_))
        places = feature_places(n_features)
        sizes = np.abs(atoms).max(axis=0)
        label_features(ax, self.feature_names, n_features, places, sizes)
        dead = np.flatnonzero(self.dead[self.units_])
        ax.plot(np.full(len(dead), -0.47), dead, "kx", markersize=9, markeredgewidth=2)
        unit = "; in standard deviations of the features, each on a scale of its own"
        summary = self._summary(self._is_sparse) + unit
        ax.set_title(broken(ax.xaxis, summary), fontsize="medium")
        frameless(ax)

    @property
    def _is_sparse(self):
        """Whether some unit is at rest in some row: of PCA none is."""
        return self.activity.min() < 1

    def _name(self, unit):
        share = f" ({written(self.activity[unit], '.0%')})" if self._is_sparse else ""
        return f"unit {unit}{share}"

    def _summary(self, shares):
        """Say what is drawn, in which order, and how many units are dead."""
        n, n_dead = len(self.dead), int(self.dead.sum())
        shown = f"{len(self.units_)} of {n}" if len(self.units_) < n else f"{n}"
        of = " (rows that activate them)" if shares else ""
        order = ", those that add most first" if len(self.units_) > 1 else ""
        crossed = ", crossed out" if self.dead[self.units_].any() else ""
        dead = f"; {n_dead} dead{crossed}" if n_dead or self._is_sparse else ""
        return f"{shown} units{of}{order}{dead}"

    def _write_share(self, unit, column, line):
        """Write below an image which share of the rows activates it."""
        self.ax_.text(
            column,
            line + 0.5 / (1 + _ROOM),
            written(self.activity[unit], ".0%"),
            ha="center",
            va="top",
            fontsize="x-small",
        )

    def _cross_out(self, column, line, half):
        """Draw a cross over a dead unit, black on white: to be seen on any grey."""
        x, y = column + np.array([-0.4, 0.4]), line + np.array([-half, half])
        for style in ({"color": "w", "linewidth": 3.5}, {"color": "k"}):
            self.ax_.plot(x, y, **style)
            self.ax_.plot(x, y[::-1], **style)
