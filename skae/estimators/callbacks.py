"""All that touches scikit-learn's callbacks, which are experimental there."""

from __future__ import annotations

from skae.distributed import process_group

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""


#: What scikit-learn keeps on an estimator while its fit runs.
RUNNING = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class FitCallbacks:
    """Tells the callbacks of an estimator about its fit: an epoch is a task.

    Of processes that share the fit only the leading one does.

    Parameters
    ----------
    estimator : AutoencoderTransformer
        Whose fit this is.
    X : ndarray of shape (n_samples, n_features)
        Training data; also passed as y, without which scorers log nothing.
    max_iter : int
        Epochs that are planned; 0 for a fit without epochs.
    """

    def __init__(self, estimator, X, max_iter):
        self._estimator, self._data = estimator, {"X": X, "y": X}
        self._fit = self._epoch = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=max_iter)
            if getattr(estimator, "_skl_callbacks", ()) and process_group().leads:
                self._fit = context
                self._begin(context)

    def epoch_begins(self):
        """Report the begin of an epoch."""
        if self._fit is not None:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._begin(self._epoch)

    def epoch_ends(self, snapshot):
        """Report the end of an epoch, and return whether a callback asks to stop.

        `snapshot` gives the attributes of the estimator as if fit had ended here; it
        is called only where a callback asks for them.
        """
        return self._fit is not None and self._end(self._epoch, snapshot)

    def fit_ends(self, snapshot):
        """Report the end of the fit."""
        if self._fit is not None:
            self._end(self._fit, snapshot)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, context, snapshot):
        return context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=snapshot,
            **self._data,
        )
