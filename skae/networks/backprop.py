"""Forward and backward of a dense network by hand, over preallocated arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from skae.networks.activations import ACTIVATIONS
from skae.networks.dense import DenseNetwork, Weights

Call = Callable[[], object]


class DenseBackprop:
    """The hand-written step of a `DenseNetwork`, for batches of one size.

    Every array of the step is allocated here, once, and every call of the step is
    bound to its arrays here, once: a step replays two lists of calls. The output and
    its gradient are the port at which a likelihood meets the network.

    Inside, a row is a unit and a column a sample: (width, batch_size). With a linear
    path the code z then is the lower part of [g_1; z], which goes into the decoder's
    last product, its gradient is the lower part of what goes into the gradient of the
    encoder's first matrix, and both parts are contiguous: nothing is ever copied
    together or apart.

    Parameters
    ----------
    network : DenseNetwork
        What to differentiate.
    weights, gradients : mapping of str to Tensor
        The parameters by name, and arrays of the same shapes for their gradients.
    batch_size : int
        Rows of a batch.

    Attributes
    ----------
    output, output_gradient : Tensor of shape (batch_size, n_features)
        Filled by `forward`, and to be filled before `backward`.
    """

    def __init__(
        self,
        network: DenseNetwork,
        weights: Weights,
        gradients: Weights,
        batch_size: int,
    ) -> None:
        self._network = network
        self._weights, self._gradients = weights, gradients
        self._batch_size = batch_size
        self._act = network.hidden_activation()
        self._code_act = ACTIVATIONS[network.code_activation]
        self._allocate()
        self._up = [*self._encoder_forward(), *self._decoder_forward()]
        self._down = [*self._decoder_backward(), *self._encoder_backward()]

    def forward(self, x: Tensor) -> None:
        """Fill `output` from the rows of `x`."""
        weight = self._weights["encoder.0.weight"]
        bias = self._weights["encoder.0.bias"][:, None]
        torch.addmm(bias, weight, x.t(), out=self._first_product)
        for call in self._up:
            call()

    def backward(self, x: Tensor) -> None:
        """Fill the gradients of all parameters from `output_gradient`."""
        for call in self._down:
            call()
        gradient = self._first_gradient
        self._add_product(self._gradients["encoder.0.weight"], gradient, x)()
        torch.sum(gradient, 1, out=self._gradients["encoder.0.bias"])

    def _allocate(self) -> None:
        network, m = self._network, self._network.depth - 1
        k, hidden = network.n_components, network.hidden_layer_sizes
        self.output = self._empty(self._batch_size, network.n_features)
        self.output_gradient = torch.empty_like(self.output)
        # Index i is hidden layer i = 1, ..., m; entry m + 1 is the code.
        self._encoder_pre = [self._empty(n, self._batch_size) for n in (0, *hidden, k)]
        self._encoder_value = [self._empty(n, self._batch_size) for n in (0, *hidden)]
        self._decoder_pre = [self._empty(n, self._batch_size) for n in (0, *hidden)]
        self._decoder_value = [
            self._empty(n, self._batch_size) for n in (0, *hidden, k)
        ]
        self._gradient = [self._empty(n, self._batch_size) for n in (0, *hidden, k)]
        if network.code_activation == "identity":
            self._decoder_value[m + 1] = self._encoder_pre[m + 1]
        self._first_product = self._encoder_pre[1]
        self._first_gradient = self._gradient[1]
        self._last_input = self._decoder_value[1]
        if network.has_path:
            h = hidden[0]
            self._first_product = self._empty(h + k, self._batch_size)
            self._first_gradient = self._empty(h + k, self._batch_size)
            self._last_input = self._empty(h + k, self._batch_size)
            self._encoder_pre[1] = self._first_product[:h]
            self._encoder_pre[m + 1] = self._last_input[h:]
            self._decoder_value[1] = self._last_input[:h]
            self._decoder_value[m + 1] = self._last_input[h:]
            self._gradient[1] = self._first_gradient[:h]
            self._gradient[m + 1] = self._first_gradient[h:]

    def _encoder_forward(self) -> list[Call]:
        network, m = self._network, self._network.depth - 1
        path = self._first_product[network.widths[1] :]
        calls: list[Call] = []
        for i in range(1, m + 1):
            a, h = self._encoder_pre[i], self._encoder_value[i]
            weight = self._weights[f"encoder.{i}.weight"]
            bias = self._weights.get(f"encoder.{i}.bias")
            start = path if bias is None else bias[:, None]
            out = self._encoder_pre[i + 1]
            calls += [
                partial(self._act.forward, a, h),
                partial(torch.addmm, start, weight, h, out=out),
            ]
        code, z = self._encoder_pre[m + 1], self._decoder_value[m + 1]
        if z is not code and not network.has_path:
            calls.append(partial(self._code_act.forward, code, z))
        return calls

    def _decoder_forward(self) -> list[Call]:
        calls: list[Call] = []
        for i in range(self._network.depth - 1, 0, -1):
            into, a = self._decoder_value[i + 1], self._decoder_pre[i]
            weight = self._weights[self._network.decoder_weight(i)].t()
            bias = self._weights[f"decoder.{i}.bias"][:, None]
            calls += [
                partial(torch.addmm, bias, weight, into, out=a),
                partial(self._act.forward, a, self._decoder_value[i]),
            ]
        weight = self._weights[self._network.decoder_weight(0)]
        bias = self._weights["decoder.0.bias"]
        into = self._last_input.t()
        last = partial(torch.addmm, bias, into, weight, out=self.output)
        return [*calls, last]

    def _decoder_backward(self) -> list[Call]:
        network, m = self._network, self._network.depth - 1
        gradient, into = self.output_gradient.t(), self._last_input
        into_gradient = self._first_gradient
        calls: list[Call] = []
        for i in range(m + 1):
            name, bias = network.decoder_weight(i), f"decoder.{i}.bias"
            if i > 0:
                gradient, into = self._gradient[i], self._decoder_value[i + 1]
                into_gradient = self._gradient[i + 1]
                pre, value = self._decoder_pre[i], self._decoder_value[i]
                calls.append(
                    partial(self._act.backward, gradient, pre, value, gradient)
                )
            weight, path_is_there = self._weights[name], i == m > 0 and network.has_path
            calls += [
                partial(torch.mm, into, gradient.t(), out=self._gradients[name]),
                partial(torch.sum, gradient, 1, out=self._gradients[bias]),
                partial(into_gradient.addmm_, weight, gradient)
                if path_is_there
                else partial(torch.mm, weight, gradient, out=into_gradient),
            ]
        return calls

    def _encoder_backward(self) -> list[Call]:
        network, m = self._network, self._network.depth - 1
        calls: list[Call] = []
        if network.code_activation != "identity":
            pre, value = self._encoder_pre[m + 1], self._decoder_value[m + 1]
            gradient = self._gradient[m + 1]
            calls.append(
                partial(self._code_act.backward, gradient, pre, value, gradient)
            )
        for i in range(m, 0, -1):
            name, bias = f"encoder.{i}.weight", f"encoder.{i}.bias"
            gradient, out = self._gradient[i + 1], self._gradient[i]
            pre, value = self._encoder_pre[i], self._encoder_value[i]
            calls.append(self._add_product(self._gradients[name], gradient, value.t()))
            if bias in self._gradients:
                calls.append(partial(torch.sum, gradient, 1, out=self._gradients[bias]))
            calls += [
                partial(torch.mm, self._weights[name].t(), gradient, out=out),
                partial(self._act.backward, out, pre, value, out),
            ]
        return calls

    def _add_product(self, gradient: Tensor, left: Tensor, right: Tensor) -> Call:
        """Put a product into a gradient, on top of the decoder's where it is tied."""
        if self._network.tied_weights:
            return partial(gradient.addmm_, left, right)
        return partial(torch.mm, left, right, out=gradient)

    def _empty(self, *shape: int) -> Tensor:
        like = self._weights["decoder.0.bias"]
        return torch.empty(shape, dtype=like.dtype, device=like.device)
