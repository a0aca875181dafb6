"""A trained autoencoder as a torch module, for users who want to go on in torch."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from skae.networks.network import Network, Weights


class Link(Protocol):
    """What stands between X and a network on both sides."""

    def features(self, rows: Tensor) -> Tensor: ...

    def mean(self, output: Tensor) -> Tensor: ...


class AutoencoderModule(nn.Module):
    """Network, units and link in one module: X in, reconstruction out.

    Parameters
    ----------
    network : Network
        The architecture.
    weights : mapping of str to Tensor
        Its parameters, which become the module's.
    mean : Tensor of shape (n_features,)
        What is subtracted from X on the way in; of float64, for offsets are large.
    scale : float
        What X - mean is divided by.
    link : Link
        From scaled rows to what the encoder sees, and from the decoder's output to its
        mean in scaled units.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        network: Network,
        weights: Weights,
        mean: Tensor,
        scale: float,
        link: Link,
    ) -> None:
        super().__init__()
        self.network = network
        self._link = link
        for name, weight in weights.items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(weight))
        self._names = list(weights)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", mean.new_tensor(scale))

    def weights(self) -> dict[str, Tensor]:
        """Parameters under the names that the network gives them."""
        return {name: getattr(self, name.replace(".", "_")) for name in self._names}

    def encode(self, x: Tensor) -> Tensor:
        """Code of the rows of `x`, which are in units of X, in the dtype of weights."""
        _refuse_other_than_tensors(x, "rows", "transform")
        weights, dtype = self.weights(), self._dtype()
        scaled = ((x - self.mean) / self.scale).to(dtype)
        return self.network.encode(weights, self._link.features(scaled))

    def decode(self, z: Tensor) -> Tensor:
        """Reconstruction from the codes `z`, in units of X and the dtype of weights."""
        _refuse_other_than_tensors(z, "codes", "inverse_transform")
        weights, dtype = self.weights(), self._dtype()
        mean = self._link.mean(self.network.decode(weights, z.to(dtype)))
        return (mean * self.scale + self.mean).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction of the rows of `x`."""
        return self.decode(self.encode(x))

    def _dtype(self) -> torch.dtype:
        """In which it computes: that of the weights, which `to` may change."""
        return next(self.parameters()).dtype

    def extra_repr(self) -> str:
        """Say what the parameters belong to."""
        return repr(self.network)


def _refuse_other_than_tensors(given: object, what: str, method: str) -> None:
    if not isinstance(given, Tensor):
        raise TypeError(
            f"The network takes {what} as a torch.Tensor, and got "
            f"{type(given).__name__}: pass torch.as_tensor({what}), or use the "
            f"estimator's {method}, which takes arrays."
        )
