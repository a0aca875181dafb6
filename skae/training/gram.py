"""The loss of a linear autoencoder, which knows its data by their covariance alone."""

from __future__ import annotations

from torch import Tensor

from skae.training.flat import FlatTensors
from skae.training.step import NOTHING, Told


class GramStep:
    """Exact gradient of a linear autoencoder's mean squared error.

    With the encoder's matrix B and the decoder's transposed matrix D, both of shape
    (k, d), and the covariance C of centred data, the loss is

        tr((I - D'B) C (I - D'B)') / d.

    A step costs two products of a (k, d) by a (d, d) matrix, however many rows the
    data have. The batch that it is called on is C.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        With the entries "encoder.0.weight" and, unless tied, "decoder.0.weight".
    """

    def __init__(self, parameters: FlatTensors, gradients: FlatTensors) -> None:
        self.parameters, self.gradients = parameters, gradients
        self.memory = NOTHING

    def __call__(self, batch: Tensor) -> Told:
        d = batch.shape[0]
        encoder = self.parameters.views["encoder.0.weight"]
        decoder = self.parameters.views.get("decoder.0.weight", encoder)
        encoded = encoder @ batch
        decoded = encoded if decoder is encoder else decoder @ batch
        inner = decoder @ decoder.t()
        code = encoded @ encoder.t()
        loss = batch.trace() - 2.0 * (decoder * encoded).sum() + (inner * code).sum()
        by_encoder = inner @ encoded - decoded
        by_decoder = code @ decoder - encoded
        views = self.gradients.views
        if decoder is encoder:
            by_encoder += by_decoder
        else:
            views["decoder.0.weight"].copy_(by_decoder.mul_(2.0 / d))
        views["encoder.0.weight"].copy_(by_encoder.mul_(2.0 / d))
        return loss.clamp_min(0.0) / d, None
