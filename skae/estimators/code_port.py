"""Where a penalty that is differentiated by hand meets the code."""

from __future__ import annotations

import math

import torch

from skae.objectives import scalar

_TINY = 1e-30  # a length that nothing is divided by


def reader_norms(network, penalty, weights):
    """Lengths of what decodes each entry of the code, if the penalty asks for them."""
    return network.reader_norms(weights) if penalty.uses_norms else None


def code_port(network, penalty, parameters, gradients, weight):
    """The port at the code, for a penalty that is differentiated by hand.

    ``weight(loss)`` is the factor of its gradient: a number, or one for each network.
    What the penalty gives is looked at once, in the first step.
    """
    readers = network.readers(parameters.views)
    by_readers = network.readers(gradients.views)
    is_verified = False

    def port(code, gradient, loss):
        nonlocal is_verified
        norms = reader_norms(network, penalty, parameters.views)
        out = torch.empty_like(gradient)
        if is_verified:
            value, by_norms = penalty.gradient(code, norms, out)
        else:
            found = penalty.gradient(code, norms, out.fill_(math.nan))
            value, by_norms = _verified(penalty, found, code, norms, out)
            is_verified = True
        factor = weight(loss)
        if not isinstance(factor, torch.Tensor):
            factor = scalar(factor, out)
        factor = factor[..., None, None]
        gradient.addcmul_(out, factor)
        if by_norms is not None:
            gradients.gather()
            by_norms = by_norms.div_(norms.clamp_min(_TINY))[..., None].mul_(factor)
            for matrix, by_matrix in zip(readers, by_readers, strict=True):
                by_matrix.addcmul_(matrix, by_norms)
        return value

    return port


def _verified(penalty, found, code, norms, out):
    """What ``gradient`` of a penalty has found, if it is what it must be."""
    name = f"{type(penalty).__name__}.gradient"
    if not (isinstance(found, tuple) and len(found) == 2):
        raise TypeError(
            f"{name} must write the gradient by the code to out, and return the "
            "penalty, and its gradient by norms or None, but returns "
            f"{type(found).__name__}."
        )
    value, by_norms = found
    expected = code.shape[:-2]
    if not (isinstance(value, torch.Tensor) and value.shape == expected):
        shape = getattr(value, "shape", None)
        raise ValueError(
            f"{name} must return the penalty as a tensor of shape {tuple(expected)}, "
            f"but returns {type(value).__name__ if shape is None else tuple(shape)}."
        )
    if by_norms is not None and (norms is None or by_norms.shape != norms.shape):
        told = "None" if norms is None else tuple(norms.shape)
        raise ValueError(
            f"{name} must return a gradient by norms of their shape, or None. They are "
            f"{told}, and it is {tuple(by_norms.shape)}."
        )
    if out.isnan().any() and code.isfinite().all():
        raise ValueError(
            f"{name} must write the gradient by the code to all of out, of shape "
            f"{tuple(out.shape)}, a row a unit; but there is NaN in it afterwards."
        )
    return found
