"""Fitted estimators as ONNX graphs."""

from __future__ import annotations

from functools import partial

from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skae import __version__
from skae._optional import import_optional
from skae.persistence.programs import ProgramsMixin


def to_onnx(
    estimator, *, method=None, dtype="float32", initial_types=None, target_opset=None
):
    """Translate a fitted estimator, or a pipeline with one in it, into one ONNX graph.

    Every estimator of skae has converters for skl2onnx, which translates the others; a
    pipeline of a scaler, an autoencoder and a classifier becomes one graph. It computes
    what the Python method does, for any number of rows, in float32 or in float64, and
    does not validate what it is given: NaN, or a number that overflows, is not refused.

    Read more in the :doc:`user guide </user_guide/onnx>`.

    Parameters
    ----------
    estimator : object
        A fitted estimator of skae, or a Pipeline, ColumnTransformer or anything else
        that skl2onnx knows and that may have some in it. Of a fitted search the best
        estimator is taken.
    method : str, default=None
        What the graph is to do. None: what the last step of a pipeline is for, that is
        `transform`, or `predict` of a classifier or regressor.

        - ``"transform"``: rows to codes.
        - ``"inverse_transform"``: codes to reconstructions; of an autoencoder alone.
        - ``"reconstruct"``: rows to reconstructions. Of a pipeline, the reconstructions
          of what the last step sees.
        - ``"predict"``: rows to labels and probabilities, two outputs; or to numbers,
          of shape (n_samples, n_outputs). Of a classifier without `predict_proba`
          labels alone.
    dtype : {"float32", "float64"}, default="float32"
        Type of the input, in which all is computed.
    initial_types : list of tuple, default=None
        Names and types of the inputs, as skl2onnx takes them; for columns of several
        types. None: one input, in the shape of the samples of the fit.
    target_opset : int or dict, default=None
        Version of ONNX's operators, 18 or later. None: the latest that skl2onnx has
        been tested with.

    Returns
    -------
    onnx.ModelProto
        The graph, whose ``SerializeToString()`` is what a file holds. The input is
        ``"X"``, or ``"Z"`` for codes; the output ``"code"``, ``"reconstruction"`` or
        ``"prediction"``, or ``"label"`` and, where there are any, ``"probabilities"``.
        `metadata_props` tell the version of skae and the method.

    Raises
    ------
    ImportError
        When skl2onnx is missing: ``pip install "skae[onnx]"``.
    NotFittedError
        When the estimator, or a step of it, is not fitted.
    ValueError
        When the last step has no such method, or the inputs do not fit it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import Autoencoder
    >>> from skae.persistence import to_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> ae = Autoencoder(8, max_iter=5, random_state=0)
    >>> model = make_pipeline(StandardScaler(), ae, LogisticRegression()).fit(X, y)
    >>> graph = to_onnx(model).graph
    >>> [output.name for output in graph.output]
    ['label', 'probabilities']
    """
    skl2onnx = import_optional("skl2onnx", extra="onnx")
    onnx = import_optional("onnx", extra="onnx")
    estimator = getattr(estimator, "best_estimator_", estimator)
    check_is_fitted(estimator)
    asked = _as_asked(estimator, method)
    translate = partial(
        skl2onnx.to_onnx,
        asked,
        name=type(estimator).__name__,
        initial_types=initial_types or _input_of(asked, dtype),
        target_opset=target_opset,
    )
    last = _end(asked, -1)
    try:
        model = translate(options=_plain_probabilities(last))
    except NameError:  # of a classifier without probabilities, and without the option
        model = translate(options={id(last): {}})
    if is_classifier(last) and not hasattr(last, "predict_proba"):
        # What skl2onnx calls probabilities are scores, of two classes with any sign.
        del model.graph.output[1:]
    model.doc_string = f"{type(estimator).__name__}, by skae {__version__}"
    facts = {"skae_version": __version__, "estimator": type(estimator).__name__}
    if methods := _methods_of(last):
        facts["method"] = methods[0]
    onnx.helper.set_model_props(model, facts)
    return model


