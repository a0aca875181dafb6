"""What estimators compute, for whoever translates it into another language."""

from __future__ import annotations

from abc import abstractmethod

from skae.estimators.validation import check_fitted
from skae.persistence.programs import Program, ProgramsMixin


class ExportingMixin(ProgramsMixin):
    """Programs of an autoencoder: its three methods as functions of tensors."""

    def _programs(self):
        check_fitted(self)
        sample, code = self._shape_of_rows(), (self.n_components_,)
        weights = self._fitted.arrays
        return {
            "transform": Program("X", sample, {"code": None}, self._encoding, weights),
            "inverse_transform": Program(
                "Z", code, {"reconstruction": None}, self._decoding, weights
            ),
            "reconstruct": Program(
                "X", sample, {"reconstruction": None}, self._reconstruction, weights
            ),
        }

    def _shape_of_rows(self):
        """Shape of a sample as it was given to the fit."""
        return (self.n_features_in_,)

    def _read(self, x):
        """Rows, as the network takes them, of a tensor of samples; as `check_X`."""
        return self._flatten(x, reset=False)

    def _written(self, rows, x):
        """Reconstructions of samples `x`, in their shape, from rows."""
        return rows.reshape(-1, *x.shape[1:])

    def _encoding(self, dtype):
        encode = self._fitted.encoder(dtype)
        return lambda x: (encode(self._read(x)),)

    def _decoding(self, dtype):
        decode, shape = self._fitted.decoder(dtype), self._shape_of_rows()
        return lambda z: (decode(z).reshape(-1, *shape),)

    def _reconstruction(self, dtype):
        encode, decode = self._fitted.encoder(dtype), self._fitted.decoder(dtype)
        return lambda x: (self._written(decode(encode(self._read(x))), x),)


class ExportingHeadMixin(ProgramsMixin):
    """Programs of an encoder with a head on it: predictions, and codes."""

    def _programs(self):
        check_fitted(self)
        sample = self._reader(reset=False)._shape_of_rows()
        outputs = self._predicted()
        return {
            "predict": Program("X", sample, outputs, self._predicting, self._weights),
            "transform": Program(
                "X", sample, {"code": None}, self._encoding, self._encoder.arrays
            ),
        }

    @abstractmethod
    def _predicted(self):
        """Names of what `_said` gives, with tables for what are places in them."""

    @abstractmethod
    def _said(self, output):
        """What is predicted, as tensors, from what the head gives."""

    def _encoding(self, dtype):
        encode, reader = self._encoder.encoder(dtype), self._reader(reset=False)
        return lambda x: (encode(reader._read(x)),)

    def _predicting(self, dtype):
        encode, decide = self._encoding(dtype), self._head.decoder(dtype)
        return lambda x: self._said(decide(*encode(x)))

    def _weights(self, dtype):
        head = self._head.arrays(dtype).items()
        return self._encoder.arrays(dtype) | {f"head.{n}": w for n, w in head}
