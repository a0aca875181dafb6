"""All that touches scikit-learn's callbacks, which are experimental there."""

from __future__ import annotations

from contextlib import contextmanager

from skae.distributed import process_group

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""


#: What scikit-learn keeps on an estimator while its fit runs.
RUNNING = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class CallbackTask:
    """A task of a fit that callbacks are told of; it begins when it is made.

    Parameters
    ----------
    context : CallbackContext or None
        scikit-learn's side of it; None: nobody is told.
    estimator : estimator object
        Whose fit this is.
    data : dict
        Its X and y.
    """

    def __init__(self, context, estimator, data):
        self._context, self._estimator, self._data = context, estimator, data
        if context is not None:
            context.call_on_fit_task_begin(estimator=estimator, **data)

    def begins(self, name, n_tasks=0):
        """Begin a task within this one, with `n_tasks` within it, and return it."""
        if self._context is None:
            return self
        context = self._context.subcontext(task_name=name, max_subtasks=n_tasks)
        return CallbackTask(context, self._estimator, self._data)

    @contextmanager
    def begins_with(self, part, name):
        """Begin a task within this one whose tasks are those of the fit of `part`.

        Callbacks that are for all levels see that fit, which is made in this context.
        """
        if self._context is None:
            yield self
            return
        context = self._context.subcontext(task_name=name)
        with context.propagate_callback_context(part):
            yield CallbackTask(context, self._estimator, self._data)

    def ends(self, snapshot):
        """Report the end, and return whether a callback asks to stop.

        `snapshot` gives the attributes of the estimator as if fit had ended here; it
        is called only where a callback asks for them.
        """
        return self._context is not None and self._context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=snapshot,
            **self._data,
        )


class FitCallbacks(CallbackTask):
    """Tells the callbacks of an estimator about its fit, which is the outermost task.

    Of processes that share the fit only the leading one does.

    Parameters
    ----------
    estimator : AutoencoderTransformer or EncoderWithHead
        Whose fit this is.
    X : array-like of shape (n_samples, n_features)
        Training data.
    n_tasks : int
        Tasks within it that are planned: epochs, for most; 0: none.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        What is to be predicted. None: X, as scorers log nothing without a y.
    has_parts : bool, default=False
        Whether another estimator is fitted within, which may have callbacks itself.
    """

    def __init__(self, estimator, X, n_tasks, y=None, has_parts=False):
        context = None
        if hasattr(estimator, "_init_callback_context"):
            begun = estimator._init_callback_context(max_subtasks=n_tasks)
            heard = has_parts or getattr(estimator, "_skl_callbacks", ())
            context = begun if heard and process_group().leads else None
        super().__init__(context, estimator, {"X": X, "y": X if y is None else y})
