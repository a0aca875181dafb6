"""What tells scikit-learn's callbacks, which are experimental there, of the rounds."""

from contextlib import contextmanager


class RoundCallbacks:
    """Rounds of a search as tasks of its callbacks.

    Parameters
    ----------
    search : estimator object
        Whose callbacks these are.
    context : CallbackContext or None
        That of its fit; None: this scikit-learn has no callbacks.
    n_rounds : int
        How many rounds there will be.
    """

    def __init__(self, search, context, n_rounds):
        self._search, self._context, self._n_rounds = search, context, n_rounds

    @contextmanager
    def rounds(self):
        """Be in the search."""
        before = self._context
        with self._task("search", max_subtasks=self._n_rounds) as self._context:
            yield
        self._context = before

    @contextmanager
    def one(self, n_candidates):
        """Be in a round of candidates, whose evaluation gets what this gives."""
        options = {"sequential_subtasks": False}
        if self._context is not None:  # and so `n_splits_` is known
            options["max_subtasks"] = n_candidates * self._search.n_splits_
        with self._task("round", **options) as context:
            yield {} if context is None else {"callback_ctx": context}

    @contextmanager
    def _task(self, name, **options):
        if self._context is None:
            yield None
            return
        context = self._context.subcontext(task_name=name, **options)
        yield context.call_on_fit_task_begin(estimator=self._search)
        context.call_on_fit_task_end(estimator=self._search)
