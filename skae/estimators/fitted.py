"""What a fit leaves behind: arrays, and how to apply them."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch

from skae.data import ProbabilisticPCA, Scaling, Source
from skae.networks import AutoencoderModule, Network, plain_numbers
from skae.objectives import Likelihood, ObservedLikelihood
from skae.training import threads

_CHUNK_BYTES = 4 * 2**20
_SPARSE_ROWS = 2**11  # of which hidden layers, which are dense, stay in a cache
_FEW_ROWS = 8  # for which fewer and cheaper calls matter more than threads do
_LEAST_VARIANCE = 1e-14  # of the scaled data: about the rounding of float32, squared


@dataclass(frozen=True)
class FittedAutoencoder:
    """A trained network as arrays, with everything that applying it needs.

    It holds no torch object and never changes, so it can be pickled, copied, shared
    between threads and kept through a failed refit. Rows are taken and given in
    float32 or float64, and all arithmetic is done in their dtype.

    Parameters
    ----------
    network : Network
        The architecture.
    likelihood : Likelihood
        What its output means.
    scaling : Scaling
        Units of X.
    weights : dict of str to ndarray
        Its parameters.
    null_output : ndarray of shape (n_features,)
        The output that stands for the training mean.
    noise_variance : float
        Mean squared error on the training data, in scaled units.
    filler : ProbabilisticPCA or None
        What fills gaps in scaled rows; None: rows have none, or the network knows.
    """

    network: Network
    likelihood: Likelihood
    scaling: Scaling
    weights: dict[str, np.ndarray]
    null_output: np.ndarray
    noise_variance: float = 0.0
    filler: ProbabilisticPCA | None = None
    _casts: dict = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self):
        return {**self.__dict__, "_casts": {}}

    def verify(self):
        """Refuse arrays that are not those of such a network.

        Raises
        ------
        ValueError
            When shapes or types are others, or numbers are not finite.
        """
        d, given = self.network.n_features, _shapes_of(self.weights)
        if len(given) < self.network.n_blocks or not _are_among(
            given, self.network.shapes()
        ):
            raise ValueError(f"weights of the shapes {given} are not of {self.network}")
        arrays = [*self.weights.values(), self.null_output, self.scaling.mean]
        if not all(a.dtype in ("f4", "f8") and np.isfinite(a).all() for a in arrays):
            raise ValueError("weights are not of float32 or float64, or not finite")
        if not self.null_output.shape == self.scaling.mean.shape == (d,):
            raise ValueError(f"null_output and mean are not of {d} features")
        if self.filler is not None and self.filler.mean.shape != (d,):
            raise ValueError(f"what fills gaps is not of {d} features")
        if not 0.0 <= self.noise_variance < math.inf:
            raise ValueError(f"{self.noise_variance} is no noise_variance")

    def verify_sides(self, *sides):
        """Refuse weights that are not all of those of some sides, and no others."""
        wanted = {n for n in self.network.shapes() if n.split(".")[0] in sides}
        if self.weights.keys() != wanted:
            raise ValueError(f"the weights are not those of {' and '.join(sides)}")

    def encode(self, X):
        """Codes of the rows of X: (n_samples, n_components)."""
        if len(X) <= _FEW_ROWS:
            return self._encode_few(X[:])
        stays_sparse = isinstance(X, Source) and X.is_thin(_SPARSE_ROWS)
        if stays_sparse and self.scaling.is_near_zero:
            return self._encode_sparse(X)
        return self._map(X, self.encoder(X.dtype))

    def encoder(self, dtype):
        """``encode(x)``, which maps a tensor of rows of this `dtype` to codes."""
        weights = self._cast(dtype, "encoder")
        return lambda x: self.network.encode(weights, self._seen(x))

    def _encode_few(self, X):
        """As `encode`, with the arrays as they are: most time would go into calls."""
        with np.errstate(all="ignore"), _no_autocast():
            x = self._seen(_tensor(X)).numpy()
            code = self.network.encode_few(self.arrays(X.dtype), x)
            return finite(torch.from_numpy(code))

    def _encode_sparse(self, X):
        """As `encode`, of rows that are not made dense."""
        weights, dtype = self._cast(X.dtype, "encoder"), getattr(torch, str(X.dtype))
        flops = _SPARSE_ROWS * sum(self.network.operations())
        with _no_autocast(), plain_numbers(), threads(flops):
            parts = (
                self._features(self.scaling.apply_sparse(part, dtype))
                for rows in X.sparse_reads(np.arange(len(X)))
                for part in rows.split(_SPARSE_ROWS)
            )
            return np.concatenate(
                [finite(self.network.encode(weights, x)) for x in parts]
            )

    def code_parameters(self, X):
        """Parameters of the codes of the rows of X: (n_samples, n_parameters)."""
        return self.inside(X, lambda weights, x: self.network.trace(weights, x).code)

    def inside(self, X, function):
        """Map ``function(weights, x)`` over the rows of X as the encoder sees them."""
        weights = self._cast(X.dtype, "encoder")
        return self._map(X, lambda x: function(weights, self._seen(x)))

    def entering(self, X):
        """What enters the code's activation: (n_samples, n_parameters)."""
        return self.inside(X, lambda weights, x: self.network.trace(weights, x).pre[-1])

    def decode(self, Z):
        """Reconstructions, in units of X, from codes: (n_samples, n_features)."""
        return self._map(Z, self.decoder(Z.dtype))

    def decoder(self, dtype):
        """``decode(z)``, which maps a tensor of codes to reconstructions."""
        weights = self._cast(dtype)
        return lambda z: self._mean(self.network.decode(weights, z))

    def reconstruct(self, X):
        """Reconstructions of the rows of X: (n_samples, n_features)."""
        encode, decode = self.encoder(X.dtype), self.decoder(X.dtype)
        return self._map(X, lambda x: decode(encode(x)))

    def loss(self, X, *, per_feature):
        """Loss in units of X, of every row (its mean) or of every entry."""

        def loss(output, target):
            entries = self._observed.loss(output, target)
            if not per_feature:
                entries = self._observed.average(entries, target, 1)
            return entries.mul_(self.unit)

        return self._compare(X, loss)

    def log_density(self, X):
        """Log-density of every row around its reconstruction, in units of X."""
        variance = max(self.noise_variance, _LEAST_VARIANCE)

        def log_density(output, target):
            entries = self._observed.log_density(output, target, variance)
            return entries.sum(1) - self._volume(target)

        return self._compare(X, log_density)

    def marginal_log_density(self, X):
        """Log-density of what is there of every row, under the model of the gaps."""

        def log_density(x):
            x = self._scaled(x)
            return self.filler.log_density(x) - self._volume(x)

        return self._map(X, log_density)

    def explained_deviance(self, X, X_clean):
        """Share of the deviance from the training mean that a code of X explains.

        Of X itself where `X_clean` is None; else of that, which X is to become.
        """
        null = torch.from_numpy(self.null_output.astype(np.float64))

        def deviances(output, target):
            return torch.stack(
                [
                    self._observed.deviance(o, target).sum(1)
                    for o in (output, null.expand_as(target))
                ],
                dim=1,
            )

        left, total = self._compare(X, deviances, X_clean).sum(axis=0)
        if total == 0.0:
            return 1.0 if left == 0.0 else 0.0
        return float(1.0 - left / total)

    def mean(self):
        """Reconstruction that is worth nothing, the training mean: (n_features,)."""
        null = torch.from_numpy(self.null_output.astype(np.float64))
        return self._mean(null).numpy().copy()

    def module(self):
        """A new torch module that maps X to its reconstruction."""
        weights = {n: torch.from_numpy(w.copy()) for n, w in self.weights.items()}
        mean = torch.from_numpy(self.scaling.mean.copy())
        return AutoencoderModule(
            self.network, weights, mean, self.scaling.scale, self.likelihood
        )

    @property
    def unit(self):
        """Loss in units of X for a loss of one in scaled units."""
        return self.scaling.scale**2

    def _seen(self, x):
        """What the encoder sees of rows in units of X."""
        return self._features(self._scaled(x))

    def _features(self, x):
        """What the encoder sees of rows that are scaled."""
        if self.filler is not None:
            x = self.filler.fill(x)
        return self.likelihood.features(x)

    @property
    def _observed(self):
        """The likelihood of what is there of a row."""
        if self.filler is None:
            return self.likelihood
        return ObservedLikelihood(self.likelihood)

    def _scaled(self, x):
        return self.scaling.apply(x)

    def _mean(self, output):
        return self.scaling.undo(self.likelihood.mean(output))

    def _compare(self, X, function, X_clean=None):
        """Map `function` over the outputs for rows of X, and these rows, scaled.

        The network computes in the dtype of X; errors are squared in float64. With
        `X_clean`, outputs are compared with its rows.
        """
        weights, d = self._cast(X.dtype), self.network.n_features
        if X_clean is not None and isinstance(X, Source):
            pairs = zip(
                X.blocks(), X.beside(X_clean).blocks_of(X.block_size), strict=True
            )
            parts = [self._compare(seen, function, clean) for seen, clean in pairs]
            return np.concatenate(parts)
        dtype = getattr(torch, str(X.dtype))
        if X_clean is not None:
            X = np.concatenate([X, X_clean[:]], axis=1)  # in the wider dtype of the two

        def compare(x):
            target = self._scaled(x[:, -d:])
            x = target if X_clean is None else self._scaled(x[:, :d].to(dtype))
            self._check(target)
            code = self.network.encode(weights, self._features(x))
            output = self.network.decode(weights, code)
            return function(output.to(torch.float64), target.to(torch.float64))

        return self._map(X, compare)

    def log_bound(self, X, n_samples, n_repeats):
        """Importance-weighted bound on the log-density of every row, in units of X.

        The logarithm of a mean of `n_samples` density ratios p(x, z) / q(z | x), over z
        from the code of x, averaged over `n_repeats` such draws; the noise behind them
        is the same for every row.
        """
        network, weights = self.network, self._cast(X.dtype)
        variance, k = max(self.noise_variance, _LEAST_VARIANCE), network.n_components
        generator = torch.Generator("cpu").manual_seed(0)
        shape = (n_repeats, n_samples, k)
        noise = torch.empty(shape, dtype=torch.float64, device="cpu")
        noise = noise.normal_(generator=generator)

        def log_ratio(code, target, eps):
            mean, deviation = network.code.mean(code), network.code.deviation(code)
            z = mean + deviation * eps.to(code)
            output = network.decode(weights, z).to(torch.float64)
            density = self._observed.log_density(output, target, variance).sum(1)
            z, deviation = z.to(torch.float64), deviation.to(torch.float64)
            prior = -0.5 * z.square().sum(1)
            posterior = -0.5 * eps.square().sum() - deviation.log().sum(1)
            return density + prior - posterior

        def bound(x):
            x = self._scaled(x)
            self._check(x)
            code = network.trace(weights, self._features(x)).code
            target, total = x.to(torch.float64), 0.0
            for draws in noise:
                ratios = torch.stack([log_ratio(code, target, eps) for eps in draws])
                total += torch.logsumexp(ratios, 0) - math.log(n_samples)
            return total / n_repeats - self._volume(x)

        return self._map(X, bound)

    def _volume(self, x):
        """Logarithm of the volume, in units of X, of one in scaled units, by row."""
        n_entries = self._observed.n_entries(x).to(torch.float64)
        return n_entries * math.log(self.scaling.scale)

    def _check(self, x):
        """Refuse rows that the likelihood cannot have."""
        x = self._observed.complete(x)
        self.likelihood.check(float(x.min()), float(x.max()))

    def _cast(self, dtype, side=""):
        """Weights of a side as tensors of `dtype`."""
        return {
            name: torch.from_numpy(weight)
            for name, weight in self.arrays(dtype).items()
            if name.startswith(side)
        }

    def arrays(self, dtype):
        """Weights as arrays of `dtype`, that torch can share."""
        if dtype not in self._casts:
            with np.errstate(over="ignore", under="ignore"):  # as torch casts
                self._casts[dtype] = {
                    name: np.require(weight, dtype, ["C", "W"])
                    for name, weight in self.weights.items()
                }
        return self._casts[dtype]

    def _map(self, array, function):
        """Apply `function` to rows of `array`, as many at a time as a cache holds."""
        if isinstance(array, Source):
            return np.concatenate([self._map(b, function) for b in array.blocks()])
        n_rows = max(1, _CHUNK_BYTES // (array.itemsize * self.network.widest))
        flops, out = min(n_rows, len(array)) * sum(self.network.operations()), None
        with _no_autocast(), plain_numbers(), threads(flops):
            for start in range(0, len(array), n_rows):
                part = finite(function(_tensor(array[start : start + n_rows])))
                if len(part) == len(array):
                    return part
                if out is None:
                    out = np.empty((len(array), *part.shape[1:]), dtype=part.dtype)
                out[start : start + n_rows] = part
        return out


def _shapes_of(arrays):
    return {name: array.shape for name, array in arrays.items()}


def _are_among(given, shapes):
    return all(shapes.get(n) == shape and 0 not in shape for n, shape in given.items())


def _no_autocast():
    if torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def finite(result):
    """Array of a tensor, refused where finite rows have overflowed on the way."""
    if not math.isfinite(result.sum().item()) and not torch.isfinite(result).all():
        raise ValueError(
            f"The rows contain values too large for {result.dtype}: the result "
            "overflows. Scale the features first, for example with StandardScaler"
            + (", or pass float64." if result.dtype != torch.float64 else ".")
        )
    return result.numpy()


def _tensor(array):
    """Rows as a tensor that may share their memory."""
    array = np.ascontiguousarray(array)
    shareable = array.flags.writeable and min(array.strides) >= 0
    return torch.from_numpy(array if shareable else array.copy())
