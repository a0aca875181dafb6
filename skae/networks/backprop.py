"""Forward and backward of a dense network by hand, over preallocated arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from skae.networks.activations import entries
from skae.networks.codes import Call, CodeArrays
from skae.networks.dense import DenseNetwork
from skae.networks.network import Weights
from skae.networks.products import Elsewhere, bring, fill, fill_anew

_limit_backward = torch.ops.aten.hardtanh_backward.grad_input


class DenseBackprop:
    """The hand-written step of a `DenseNetwork`, for batches of one size.

    Every array of the step is allocated here, once, but for large ones that a library
    brings, and every call of the step is bound to its arrays here, once: a step replays
    three lists of calls. The output and its gradient are the port at which a likelihood
    meets the network, the code and its gradient are the port for penalties on the code.

    Inside, a row is a unit and a column a sample: (width, batch_size). With a linear
    path the code z then is the upper part of [z; g_1], which goes into the decoder's
    last product, its gradient is the upper part of what goes into the gradient of the
    encoder's first bias, and both parts are contiguous: nothing is ever copied
    together or apart. The first `n_fixed` gradients are left as they are.

    Networks of one shape can take a step together: parameters, gradients and batches
    then have a first axis for the networks, and so has every array here.

    Parameters
    ----------
    network : DenseNetwork
        What to differentiate.
    weights, gradients : mapping of str to Tensor
        The parameters by name, and arrays of the same shapes for their gradients.
    batch_size : int
        Rows of a batch.
    generators : sequence of torch.Generator
        Sources of the noise of a random code, one for each network.
    elsewhere : dict of int to Tensor, or None
        Where a large gradient is put, by the address of the array that is for it, if a
        library has made it in another one. None: it is copied.

    Attributes
    ----------
    output : Tensor of shape ([n_networks,] batch_size, n_features)
        What `forward` has brought.
    output_gradient : Tensor of the same shape
        To be filled before `backward_to_code`.
    code, code_gradient : Tensor of shape ([n_networks,] n_parameters, batch_size)
        Filled by `forward` and by `backward_to_code`; the gradient may be changed
        before `backward_to_input`.
    """

    output: Tensor

    def __init__(
        self,
        network: DenseNetwork,
        weights: Weights,
        gradients: Weights,
        batch_size: int,
        generators: Sequence[torch.Generator],
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._network = network
        self._elsewhere = None if network.tied_weights else elsewhere
        self._weights, self._gradients = weights, gradients
        self._networks = weights[network.output_bias].shape[:-1]
        self._batch_size = batch_size
        self._act = network.hidden_activation()
        arrays = self._allocate()
        self.code, self.code_gradient = arrays.code, arrays.gradient
        rows = self.output  # of the shape of what comes in
        self._first = fill_anew(
            self._first_product,
            weights["encoder.0.weight"],
            rows.mT,
            start=weights["encoder.0.bias"][..., None],
        )
        first_weight = self._first_weight_gradient
        self._last = fill_anew(
            first_weight,
            self._into_first_weight,
            rows,
            start=first_weight if network.tied_weights else None,
            elsewhere=self._elsewhere,
        )
        code = network.code.bind(arrays, generators)
        self._up = [
            *self._encoder_forward(),
            *code.forward,
            *self._decoder_forward(),
        ]
        to_output, self._give = bring(
            self.output,
            self._last_input.mT,
            weights[network.decoder_weight(0)],
            weights[network.output_bias],
        )
        self._up += to_output
        self._to_code = [*self._decoder_backward(), *code.to_code]
        self._to_input = [*code.to_pre, *self._encoder_backward()]

    def forward(self, x: Tensor) -> None:
        """Fill `output` from the rows of `x`."""
        self._first(x.mT)
        for call in self._up:
            call()
        self.output = self._give()

    def backward_to_code(self) -> None:
        """Fill the decoder's gradients, and the code's, from `output_gradient`."""
        for call in self._to_code:
            call()

    def backward_to_input(self, x: Tensor) -> None:
        """Fill the encoder's gradients from `code_gradient`."""
        for call in self._to_input:
            call()
        self._last(x)
        torch.sum(self._first_gradient, -1, out=self._gradients["encoder.0.bias"])

    def _allocate(self) -> CodeArrays:
        """Make the arrays, and return those of the code.

        Index i of a list is hidden layer i = 1, ..., m; index m + 1 is the code. A code
        that is its own parameters, or its own draw, has one array for both. Encoder and
        decoder take turns with the gradients of their hidden layers.
        """
        network, code = self._network, self._network.code
        k, n_parameters = network.n_components, network.n_parameters
        self.output = self._empty(network.n_features).mT.contiguous()
        self.output_gradient = torch.empty_like(self.output)
        self._encoder_pre, self._encoder_value = self._layers(), self._layers()
        self._decoder_pre, self._decoder_value = self._layers(), self._layers()
        self._encoder_gradient = self._layers()
        self._decoder_gradient = [*self._encoder_gradient]

        beside = network.hidden_layer_sizes[0] if network.has_path else 0
        first, path, first_hidden = self._joined(n_parameters, beside)
        last, z, last_hidden = self._joined(k, beside)
        by_first = self._joined(n_parameters, beside)
        by_last = self._joined(k, beside) if code.is_random else by_first
        self._path, self._first_product, self._last_input = path, first, last
        self._first_gradient, gradient, _ = by_first
        self._last_gradient, z_gradient, _ = by_last
        if network.has_path:
            self._encoder_pre[1], self._decoder_value[1] = first_hidden, last_hidden
            self._encoder_gradient[1] = by_first[2]
            self._decoder_gradient[1] = by_last[2]
        elif network.hidden_layer_sizes:
            self._first_product = self._encoder_pre[1]
            self._last_input = self._decoder_value[1]
            self._first_gradient = self._encoder_gradient[1]
            self._last_gradient = self._decoder_gradient[1]
        pre = z if code.is_linear and not code.is_random else self._empty(n_parameters)
        if not network.hidden_layer_sizes:
            self._first_product = pre
        n_fixed = network.n_fixed // network.n_features
        self._into_first_weight = self._first_gradient[..., n_fixed:, :]
        gradient_of_first = self._gradients["encoder.0.weight"]
        self._first_weight_gradient = gradient_of_first[..., n_fixed:, :]
        self._encoder_pre.append(pre)
        self._decoder_value.append(z)
        self._encoder_gradient.append(gradient)
        self._decoder_gradient.append(z_gradient)
        values = pre if code.is_linear else z
        return CodeArrays(pre, values, z, z_gradient, gradient)

    def _layers(self) -> list[Tensor]:
        """One array for each hidden layer, from index 1 on."""
        return [self._empty(n) for n in (0, *self._network.hidden_layer_sizes)]

    def _joined(self, upper: int, lower: int) -> tuple[Tensor, Tensor, Tensor]:
        """An array, and its `upper` first and `lower` last rows."""
        whole = self._empty(upper + lower)
        return whole, whole[..., :upper, :], whole[..., upper:, :]

    def _encoder_forward(self) -> list[Call]:
        m, calls = self._network.depth - 1, list[Call]()
        for i in range(1, m + 1):
            a, h = self._encoder_pre[i], self._encoder_value[i]
            weight = self._weights[f"encoder.{i}.weight"]
            bias = self._weights.get(f"encoder.{i}.bias")
            start = self._path if bias is None else bias[..., None]
            out = self._encoder_pre[i + 1]
            calls += [
                *self._activate(a, h, is_first=i == 1),
                *fill(out, weight, h, start),
            ]
        return calls

    def _decoder_forward(self) -> list[Call]:
        m, calls = self._network.depth - 1, list[Call]()
        for i in range(m, 0, -1):
            into, a = self._decoder_value[i + 1], self._decoder_pre[i]
            weight = self._weights[self._network.decoder_weight(i)].mT
            bias = self._weights[f"decoder.{i}.bias"][..., None]
            calls += [
                *fill(a, weight, into, bias),
                *self._activate(a, self._decoder_value[i], is_first=i == m),
            ]
        return calls

    def _decoder_backward(self) -> list[Call]:
        network, m = self._network, self._network.depth - 1
        gradient, into = self.output_gradient.mT, self._last_input
        into_gradient = self._last_gradient
        calls: list[Call] = []
        for i in range(m + 1):
            name, bias = network.decoder_weight(i), f"decoder.{i}.bias"
            if i > 0:
                gradient, into = self._decoder_gradient[i], self._decoder_value[i + 1]
                into_gradient = self._decoder_gradient[i + 1]
                pre, value = self._decoder_pre[i], self._decoder_value[i]
                calls += self._activate_backward(gradient, pre, value, is_first=i == m)
            weight, path_is_there = self._weights[name], i == m > 0 and network.has_path
            weight_gradient = self._gradients[name]
            if name == "encoder.0.weight" and network.n_fixed:
                weight_gradient = self._first_weight_gradient
                into = into[..., -weight_gradient.shape[-2] :, :]
            calls += [
                *fill(weight_gradient, into, gradient.mT, elsewhere=self._elsewhere),
                partial(torch.sum, gradient, -1, out=self._gradients[bias]),
                *fill(
                    into_gradient,
                    weight,
                    gradient,
                    start=into_gradient if path_is_there else None,
                ),
            ]
        return calls

    def _encoder_backward(self) -> list[Call]:
        m, calls = self._network.depth - 1, list[Call]()
        for i in range(m, 0, -1):
            name, bias = f"encoder.{i}.weight", f"encoder.{i}.bias"
            gradient = self._encoder_gradient[i + 1]
            out = self._encoder_gradient[i]
            pre, value = self._encoder_pre[i], self._encoder_value[i]
            weight_gradient = self._gradients[name]
            calls += fill(
                weight_gradient,
                gradient,
                value.mT,
                start=weight_gradient if self._network.tied_weights else None,
                elsewhere=self._elsewhere,
            )
            if bias in self._gradients:
                calls.append(
                    partial(torch.sum, gradient, -1, out=self._gradients[bias])
                )
            calls += [
                *fill(out, self._weights[name].mT, gradient),
                *self._activate_backward(out, pre, value, is_first=i == 1),
            ]
        return calls

    def _activate(self, pre: Tensor, value: Tensor, *, is_first: bool) -> list[Call]:
        """From what enters a hidden layer, limited in place, to its value."""
        call = partial(self._act.forward, *entries(pre, value))
        limit = self._network.limit
        if not is_first or limit == math.inf:
            return [call]
        return [partial(torch.clamp, pre, -limit, limit, out=pre), call]

    def _activate_backward(
        self, gradient: Tensor, pre: Tensor, value: Tensor, *, is_first: bool
    ) -> list[Call]:
        """From the gradient of a hidden layer to that of what enters it, in place."""
        call = partial(self._act.backward, *entries(gradient, pre, value, gradient))
        limit = self._network.limit
        if not is_first or limit == math.inf:
            return [call]
        return [
            call,
            partial(_limit_backward, gradient, pre, -limit, limit, grad_input=gradient),
        ]

    def _empty(self, width: int) -> Tensor:
        like = self._weights[self._network.output_bias]
        return like.new_empty((*self._networks, width, self._batch_size))
