"""Grid search whose candidates are trained together."""

from __future__ import annotations

import math
from contextlib import nullcontext
from numbers import Real

import numpy as np
from joblib import cpu_count, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _num_samples

from skae.model_selection._callbacks import RoundCallbacks
from skae.model_selection._company import CompanyBackend
from skae.model_selection._halving import SuccessiveHalving, find_autoencoder

_LARGEST_STEP = 2e7
"""Operations of a step beyond which networks gain nothing from being batched."""

_FEWEST_THREADS, _MOST_THREADS = 4, 256
"""Fits in work at a time; in between, as many as `_MOST_BYTES` have room for."""

_MOST_BYTES, _COPIES = 2 * 2**30, 3
"""Memory for these fits, and how many copies of the data one of them takes."""


class AutoencoderSearchCV(GridSearchCV):
    """Grid search that trains its candidates together.

    `GridSearchCV`, with the same results, for estimators that are autoencoders or
    pipelines with one. Where networks are small, those of all candidates and folds that
    have the same shape are trained as one batched network: each keeps its own learning
    rate, penalties, noise, seed and rows, and stops when it would stop alone, but a
    step of all takes little longer than a step of one. Where networks are large, fits
    run side by side in processes of one thread.

    Read more in the :ref:`user guide <search>`.

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
        Processes for fits side by side. None: one for each core. Fits that are trained
        together need only this process.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, as in `GridSearchCV`.
    cv : int, cross-validation generator or iterable, default=None
        How the rows are split, as in `GridSearchCV`. None: into five folds.
    verbose : int, default=0
        How much to print, as in `GridSearchCV`.
    pre_dispatch : int or str, default="2*n_jobs"
        How many fits are dispatched at a time, as in `GridSearchCV`.
    error_score : "raise" or numeric, default=np.nan
        Score of a candidate whose fit fails, which then is a warning; ``"raise"``
        raises the error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    train_together : bool or "auto", default="auto"
        Whether candidates are trained as one batched network. ``"auto"``: where that
        is faster, which it is for steps of up to some 20 million operations.
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
    classes_ : ndarray of shape (n_classes,)
        Labels that the best estimator knows, if it is a classifier.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the best estimator has them.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Where interface and results come from.
    skae.metrics.make_denoising_scorer : For searches of a noise level.

    Notes
    -----
    Scores differ from those of `GridSearchCV` by no more than rounding does: a batched
    product may add in another order.

    While candidates are trained together, their ``mean_fit_time`` is that of all.

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
        """
        self._validate_params()
        self._n_samples, self._company = _num_samples(X), None
        try:
            with self._workers(np.shape(X)):
                return super().fit(X, y, **params)
        finally:
            del self._n_samples, self._company

    def _workers(self, shape):
        """Context in which joblib finds who is to fit candidates to X of this shape."""
        if self._goes_together(shape):
            n_bytes = _COPIES * math.prod(shape) * np.dtype(np.float64).itemsize
            n_threads = max(_FEWEST_THREADS, min(_MOST_THREADS, _MOST_BYTES // n_bytes))
            backend = CompanyBackend(n_threads)
            self._company = backend.company
            return parallel_config(backend)
        if self.n_jobs is None:
            return parallel_config("loky", n_jobs=cpu_count(), inner_max_num_threads=1)
        return nullcontext()

    def _goes_together(self, shape):
        """Whether candidates are to be trained as one network."""
        if self.train_together != "auto":
            return self.train_together
        try:
            steps = [self._flops(given, shape) for given in self._candidates()]
        except Exception:  # whatever is wrong with a candidate, its own fit will say
            return False
        return len(steps) > 1 and max(steps) <= _LARGEST_STEP

    def _flops(self, given, shape):
        """Operations of a step of a candidate, or inf where it is taken alone."""
        candidate = clone(self.estimator).set_params(**clone(given, safe=False))
        _, autoencoder = find_autoencoder(candidate)
        return autoencoder._flops(shape[0], math.prod(shape[1:]))

    def _candidates(self):
        return list(ParameterGrid(self.param_grid))

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        """Evaluate the candidates, all at once or round by round."""
        candidates = self._candidates()
        if self.factor is None:
            context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
            self._expect(len(candidates))
            super()._run_search(evaluate_candidates, **context)
            return
        halving = SuccessiveHalving(
            self.estimator, candidates, self._n_samples, self.factor
        )
        callbacks = RoundCallbacks(self, callback_ctx, halving.n_rounds)
        metric = self.refit if isinstance(self.refit, str) else "score"
        with callbacks.rounds():
            while halving.goes_on:
                given = halving.candidates()
                self._expect(len(given))
                with callbacks.one(len(given) * self.n_splits_) as context:
                    results = evaluate_candidates(
                        given, more_results=halving.notes(), **context
                    )
                halving.keep_best(results[f"mean_test_{metric}"][-len(given) :])

    def _expect(self, n_candidates):
        """Tell the threads, if they are to train together, how many fits will come."""
        if self._company is not None:
            self._company.expect(n_candidates * self.n_splits_)

    @staticmethod
    def _select_best_index(refit, refit_metric, results):
        """Row of the best candidate; with halving, of the last round."""
        if callable(refit) or "iter" not in results:
            return GridSearchCV._select_best_index(refit, refit_metric, results)
        is_last = np.asarray(results["iter"]) == np.max(results["iter"])
        scores = np.where(is_last, results[f"mean_test_{refit_metric}"], -np.inf)
        return int(np.nanargmax(np.where(np.isnan(scores) & is_last, -np.inf, scores)))
