"""A comparison that was run: its table, its embeddings, its picture."""

import os
from dataclasses import dataclass
from pathlib import Path

from skae._optional import import_optional
from skae.inspection._compare import run_comparison
from skae.inspection._embedding import Embedding
from skae.inspection._figure import figure_for
from skae.inspection._held_out import HeldOut
from skae.inspection._plot_embeddings import embeddings_size, plot_embeddings
from skae.inspection._plot_reconstructions import plot_reconstructions
from skae.inspection._report import OF_EMBEDDINGS, captions
from skae.inspection._row_drawings import drawing_for


@dataclass(kw_only=True, eq=False, repr=False)
class ComparisonDisplay:
    """The methods of a comparison, fitted, with the picture of what they made.

    Get one from :meth:`from_estimators`.

    Parameters
    ----------
    table : DataFrame
        What :func:`compare` returns.
    held_out : HeldOut
        The rows: `X_train`, `X_test`, `y_test`.
    embeddings : dict of str to Embedding
        By the name of the method, of those that did not fail: the fitted `estimator`,
        the codes `Z` of the held-out rows and their reconstructions `X_hat`.
    methods : dict of str to estimator
        The methods by name, as they were handed over: not fitted.
    settings : dict of str to object
        The arguments of :meth:`from_estimators`.

    Attributes
    ----------
    axes_ : list of matplotlib.axes.Axes
        Those of the embeddings, and then those of the rows and their reconstructions.
    figure_ : matplotlib.figure.Figure or matplotlib.figure.SubFigure
        What was drawn on.

    See Also
    --------
    compare : The table only.
    plot_embeddings : The upper half of the picture, of any embeddings.
    plot_reconstructions : The lower half, of any reconstructions.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import NMF, PCA
    >>> from skae.inspection import ComparisonDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = ComparisonDisplay.from_estimators([PCA(2), NMF(2)], X[:500], y[:500])
    >>> display.embeddings["PCA"].Z.shape
    (125, 2)
    >>> [ax.get_title() for ax in display.axes_[:2]]
    ['PCA', 'NMF']
    >>> page = display.to_html(name="digits")
    >>> page[:15]
    '<!DOCTYPE html>'
    """

    table: object
    held_out: HeldOut
    embeddings: dict[str, Embedding]
    methods: dict[str, object]
    settings: dict[str, object]

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y=None,
        *,
        n_components=2,
        preprocessing=None,
        intrinsic_coordinates=None,
        test_size=0.25,
        n_neighbors=5,
        max_rows=2000,
        random_state=0,
        verbose=False,
        image_shape=None,
        fig=None,
        **kwargs,
    ):
        """Fit every method on the training rows and measure it on the others.

        Parameters
        ----------
        estimators : dict of str to estimator, list of estimators, or None
            Transformers; None is a choice of the usual ones.
        X : array-like or DataFrame of shape (n_samples, n_features)
            The data.
        y : array-like of shape (n_samples,), default=None
            Labels, or numbers to colour the rows by.
        n_components, preprocessing, intrinsic_coordinates : object
            As in :func:`compare`.
        test_size, n_neighbors, max_rows, random_state, verbose : object
            As in :func:`compare`.
        image_shape : tuple of int or False, default=None
            Shape of images, as (28, 28) or (3, 32, 32); False for what is none. None
            takes squares of 8 x 8 pixels and more for images, unless they have names.
        fig : Figure or SubFigure, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        ComparisonDisplay
            What was drawn.
        """
        import_optional("matplotlib", extra="inspection")  # before the work
        display = cls(
            **run_comparison(
                estimators,
                X,
                y,
                n_components=n_components,
                preprocessing=preprocessing,
                intrinsic_coordinates=intrinsic_coordinates,
                test_size=test_size,
                n_neighbors=n_neighbors,
                max_rows=max_rows,
                random_state=random_state,
                verbose=verbose,
                image_shape=image_shape,
            )
        )
        return display.plot(fig, **kwargs)

    def plot(self, fig=None, *, n_samples=10):
        """Draw the embeddings and, below, rows beside their reconstructions.

        Parameters
        ----------
        fig : Figure or SubFigure, default=None
            Where to draw; None is a new pyplot figure.
        n_samples : int, default=10
            Number of held-out rows to show beside their reconstructions.

        Returns
        -------
        ComparisonDisplay
            This one, with what was drawn as attributes.
        """
        self.figure_ = figure_for(fig, self.figure_size())
        if self._reconstructions():
            (_, upper), (_, lower) = self._sizes()
            halves = self.figure_.subfigures(
                2, height_ratios=(upper, lower), hspace=0.03
            )
            self._draw_reconstructions(halves[1], n_samples)
        else:
            halves = [self.figure_]
        self._draw_embeddings(halves[0])
        self.axes_ = [
            ax for half in halves for ax in half.axes if ax.get_label() != "<colorbar>"
        ]
        return self

    def to_html(self, path=None, *, name="your data", command=None, n_samples=10):
        """Write a report: one HTML file that needs nothing beside itself.

        It has the table, the embeddings, rows beside their reconstructions, the
        parameters of every method, and what it takes to repeat the comparison: the
        code, the seed, the versions, and a hash of the rows. It is to be read on a
        light or a dark screen, a narrow one too, and holds no script.

        Parameters
        ----------
        path : str or Path, default=None
            Where to write it, ``~`` is the home folder; None returns it.
        name : str, default="your data"
            What the data are called.
        command : str, default=None
            The command line that repeats the comparison; None writes Python code.
        n_samples : int, default=10
            Number of held-out rows to show beside their reconstructions.

        Returns
        -------
        str or None
            The report, if `path` is None.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        OSError
            If the file cannot be written.
        """
        # Imported here: a table needs no page.
        from skae.inspection._html import report

        html = report(
            self,
            name=name,
            command=command,
            path="report.html" if path is None else str(path),
            n_samples=n_samples,
        )
        if path is None:
            return html
        # Half of a character, as a file's name may hold, becomes a reference.
        place = Path(os.path.expanduser(Path(path)))
        place.write_text(html, encoding="utf-8", errors="xmlcharrefreplace")

    def figure_size(self):
        """Return width and height in inches that suit the picture.

        Returns
        -------
        tuple of float
            Width and height.
        """
        widths, heights = zip(*self._sizes(), strict=True)
        return max(widths), sum(heights)

    def _sizes(self):
        yield embeddings_size(len(self.embeddings))
        n_reconstructions = len(self._reconstructions())
        if n_reconstructions:
            drawing = drawing_for(
                self.held_out.X_test.shape[1],
                image_shape=self.settings["image_shape"],
                feature_names=self.held_out.names,
            )
            yield drawing.size(1 + n_reconstructions)

    def _draw_embeddings(self, fig):
        plot_embeddings(
            {name: embedding.Z for name, embedding in self.embeddings.items()},
            self.held_out.y_test,
            captions=captions(self.table, OF_EMBEDDINGS),
            fig=fig,
        )

    def _draw_reconstructions(self, fig, n_samples):
        plot_reconstructions(
            self.held_out.X_test,
            self._reconstructions(),
            self.held_out.y_test,
            n_samples=n_samples,
            image_shape=self.settings["image_shape"],
            feature_names=self.held_out.names,
            captions=captions(self.table, {"reconstruction_r2": "R²"}),
            legend=False,  # the embeddings above have one
            fig=fig,
        )

    def _reconstructions(self):
        return {
            name: embedding.X_hat
            for name, embedding in self.embeddings.items()
            if embedding.X_hat is not None
        }
