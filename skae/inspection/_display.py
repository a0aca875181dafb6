"""A comparison that was run: its table, its embeddings, its picture."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import _num_samples

from skae._optional import import_optional
from skae.inspection._embedding import Embedding, embed
from skae.inspection._figure import figure_for
from skae.inspection._held_out import HeldOut, count_held_out, hold_out
from skae.inspection._measures import measure
from skae.inspection._methods import default_methods, named_methods
from skae.inspection._plot_embeddings import embeddings_size, plot_embeddings
from skae.inspection._plot_reconstructions import plot_reconstructions
from skae.inspection._progress import track
from skae.inspection._report import OF_EMBEDDINGS, captions
from skae.inspection._row_drawings import drawing_for


@dataclass(frozen=True)
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
    >>> display = ComparisonDisplay.from_estimators(X[:500], [PCA(2), NMF(2)], y[:500])
    >>> display.embeddings["PCA"].Z.shape
    (125, 2)
    >>> figure = display.plot()
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
        X,
        estimators=None,
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
    ):
        """Fit every method on the training rows and measure it on the others.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The data.

        estimators : dict of str to estimator, or list of estimators, default=None
            Transformers; None is a choice of the usual ones.

        y : array-like of shape (n_samples,), default=None
            Labels, or numbers to colour the rows by.

        n_components, preprocessing, intrinsic_coordinates : object
            As in :func:`compare`.

        test_size, n_neighbors, max_rows, random_state, verbose : object
            As in :func:`compare`.

        Returns
        -------
        ComparisonDisplay
            With the table and the embeddings; nothing is drawn yet.
        """
        n_test = count_held_out(
            _num_samples(X),
            test_size=test_size,
            max_rows=max_rows,
            n_neighbors=n_neighbors,
        )
        held_out = hold_out(
            X,
            y,
            intrinsic_coordinates,
            preprocessing=preprocessing,
            n_test=n_test,
            random_state=random_state,
        )
        methods = (
            named_methods(estimators)
            if estimators is not None
            else default_methods(
                held_out.X_train[:max_rows],
                n_components=n_components,
                random_state=random_state,
            )
        )
        settings = {
            "estimators": None if estimators is None else methods,
            "n_components": n_components,
            "preprocessing": preprocessing,
            "intrinsic_coordinates": intrinsic_coordinates,
            "test_size": test_size,
            "n_neighbors": n_neighbors,
            "max_rows": max_rows,
            "random_state": random_state,
        }
        return cls._run(methods, held_out, settings, verbose)

    @classmethod
    def _run(cls, methods, held_out, settings, verbose):
        max_rows, n_neighbors = settings["max_rows"], settings["n_neighbors"]
        embeddings, rows = {}, []
        for name in track(methods, verbose=verbose):
            try:
                embedding = embed(
                    methods[name], held_out.X_train, held_out.X_test, max_rows=max_rows
                )
                row = measure(embedding, held_out, n_neighbors=n_neighbors)
            except Exception as error:  # one method must not cost the others' results
                row = {"n_fit_rows": 0, "note": _failure(name, error)}
            else:
                embeddings[name] = embedding
            rows.append({"method": name} | row)
        if not embeddings:
            failures = "; ".join(f"{row['method']} {row['note']}" for row in rows)
            raise RuntimeError(f"Every method failed: {failures}")
        return cls(_table(rows), held_out, embeddings, methods, settings)

    def plot(self, *, n_samples=10, image_shape=None, fig=None):
        """Draw the embeddings and, below, rows beside their reconstructions.

        Parameters
        ----------
        n_samples : int, default=10
            Number of held-out rows to show beside their reconstructions.

        image_shape : tuple of int, default=None
            Shape of the rows, if they are images; squares of 8 x 8 pixels and more
            are recognised.

        fig : Figure or SubFigure, default=None
            Where to draw; None is a new pyplot figure.

        Returns
        -------
        Figure or SubFigure
            What was drawn on.
        """
        fig = figure_for(fig, self.figure_size(image_shape=image_shape))
        if not self._reconstructions():
            return self._draw_embeddings(fig)
        (_, upper), (_, lower) = self._sizes(image_shape)
        top, bottom = fig.subfigures(2, height_ratios=(upper, lower), hspace=0.03)
        self._draw_embeddings(top)
        self._draw_reconstructions(bottom, n_samples, image_shape)
        return fig

    def to_html(
        self,
        path=None,
        *,
        name="your data",
        command=None,
        n_samples=10,
        image_shape=None,
    ):
        """Write a report: one HTML file that needs nothing beside itself.

        It has the table, the embeddings, rows beside their reconstructions, the
        parameters of every method, and what it takes to repeat the comparison: the
        code, the seed, the versions, and a hash of the rows. It is to be read on a
        light or a dark screen, a narrow one too, and holds no script.

        Parameters
        ----------
        path : str or Path, default=None
            Where to write it; None returns it.

        name : str, default="your data"
            What the data are called.

        command : str, default=None
            The command line that repeats the comparison; None writes Python code.

        n_samples : int, default=10
            Number of held-out rows to show beside their reconstructions.

        image_shape : tuple of int, default=None
            As in :meth:`plot`.

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
            image_shape=image_shape,
        )
        if path is None:
            return html
        # Half of a character, as a file's name may hold, becomes a reference.
        Path(path).write_text(html, encoding="utf-8", errors="xmlcharrefreplace")

    def figure_size(self, *, image_shape=None):
        """Return width and height in inches that suit the picture.

        Parameters
        ----------
        image_shape : tuple of int, default=None
            As in :meth:`plot`.

        Returns
        -------
        tuple of float
            Width and height.
        """
        widths, heights = zip(*self._sizes(image_shape), strict=True)
        return max(widths), sum(heights)

    def _sizes(self, image_shape):
        yield embeddings_size(len(self.embeddings))
        n_reconstructions = len(self._reconstructions())
        if n_reconstructions:
            drawing = drawing_for(
                self.held_out.X_test.shape[1],
                image_shape=image_shape,
                feature_names=self.held_out.names,
            )
            yield drawing.size(1 + n_reconstructions)

    def _draw_embeddings(self, fig):
        return plot_embeddings(
            {name: embedding.Z for name, embedding in self.embeddings.items()},
            self.held_out.y_test,
            captions=captions(self.table, OF_EMBEDDINGS),
            fig=fig,
        )

    def _draw_reconstructions(self, fig, n_samples, image_shape):
        plot_reconstructions(
            self.held_out.X_test,
            self._reconstructions(),
            self.held_out.y_test,
            n_samples=n_samples,
            image_shape=image_shape,
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


def _table(rows):
    """Make the table; a row of a failed method lacks most entries."""
    pandas = import_optional("pandas", extra="inspection")
    return pandas.DataFrame(rows, columns=list(max(rows, key=len)))


def _failure(name, error):
    reason = " ".join(str(error).split()) or type(error).__name__
    warnings.warn(f"{name} failed: {reason}", FitFailedWarning, stacklevel=4)
    return f"failed: {reason}"
