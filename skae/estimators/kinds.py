"""How estimators are written down, and what is checked when they are read."""

from __future__ import annotations

from sklearn.frozen import FrozenEstimator

from skae import __version__
from skae.estimators.attributes import ATTRIBUTES, Sized, Typed
from skae.estimators.callbacks import RUNNING
from skae.persistence.hints import check_hint
from skae.persistence.packing import Kind

_REQUESTS = "_metadata_request"

_ADVICE = {"_skl_callbacks": "; set_callbacks() without any takes its callbacks off"}

_OF_NO_FIT = {"_sklearn_output_config"}


class EstimatorKind(Kind):
    """Estimators of a class: parameters, and attributes of the fit.

    Parameters that the file does not have, which an older version has written, take
    their defaults.

    Parameters
    ----------
    cls : type
        The class, with `skae.estimators.saving.SavingMixin`.
    needed : set of str
        Names of the attributes that no fit leaves out.
    network, code, stream : type, union of types, or None
        Classes of what it trains, of the code in it, and of what `partial_fit` goes on
        from.
    """

    def __init__(self, cls, needed, network=None, code=None, stream=None):
        self._cls, self.types, self._needed = cls, (cls,), needed
        self._network, self._code, self._stream = network, code, stream

    def pack(self, value, packer):
        parameters = {k: getattr(value, k) for k in self._cls._get_param_names()}
        passing = {*vars(self._cls(**parameters)), *RUNNING}
        attributes = {k: v for k, v in vars(value).items() if k not in passing}
        if _REQUESTS in attributes:
            attributes[_REQUESTS] = _requests_of(attributes[_REQUESTS])
        strange = sorted(attributes.keys() - ATTRIBUTES.keys() - {_REQUESTS})
        if strange:
            advice = "".join(_ADVICE.get(name, "") for name in strange)
            raise TypeError(
                f"it has attributes that fit does not set: {', '.join(strange)}{advice}"
            )
        return {
            "parameters": {k: packer.pack(v, k) for k, v in parameters.items()},
            "attributes": {k: packer.pack(v, k) for k, v in attributes.items()},
        }

    def unpack(self, content, unpacker):
        check_hint(content, dict[str, dict])
        if content.keys() != {"parameters", "attributes"}:
            raise ValueError(f"{sorted(content)} are not the parts of an estimator")
        parameters, attributes = content["parameters"], content["attributes"]
        self._refuse_strange(parameters.keys(), self._cls._get_param_names())
        self._refuse_strange(attributes.keys(), {*ATTRIBUTES, _REQUESTS})
        parameters = {k: unpacker.unpack(v, k) for k, v in parameters.items()}
        given, names = unpacker.parameters, self._cls._get_param_names()
        parameters |= {k: v for k, v in given.items() if k in names}
        estimator = self._cls(**parameters)
        estimator._validate_params()
        attributes = {k: unpacker.unpack(v, k) for k, v in attributes.items()}
        requests = attributes.pop(_REQUESTS, {})
        typed = {k for k in attributes if isinstance(ATTRIBUTES[k], Typed)}
        for name in sorted(typed):
            with unpacker.at(name):
                check_hint(attributes[name], ATTRIBUTES[name].hint)
        vars(estimator).update(attributes)
        _request(estimator, requests)
        if attributes.keys() - _OF_NO_FIT:
            self._verify_fit(estimator, attributes, unpacker)
        return estimator

    def _refuse_strange(self, names, known):
        strange = sorted(names - set(known))
        if strange:
            raise ValueError(
                f"{self._cls.__name__} of skae {__version__} knows nothing of "
                f"{', '.join(strange)}: a newer version may have written the file"
            )

    def _verify_fit(self, estimator, attributes, unpacker):
        """Refuse a fit of which something is missing or does not belong together."""
        missing = sorted(self._needed - attributes.keys())
        if missing:
            raise ValueError(f"the fit lacks {', '.join(missing)}")
        if self._network:
            check_hint(estimator._fitted.network, self._network)
            check_hint(estimator._fitted.network.code, self._code)
        if "_stream" in attributes:
            check_hint(estimator._stream, self._stream)
        sizes = estimator._verified_sizes()
        for name, value in attributes.items():
            if isinstance(ATTRIBUTES[name], Sized):
                with unpacker.at(name):
                    ATTRIBUTES[name].check(value, sizes)


class FrozenKind(Kind):
    """scikit-learn's FrozenEstimator: the estimator in it.

    Parameters
    ----------
    cls : type
        Base class of all that may be in it.
    """

    types = (FrozenEstimator,)

    def __init__(self, cls):
        self._cls = cls

    def pack(self, value, packer):
        return packer.pack(value.estimator, "estimator")

    def unpack(self, content, unpacker):
        estimator = unpacker.unpack(content, "estimator")
        check_hint(estimator, self._cls)
        return FrozenEstimator(estimator)


def _requests_of(metadata):
    """Metadata that methods have been set to request, by method."""
    return {
        method: dict(request.requests)
        for method, request in vars(metadata).items()
        if getattr(request, "requests", None)
    }


def _request(estimator, requests):
    """Let methods of an estimator request metadata."""
    check_hint(requests, dict[str, dict[str, str | bool | None]])
    if not requests:
        return
    metadata = estimator._get_metadata_request()
    for method, wanted in requests.items():
        request = vars(metadata).get(method)
        if not hasattr(request, "add_request"):
            raise ValueError(f"no metadata are routed to {method!r}")
        for name, alias in wanted.items():
            request.add_request(param=name, alias=alias)
    estimator._metadata_request = metadata
