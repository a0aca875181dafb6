"""The pictures of a report: PNG in the page itself, drawn for light and for dark."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from struct import unpack

import numpy as np

from skae._optional import import_optional
from skae.inspection._figure import cut
from skae.inspection._html.elements import element
from skae.inspection._plot_embeddings import plot_embeddings
from skae.inspection._plot_reconstructions import plot_reconstructions
from skae.inspection._row_drawings import drawing_for
from skae.inspection._validation import listing

_SMALLEST = 0.6  # of its size; what is wider than the page then scrolls

_LONGEST = 24  # characters of a name in a picture

_DPI = 168  # sharp on screens with 96 * 1.75 dots an inch
_PANEL = 3.4  # inches
_NARROW = 5.2  # inches, of rows of images: a telephone shows them at two thirds

_INKS = {"light": "#1f2328", "dark": "#e6e9ed"}
_PANES = {"light": "#f2f2f280", "dark": "#ffffff12"}


def embedding(Z, y, alt):
    """Draw a code without its legend.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        The code.

    y : Series of shape (n_samples,) or None
        What to tell the points apart by.

    alt : str
        The picture in words.

    Returns
    -------
    Element
        A `picture`.
    """

    def draw(figure):
        _draw_embedding(figure, Z, y)
        for legend in figure.legends:
            legend.remove()
        for points in figure.axes[0].collections:
            if points.colorbar is not None:
                points.colorbar.remove()

    return _picture(_Drawing((_PANEL, _PANEL), draw), alt)


def legend(Z, y):
    """Draw the legend or the colour bar of all embeddings, None if there is none.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Any of the codes.

    y : Series of shape (n_samples,) or None
        What the points are told apart by.

    Returns
    -------
    Element or None
        A `picture`.
    """

    def draw(figure):
        _draw_embedding(figure, Z, y)
        return [*figure.legends, *figure.axes[1:]]

    size = (2.5 * _PANEL, 1.25 * _PANEL)
    with _theme("light"):
        if not draw(_figure(size)):
            return None
    return _picture(_Drawing(size, draw), f"Legend of {_in_words(y)}.")


def _draw_embedding(figure, Z, y):
    plot_embeddings({"": Z}, None if y is None else _with_short_labels(y), fig=figure)


def _with_short_labels(y):
    """Shorten the labels of classes, unless two of them then were the same."""
    short = y.map(_short) if y.dtype.kind not in "biufc" else y
    if short.nunique() < y.nunique():
        short = y
    return short if y.name is None else short.rename(_short(y.name))


def _short(name):
    return cut(str(name), _LONGEST)


def _in_words(y):
    name = "the target" if y.name is None else str(y.name)
    values = y.astype("category").cat.categories  # in order, where they have one
    if len(values) > 40:
        return f"{name}, from {values[0]} to {values[-1]}"
    return f"{name}: {listing(values, 40)}"


def reconstruction(X, X_hat, y, alt, *, n_samples, image_shape, feature_names):
    """Draw rows above what came back of them.

    Parameters
    ----------
    X, X_hat : ndarray of shape (n_samples, n_features)
        Both of them.

    y : Series of shape (n_samples,) or None
        What rows to show are spread over.

    alt : str
        The picture in words.

    n_samples, image_shape, feature_names : object
        As for :func:`plot_reconstructions`.

    Returns
    -------
    Element
        A `picture`.
    """
    names = feature_names and [_short(name) for name in feature_names]
    options = {"image_shape": image_shape, "feature_names": names}

    def draw(figure):
        plot_reconstructions(
            X,
            {"reconstructed": X_hat},
            y,
            n_samples=n_samples,
            legend=False,
            fig=figure,
            **options,
        )

    width, height = drawing_for(X.shape[1], **options).size(2)
    if names is None:  # whose names take their room
        shrunk = min(1, _NARROW / width)
        width, height = width * shrunk, height * np.sqrt(shrunk)
    return _picture(_Drawing((width, height), draw), alt)


@dataclass(frozen=True)
class _Drawing:
    """What draws on a figure of some size; it may name the parts that are wanted."""

    size: tuple[float, float]
    draw: object

    def png(self, theme):
        """Return the picture in one theme."""
        with _theme(theme):
            figure = _figure(self.size)
            wanted = self.draw(figure)
            file = BytesIO()
            figure.savefig(
                file,
                format="png",
                dpi=_DPI,
                transparent=True,
                bbox_inches=_box(figure, wanted) if wanted else "tight",
                pad_inches=0.05,
            )
        return file.getvalue()


def _figure(size):
    # Not a pyplot figure: that would choose a backend for the whole process.
    figures = import_optional("matplotlib.figure", extra="inspection")
    canvas = import_optional("matplotlib.backends.backend_agg", extra="inspection")
    figure = figures.Figure(figsize=size, layout="constrained")
    canvas.FigureCanvasAgg(figure)
    return figure


def _box(figure, artists):
    """Return the box around some artists, in inches."""
    transforms = import_optional("matplotlib.transforms", extra="inspection")
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [artist.get_tightbbox(renderer) for artist in artists]
    box = transforms.Bbox.union(boxes)
    return box.transformed(figure.dpi_scale_trans.inverted()).padded(0.05)


def _theme(name):
    matplotlib = import_optional("matplotlib", extra="inspection")
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color")
    panes = (f"axes3d.{axis}axis.panecolor" for axis in "xyz")
    return matplotlib.rc_context(
        {
            **dict.fromkeys((*inked, "ytick.color"), _INKS[name]),
            **dict.fromkeys(panes, _PANES[name]),
            "text.parse_math": False,  # a column may be called "cost in $"
            "font.size": 10,
        }
    )


def _picture(drawing, alt):
    """Make an element that shows the picture of the reader's theme."""
    light, dark = (drawing.png(theme) for theme in ("light", "dark"))
    width, height = (n * 96 / _DPI for n in unpack(">II", light[16:24]))
    return element(
        "picture",
        element("source", srcset=_url(dark), media="(prefers-color-scheme: dark)")
        if dark != light  # as it is where there is no ink in it
        else None,
        element(
            "img",
            src=_url(light),
            alt=alt,
            width=round(width),
            height=round(height),
            style=f"min-width: {round(_SMALLEST * width)}px",
        ),
        class_="full" if width > 96 * 1.5 * _NARROW else None,
    )


def _url(png):
    return f"data:image/png;base64,{b64encode(png).decode()}"
