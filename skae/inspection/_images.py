"""Rows that are images: which are, in what shape, and many of them as one picture."""

from dataclasses import dataclass
from math import ceil, isqrt, prod

import numpy as np

_SMALLEST = 8  # a table has nine or sixteen columns too
_CHANNELS = (3, 1, 4)  # the likeliest first


@dataclass(frozen=True)
class ImageShape:
    """How the pixels of an image stand in a row.

    Attributes
    ----------
    shape : tuple of int
        Height and width, with the number of channels after or before them, if any.
    """

    shape: tuple[int, ...]

    @property
    def channels_first(self):
        """Whether a row holds one channel after the other.

        Where both ends of the shape could be the channels, three are the likeliest.
        """
        if len(self.shape) == 2:
            return False
        ends = self.shape[2], self.shape[0]
        return ends.index(next(n for n in _CHANNELS if n in ends)) == 1

    @property
    def height_and_width(self):
        """Size of the image in pixels."""
        return self.shape[1:] if self.channels_first else self.shape[:2]

    def images(self, rows):
        """Bring rows into the shape that is drawn: (n, height, width[, channels])."""
        images = np.reshape(rows, (len(rows), *self.shape))
        if self.channels_first:
            images = np.moveaxis(images, 1, -1)
        grey = images.ndim == 4 and images.shape[3] == 1
        return images[..., 0] if grey else images

    def mosaic(self, rows, n_columns, limits, room=0.0):
        """Put images side by side, line by line, with gaps that are not drawn.

        Parameters
        ----------
        rows : ndarray of shape (n_images, n_features)
            The images; NaN is not drawn.

        n_columns : int
            Images of a line.

        limits : tuple of float
            Values of the darkest and of the brightest colour.

        room : float, default=0.0
            What to leave free below each image, besides the gap, in heights of one.

        Returns
        -------
        mosaic : ndarray of shape (height, width) or (height, width, channels)
            Colours are in [0, 1], white where nothing is drawn.
        fill : tuple of float
            Height and width of an image for those with the gap after it.
        """
        images = self.images(np.asarray(rows, dtype=float))
        n, height, width, *channels = images.shape
        n_lines, gap = ceil(n / n_columns), ceil(width / 14)
        below = gap + ceil(room * height)
        tiles = np.full(
            (n_lines * n_columns, height + below, width + gap, *channels), np.nan
        )
        tiles[:n, :height, :width] = images
        tiles = tiles.reshape(n_lines, n_columns, *tiles.shape[1:]).swapaxes(1, 2)
        tiles = tiles.reshape(n_lines * (height + below), -1, *channels)
        tiles = tiles[:-below, :-gap]
        if channels:
            low, high = limits
            tiles = np.clip((tiles - low) / (high - low or 1), 0, 1)
            tiles = np.nan_to_num(tiles, nan=1.0)
        return tiles, (height / (height + below), width / (width + gap))

    def draw(
        self, ax, rows, n_columns, limits, x=(0, 1), y=(0, 1), room=0.0, **options
    ):
        """Draw images in cells, line by line.

        Parameters
        ----------
        ax : Axes
            Where to draw.

        rows, n_columns, limits : object
            As for `mosaic`.

        x, y : pair of float
            The middle of the first image, and the way from there to the next one.

        room : float, default=0.0
            As for `mosaic`.

        **options : dict
            Of `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        AxesImage
            What was drawn, all of it.
        """
        picture, (tall, wide) = self.mosaic(rows, n_columns, limits, room)
        (height, width), n_lines = self.height_and_width, ceil(len(rows) / n_columns)
        left, right = x[0] + x[1] * np.array([-wide / 2, n_columns - 1 + wide / 2])
        top, bottom = y[0] + y[1] * np.array([-tall / 2, n_lines - 1 + tall / 2])
        style = {"cmap": "gray", "vmin": limits[0], "vmax": limits[1], **options}
        return ax.imshow(
            picture,
            extent=(left, right, bottom, top),
            aspect=abs((height / tall / y[1]) / (width / wide / x[1])),
            interpolation="nearest",
            **style,
        )


def image_shape_for(n_features, image_shape, feature_names, known=None):
    """Say in what shape rows of so many features are images, if they are.

    Parameters
    ----------
    n_features : int
        Width of the rows.

    image_shape : tuple of int, False or None
        Their shape, if they are known to be images; False: they are none.

    feature_names : list of str or None
        The names of their columns, if they are known to be a table.

    known : tuple of int or False, default=None
        What an estimator says, its `image_shape_`: channels, if any, height and width;
        False where its samples are no images.

    Returns
    -------
    ImageShape or None
        None: these are no images.

    Raises
    ------
    ValueError
        If `image_shape` does not fit.
    """
    if image_shape is None:
        return _guess(n_features, feature_names, known)
    if image_shape is False:
        return None
    shape = tuple(np.ravel(image_shape).tolist())
    has_channels = len(shape) == 3 and (shape[2] in _CHANNELS or shape[0] in _CHANNELS)
    if prod(shape) != n_features or not (len(shape) == 2 or has_channels):
        raise ValueError(
            f"image_shape={image_shape} does not fit rows of {n_features} features: "
            "pass (height, width), (height, width, channels) or (channels, height, "
            "width) with 1, 3 or 4 channels, or False if these are no images."
        )
    return ImageShape(shape)


def _guess(n_features, feature_names, known):
    if feature_names is not None:
        return None
    if known is not None:
        return _of_samples(known) if known else None
    side = isqrt(n_features)
    is_square = side**2 == n_features and side >= _SMALLEST
    return ImageShape((side, side)) if is_square else None


def _of_samples(shape):
    """Take samples, (channels, height, width), for images if they can be drawn so."""
    *channels, height, width = shape
    if min(height, width) < _SMALLEST // 2 or channels not in ([], [1], [3], [4]):
        return None
    return ImageShape((height, width) if channels in ([], [1]) else shape)
