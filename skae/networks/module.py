"""A trained autoencoder as a torch module, for users who want to go on in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from skae.networks.dense import Weights


class Network(Protocol):
    """What every network of the family can do."""

    @property
    def n_features(self) -> int: ...

    @property
    def n_components(self) -> int: ...

    def weight_shapes(self) -> dict[str, tuple[int, ...]]: ...

    def shapes(self) -> dict[str, tuple[int, ...]]: ...

    def encode(self, weights: Weights, x: Tensor) -> Tensor: ...

    def decode(self, weights: Weights, z: Tensor) -> Tensor: ...


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
    inverse_link : callable
        From the decoder's output to its mean, in scaled units.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        network: Network,
        weights: Weights,
        mean: Tensor,
        scale: float,
        inverse_link: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.network = network
        self._inverse_link = inverse_link
        for name, weight in weights.items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(weight))
        self._names = list(weights)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", mean.new_tensor(scale))

    def weights(self) -> dict[str, Tensor]:
        """Parameters under the names that the network gives them."""
        return {name: getattr(self, name.replace(".", "_")) for name in self._names}

    def encode(self, x: Tensor) -> Tensor:
        """Code of the rows of `x`, which are in units of X."""
        weights = self.weights()
        dtype = weights["encoder.0.weight"].dtype
        return self.network.encode(weights, ((x - self.mean) / self.scale).to(dtype))

    def decode(self, z: Tensor) -> Tensor:
        """Reconstruction, in units of X, from the codes `z`."""
        mean = self._inverse_link(self.network.decode(self.weights(), z))
        return (mean * self.scale + self.mean).to(z.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction of the rows of `x`."""
        return self.decode(self.encode(x))

    def extra_repr(self) -> str:
        """Say what the parameters belong to."""
        return repr(self.network)
