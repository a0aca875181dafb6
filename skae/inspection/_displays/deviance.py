"""How much is explained by codes of different sizes, beside PCA."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import ShuffleSplit, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed

from skae.inspection._displays.base import Display
from skae.inspection._figure import broken
from skae.inspection._models import after
from skae.inspection._rows import as_rows
from skae.metrics import reconstruction_r2
from skae.metrics._within import best_of, last_step, named_parts

_SIZES = (1, 2, 4, 8, 16, 32)
_VARIANCE = "share of the variance explained"


@dataclass(kw_only=True, eq=False, repr=False)
class ExplainedDevianceDisplay(Display):
    """The share of the deviance of new rows that codes of different sizes explain.

    Where the curve bends is a size to begin with; where it lies above PCA's, the rows
    lie on something curved. Get one from :meth:`from_estimator`.

    Parameters
    ----------
    n_components : list of int
        Sizes of the code.
    scores : ndarray of shape (n_sizes, n_splits)
        Share explained by the estimator, for the held-out rows of each split.
    pca_scores : ndarray of shape (n_sizes, n_splits), default=None
        The same of PCA; NaN for sizes that PCA cannot have.
    name : str, default="estimator"
        Name of the estimator.
    measure : str, default="share of the variance explained"
        What the scores are, written at their axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        The figure that they are in.
    curves_ : list of matplotlib.container.ErrorbarContainer
        The curve of the estimator, and that of PCA if there is one.

    See Also
    --------
    skae.metrics.reconstruction_r2 : What is drawn, unless `scoring` says otherwise.
    skae.model_selection.AutoencoderSearchCV : Searches more than the size.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder
    >>> from skae.inspection import ExplainedDevianceDisplay
    >>> X = load_digits().data
    >>> ae = Autoencoder(max_iter=10, random_state=0)
    >>> display = ExplainedDevianceDisplay.from_estimator(ae, X, n_components=[2, 8])
    >>> display.scores.shape
    (2, 1)
    """

    n_components: list
    scores: np.ndarray
    pca_scores: np.ndarray | None = None
    name: str = "estimator"
    measure: str = _VARIANCE

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        n_components=None,
        X_test=None,
        test_size=0.25,
        cv=None,
        scoring=None,
        pca=True,
        n_jobs=None,
        random_state=0,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Fit clones of an estimator with codes of different sizes, and PCA.

        Parameters
        ----------
        estimator : estimator
            With the parameter `n_components`, `transform` and `inverse_transform`: an
            autoencoder, PCA, a Pipeline ending in one: then what counts is what is
            explained of the rows as the last step sees them, and PCA sees the same. It
            is cloned, and need not be fitted; of a search that is, it is the best.
        X : array-like of shape (n_samples, n_features)
            The rows.
        n_components : sequence of int, default=None
            Sizes of the code; None are the powers of two up to 32 that are below the
            number of features.
        X_test : array-like of shape (n_test, n_features), default=None
            Rows to judge by; X is then fitted to as a whole.
        test_size : float or int, default=0.25
            Share or number of the rows of X to hold out and to judge by, if there are
            neither `X_test` nor `cv`.
        cv : int or cross-validation generator, default=None
            Folds to judge by, in place of rows held out once. The curves are then the
            means over the folds, with a standard deviation to both sides.
        scoring : callable or "deviance", default=None
            None is the share of the squared deviations from the training mean,
            `skae.metrics.reconstruction_r2`. A callable is called as
            ``scoring(model, X)``, and gives a number: any other scorer that needs no
            labels, such as those of `skae.metrics.make_denoising_scorer`; PCA is judged
            by it too. ``"deviance"`` is the estimator's own `score`, under its own
            likelihood; PCA, which has another one, is left out.
        pca : bool, default=True
            Whether to draw PCA's curve.
        n_jobs : int, default=None
            How many to fit at the same time, in processes, as in `joblib.Parallel`.
        random_state : int, RandomState instance or None, default=0
            Seed of which rows are held out; the estimator has its own.
        name : str, default=None
            Name of the estimator; None is that of its class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            As in :meth:`plot`.

        Returns
        -------
        ExplainedDevianceDisplay
            What was drawn.
        """
        scorer, measure = _scorer(scoring)
        estimator = best_of(estimator)
        place, last = _last(estimator)
        size_of_code = f"{place}n_components"
        splits = _splits(X, X_test, test_size, cv, random_state)
        n_features = int(np.prod(np.shape(splits[0][0])[1:]))
        if n_components is None:
            n_components = [k for k in _SIZES if k < n_features] or [1]
        n_components = _sizes(n_components)

        def scores_of(model, splits, sizes):
            tasks = (
                delayed(_score)(
                    clone(model).set_params(**{size_of_code: size}), *split, scorer
                )
                for size in sizes
                for split in splits
            )
            scores = Parallel(n_jobs)(tasks)
            return np.reshape(scores, (len(sizes), len(splits)))

        scores, pca_scores = scores_of(estimator, splits, n_components), None
        if pca and scoring != "deviance":
            flat = [tuple(map(_flat, split)) for split in splits]
            most = min(n_features, *(np.shape(train)[0] for train, _ in splits))
            possible = [k for k in n_components if k <= most]
            pca_scores = np.full(scores.shape, np.nan)
            pca_scores[np.less_equal(n_components, most)] = scores_of(
                _as_pca(estimator, place), flat, possible
            )
        display = cls(
            n_components=n_components,
            scores=scores,
            pca_scores=pca_scores,
            name=name or type(last).__name__,
            measure=f"{measure}{after(last, estimator)}",
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure.
        **kwargs : dict
            ``figsize`` of a new figure, in inches; options of
            `matplotlib.axes.Axes.errorbar`, for the estimator's curve.

        Returns
        -------
        ExplainedDevianceDisplay
            This one, with what was drawn as attributes.
        """
        ax = self._start(ax, (6.0, 4.0), kwargs)
        self.curves_ = [self._draw(self.scores, self.name, **{"fmt": "o-", **kwargs})]
        if self.pca_scores is not None:
            style = {"fmt": "s--", "color": "0.35", "markerfacecolor": "white"}
            self.curves_.append(self._draw(self.pca_scores, "PCA", **style))
        sizes = self.n_components
        if max(sizes) > 8 * min(sizes):
            ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
        ax.set_xlabel("n_components")
        folds = self.scores.shape[1]
        rows = "held out" if folds == 1 else f"mean of {folds} folds ± std"
        ax.set_ylabel(f"{broken(ax.yaxis, self.measure)}\n({rows})")
        ax.legend()
        return self

    def _draw(self, scores, name, **kwargs):
        spread = scores.std(axis=1) if scores.shape[1] > 1 else None
        options = {"label": name, "capsize": 3, **kwargs}
        return self.ax_.errorbar(
            self.n_components, scores.mean(axis=1), spread, **options
        )


def _sizes(n_components):
    """Return the sizes of the code as a list, if they are some."""
    sizes = list(n_components) if np.ndim(n_components) == 1 else []
    if not sizes or not all(isinstance(k, Integral) and k > 0 for k in sizes):
        raise ValueError(
            "n_components must be the sizes of the code to try, whole numbers from 1 "
            f"on, such as [1, 2, 4, 8] or range(1, 9). Got {n_components!r}."
        )
    return sizes


def _flat(X):
    """Samples of more dimensions as rows, which PCA takes."""
    return X if len(np.shape(X)) == 2 else as_rows(X)


def _last(estimator):
    """Return what makes the code, and what its parameters' names start with."""
    place, last = (named_parts(estimator) or [("", estimator)])[-1]
    if isinstance(last, type) or not hasattr(last, "n_components"):
        raise TypeError(
            f"{last!r} has no parameter n_components: ExplainedDevianceDisplay needs a "
            "transformer with one, or a Pipeline that ends in such."
        )
    return place, last


def _as_pca(estimator, place):
    """Return PCA in the place of what makes the code."""
    pca = PCA(random_state=0)
    step = place.removesuffix("__")
    return clone(estimator).set_params(**{step: pca}) if step else pca


def _splits(X, X_test, test_size, cv, random_state):
    """Pairs of rows to fit to and rows to judge by."""
    if X_test is not None:
        if cv is not None:
            raise ValueError("Pass X_test or cv, not both.")
        return [(X, X_test)]
    if cv is None:
        cv = ShuffleSplit(1, test_size=test_size, random_state=random_state)
    return [
        (_safe_indexing(X, train), _safe_indexing(X, test))
        for train, test in check_cv(cv).split(X)
    ]


def _scorer(scoring):
    """Return what judges a model by new rows, and what that measures."""
    if scoring is None:
        return reconstruction_r2, _VARIANCE
    if isinstance(scoring, str) and scoring == "deviance":
        return _own_score, "share of the deviance explained"
    if not callable(scoring):
        raise ValueError(
            'scoring must be None, "deviance" or a callable scoring(model, X), such as '
            "skae.metrics.reconstruction_r2; the names that scikit-learn has for "
            f"scorers are of such as need labels. Got {scoring!r}."
        )
    named = getattr(scoring, "func", scoring)  # of a partial, the function
    return scoring, getattr(named, "__name__", "score")


def _own_score(model, X):
    return model.score(X)


def _score(model, train, test, scorer):
    """Fit a model and score its last step, for what the others make of the rows."""
    model, test = last_step(model.fit(train), test)
    score = scorer(model, test)
    if not isinstance(score, Real):
        raise ValueError(
            f"scoring must give a number for each model. Got {score!r}, of the type "
            f"{type(score).__name__}."
        )
    return float(score)