class _Method(ProgramsMixin, BaseEstimator):
    """A method of an estimator, in the place of the estimator."""

    def __init__(self, estimator, method):
        self.estimator = estimator
        self.method = method

    def _programs(self):
        return {self.method: self.estimator._programs()[self.method]}


def _as_asked(estimator, method):
    """The estimator, or a pipeline of it, that does nothing but what `method` says."""
    if isinstance(estimator, Pipeline):
        return _pipeline_as_asked(estimator, method)
    methods = _methods_of(estimator)
    if method is not None and method not in methods:
        known = ", ".join(map(repr, methods))
        must = f"be one of {known}" if known else "be left to skl2onnx, that is, None"
        raise ValueError(
            f"method={method!r} cannot be exported of {type(estimator).__name__}: "
            f"the method must {must}."
        )
    is_ours = hasattr(estimator, "_programs")
    return _Method(estimator, method) if method and is_ours else estimator


def _methods_of(step):
    """What can be exported of a step, the default first; nothing: who knows."""
    if hasattr(step, "_programs"):
        return list(step._programs())
    return ["predict"] if is_classifier(step) or is_regressor(step) else []


def _pipeline_as_asked(pipeline, method):
    steps = list(_effective(pipeline))
    if method == "inverse_transform" and len(steps) > 1:
        raise ValueError(
            "method='inverse_transform' cannot be exported of a Pipeline: skl2onnx "
            f"does not translate the inverse of {type(steps[0][1]).__name__}. Export "
            "the last step alone, pipeline[-1]."
        )
    if not steps:
        raise ValueError("The Pipeline has no step that does anything.")
    *before, (name, last) = steps
    before = [(n, _as_transformer(s)) for n, s in before]
    return Pipeline([*before, (name, _as_asked(last, method))])


def _effective(pipeline):
    """Names and steps, those left out that do nothing."""
    for name, step in pipeline.steps:
        if isinstance(step, Pipeline):
            does_something = any(_effective(step))
        else:
            does_something = step not in (None, "passthrough")
        if does_something:
            yield name, step


def _as_transformer(step):
    """A step in front of others: one of skae's encodes, whatever else it can do."""
    if isinstance(step, Pipeline):
        return Pipeline([(n, _as_transformer(s)) for n, s in _effective(step)])
    return _Method(step, "transform") if hasattr(step, "_programs") else step


def _input_of(asked, dtype):
    """Name and type of the only input."""
    types = import_optional("skl2onnx.common.data_types", extra="onnx")
    kinds = {"float32": types.FloatTensorType, "float64": types.DoubleTensorType}
    kind = kinds.get(getattr(dtype, "__name__", str(dtype)))
    if kind is None:
        raise ValueError(
            f"dtype must be 'float32' or 'float64'. Got {dtype!r} instead."
        )
    first = _end(asked, 0)
    if hasattr(first, "_program"):
        program = first._program()
        return [(program.input, kind([None, *program.shape]))]
    if not hasattr(first, "n_features_in_"):
        raise ValueError(
            f"{type(first).__name__} does not say how many features it takes: give "
            'initial_types, such as [("X", FloatTensorType([None, 4]))].'
        )
    return [("X", kind([None, first.n_features_in_]))]


def _plain_probabilities(last):
    """Options that let a classifier give an array and not dictionaries; None: no need.

    One of skae's does anyway.
    """
    if not is_classifier(last):
        return None
    return {id(last): {} if hasattr(last, "_program") else {"zipmap": False}}


def _end(asked, place):
    """First or last step of a pipeline, whose steps may be pipelines; or what is none.

    `place` is 0 or -1.
    """
    while isinstance(asked, Pipeline):
        asked = asked.steps[place][1]
    return asked
