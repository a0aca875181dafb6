"""Grid search whose candidates are trained together."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from numbers import Real

import numpy as np
from joblib import cpu_count, effective_n_jobs, parallel_config
from joblib.parallel import BACKENDS, DEFAULT_BACKEND, get_active_backend
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if

from skae.estimators import DocumentationLinkMixin, JointCost, all_or_nothing
from skae.model_selection._backend import RendezvousBackend, SharingBackend
from skae.model_selection._callbacks import RoundCallbacks
from skae.model_selection._checks import (
    find_autoencoder,
    refuse_ambiguous,
    refuse_one_folder,
    shape_of,
    size_of_a_split,
)
from skae.model_selection._halving import SuccessiveHalving

_LARGEST_STEP = {"cpu": 2e7, "cuda": 1e9}
"""Operations of a step beyond which networks gain nothing from being batched; on a GPU,
where nobody has measured it yet, of what takes as long as some launches of kernels."""

_LONG_SEARCH = 1e12
"""Operations of a search beyond which processes are worth starting; some 20 seconds."""

_FEWEST_THREADS, _MOST_THREADS = 4, 256
"""Fits in work at a time; in between, as many as `_MOST_BYTES` have room for."""

_MOST_BYTES = 2 * 2**30
"""Memory for these fits."""

_COPIES, _STATES = 3, 9
"""How often a fit holds its rows, and its weights: gradients, moments, the best."""


class AutoencoderSearchCV(DocumentationLinkMixin, GridSearchCV):
    """Grid search that trains its candidates together.

    `GridSearchCV`, with the same results but for rounding, for estimators that are
    autoencoders or pipelines with one. Where networks are small, those of all
    candidates and folds that have the same shape are trained as one batched network:
    each keeps its own learning rate, penalties, noise, seed and rows, and stops when it
    would stop alone, but a step of all takes little longer than a step of one. Where
    networks are large, fits run side by side in processes of one thread.

    Read more in the :ref:`user guide <searching>`.

    Parameters
    ----------
    estimator : estimator object
        An autoencoder, or a Pipeline with one.
    param_grid : dict or list of dict
        Names of parameters, and lists of their values; several grids in a list.
    scoring : str, callable, list, tuple or dict, default=None
        How reconstructions of the test rows are judged, as in `GridSearchCV`. None: by
        the estimator's own `score`.
    n_jobs : int, default=None
        Processes. Where fits are trained together, each process does so with its share
        of them; else the fits go side by side. None: as joblib's context says, or else
        one for each core where that is worth starting them, for large steps and long
        searches; shorter ones train together in this process, as with 1. What goes to
        processes, a scorer say, must be pickled.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, as in `GridSearchCV`.
    cv : int, splitter or iterable, default=None
        How the rows are split, as in `GridSearchCV`. None: into five folds.
    verbose : int, default=0
        How much to print, as in `GridSearchCV`, and how networks are trained.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are dispatched at a time, as in `GridSearchCV`.
    error_score : "raise" or numeric, default=np.nan
        Score of a candidate whose fit fails, which then is a warning; ``"raise"``
        raises the error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    train_together : bool or "auto", default="auto"
        Whether candidates are trained as one batched network. ``"auto"``: where that
        is faster, which it is for steps of up to some 20 million operations. True:
        also where it is not, with a warning where a candidate cannot be.
    factor : float, default=None
        None trains every candidate to its end. A number above 1 searches by
        successive halving (Jamieson and Talwalkar 2016): all candidates are fitted
        with a small `max_iter`, the best of them, one in `factor`, with `factor` times
        as many epochs, and so on, and only the last ones to their end.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        What `GridSearchCV` tells of every candidate. With `factor`, a candidate has a
        row for each round it was in, ``"iter"`` numbers the rounds, and
        ``"n_resources"`` is the number of epochs.
    best_estimator_ : estimator object
        The best candidate, fitted on all rows; with `refit` only.
    best_score_ : float
        Its mean score on the test rows.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its row in `cv_results_`; with `factor`, one of the last round.
    scorer_ : callable or dict
        What judged the candidates.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the last fit; with `refit` only.
    multimetric_ : bool
        Whether there are several scores.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features seen during fit, if the best estimator has them.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Where interface and results come from.
    skae.metrics.make_denoising_scorer : For searches of a noise level.

    Notes
    -----
    Scores differ from those of `GridSearchCV` as they do between numbers of threads: a
    batched product may add in another order, and long fits in float32 make more of it.

    Candidates with a `checkpoint_dir`, which must contain ``{fit}``, are trained one by
    one: each goes on from a step of its own (:ref:`checkpoints`).

    Where candidates are trained together, ``mean_fit_time`` is the time that they all
    took, and tells nothing about one of them.

    `factor` ranks by a single score: with several, `refit` must name one of them.

    References
    ----------
    Jamieson, K. and Talwalkar, A. (2016). "Non-stochastic best arm identification and
    hyperparameter optimization". AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import Autoencoder
    >>> from skae.model_selection import AutoencoderSearchCV
    >>> search = AutoencoderSearchCV(
    ...     Autoencoder(1, max_iter=20, random_state=0),
    ...     {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-3]},
    ... ).fit(load_iris().data)
    >>> search.cv_results_["mean_test_score"].shape
    (4,)
    >>> search.best_estimator_.transform(load_iris().data).shape
    (150, 1)
    """

    _documented_in = "skae.model_selection"

    _parameter_constraints: dict = {
        **GridSearchCV._parameter_constraints,
        "train_together": ["boolean", StrOptions({"auto"})],
        "factor": [Interval(Real, 1, None, closed="neither"), None],
    }

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        train_together="auto",
        factor=None,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.train_together = train_together
        self.factor = factor

    def fit(self, X, y=None, **params):
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,), default=None
            Passed to the splitter, and to the estimator, which may ignore it.
        **params : dict
            Passed to `fit` of the estimator, the splitter and the scorer.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            When fits would share a folder of checkpoints. With `factor` also when there
            is not exactly one autoencoder in a candidate, and when there are several
            scores of which `refit` names none.
        """
        self._validate_params()
        if self.factor is not None:
            refuse_ambiguous(self.scoring, self.refit)
        with all_or_nothing(self):
            self._n_trained, self._n_folds = size_of_a_split(self, X, y)
            with self._workers(shape_of(X)):
                super().fit(X, y, **params)
            del self._n_trained, self._n_folds
        return self

    @available_if(lambda search: hasattr(search.estimator, "transform"))
    def fit_transform(self, X, y=None, **params):
        """Search, and transform X by the best candidate, fitted on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,), default=None
            As for `fit`.
        **params : dict
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            What `transform` gives.
        """
        return self.fit(X, y, **params).transform(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags = get_tags(self.estimator).transformer_tags
        return tags

    @contextmanager
    def _workers(self, shape):
        """Let joblib find who is to fit candidates to X of this shape."""
        costs = self._costs(shape)
        if self._go_together(costs):
            n_threads = self._n_threads(costs, math.prod(shape))
            n_processes = min(self._n_processes(costs), n_threads)
            n_threads //= n_processes
            if n_processes > 1:
                processes, _ = get_active_backend()
                backend = SharingBackend(n_processes, n_threads, processes)
            else:
                backend = RendezvousBackend(n_threads)
            place = f"{n_processes} processes" if n_processes > 1 else "this process"
            self._tell(f"Networks of one shape train together, in {place}")
            # Fits in threads leave the filters of warnings as they should not.
            n_jobs = n_processes * n_threads
            with parallel_config(backend, n_jobs=n_jobs), warnings.catch_warnings():
                yield
        elif self.n_jobs is None and self._go_side_by_side(costs):
            self._tell(f"Candidates are fitted {cpu_count()} at a time")
            with parallel_config("loky", n_jobs=cpu_count()):  # of one thread each
                yield
        else:
            self._tell(
                f"Candidates are fitted {effective_n_jobs(self.n_jobs)} at a time"
            )
            yield

    def _tell(self, how):
        """Print how the search goes about it, where that is wanted."""
        if self.verbose > 0:
            print(how)

    def _go_together(self, costs):
        """Whether candidates of these costs are to be trained as one network."""
        n_alone = costs.count(None)
        if self.train_together == "auto":
            if n_alone or len(costs) < 2:
                return False
            return all(c.step <= _LARGEST_STEP.get(c.device, 0.0) for c in costs)
        if self.train_together and n_alone:
            warnings.warn(
                f"{n_alone} of {len(costs)} candidates cannot be trained with others, "
                f"{self._candidates()[costs.index(None)]} for one: though "
                "train_together is True, the search is that of GridSearchCV. The user "
                "guide tells what trains together.",
                stacklevel=5,
            )
        return bool(self.train_together) and not n_alone

    def _n_processes(self, costs):
        """Processes among which fits that are trained together are dealt out."""
        if not self._may_have_processes(costs):
            return 1
        if self.n_jobs is None and get_active_backend()[1] is None:  # nobody has said
            flops = self._n_folds * sum(cost.fit for cost in costs)
            return cpu_count() if flops > _LONG_SEARCH else 1
        return effective_n_jobs(self.n_jobs)

    def _go_side_by_side(self, costs):
        """Whether fits are known to take longer than to start processes for them."""
        if None in costs or len(costs) < 2 or cpu_count() < 2:
            return False
        return self._may_have_processes(costs) and get_active_backend()[1] is None

    def _may_have_processes(self, costs):
        """Whether nobody else has said who is to work, nor wants a device."""
        backend, _ = get_active_backend()
        is_own = isinstance(backend, BACKENDS[DEFAULT_BACKEND])
        is_free = is_own and not backend.nesting_level
        return is_free and all(cost.device == "cpu" for cost in costs)

    def _n_threads(self, costs, n_entries):
        """Fits in work at a time: as many as there is memory for."""
        n_weights = max(cost.n_weights for cost in costs)
        n_floats = _COPIES * n_entries + _STATES * n_weights
        n_bytes = n_floats * np.dtype(np.float64).itemsize
        return max(_FEWEST_THREADS, min(_MOST_THREADS, _MOST_BYTES // n_bytes))

    def _costs(self, shape):
        """`JointCost` of each candidate, or None where it is trained alone.

        Raises
        ------
        ValueError
            If a candidate names a parameter that there is not, or has one folder for
            the checkpoints of all its fits.
        """
        costs = []
        for given in self._candidates():
            candidate = clone(self.estimator).set_params(**clone(given, safe=False))
            refuse_one_folder(candidate)
            try:
                _, autoencoder = find_autoencoder(candidate)
            except ValueError:
                costs.append(None)
                continue
            try:
                width = math.prod(shape[1:])
                costs.append(autoencoder._joint_cost(self._n_trained, width))
            except Exception:  # whatever is wrong with a value, its own fit will say
                costs.append(JointCost(0.0, 0.0, 1))
        return costs

    def _candidates(self):
        return list(ParameterGrid(self.param_grid))

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        """Evaluate the candidates, all at once or round by round."""
        if self.factor is None:
            context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
            super()._run_search(evaluate_candidates, **context)
            return
        halving = SuccessiveHalving(
            self.estimator, self._candidates(), self._n_trained, self.factor
        )
        callbacks = RoundCallbacks(self, callback_ctx, halving.n_rounds)
        metric = self.refit if isinstance(self.refit, str) else "score"
        with callbacks.rounds():
            while halving.goes_on:
                given = halving.candidates()
                with callbacks.one(len(given)) as context:
                    results = evaluate_candidates(
                        given, more_results=halving.notes(), **context
                    )
                halving.keep_best(results[f"mean_test_{metric}"][-len(given) :])

    @staticmethod
    def _select_best_index(refit, refit_metric, results):
        """Row of the best candidate; with halving, of the last round."""
        if "iter" not in results:
            return GridSearchCV._select_best_index(refit, refit_metric, results)
        last = np.flatnonzero(np.asarray(results["iter"]) == np.max(results["iter"]))
        scores = results[f"mean_test_{refit_metric}"][last]
        return int(last[0 if np.isnan(scores).all() else np.nanargmax(scores)])
