"""Probabilistic PCA of rows with gaps: what is missing, expected from what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from skae.data.principal import principal_axes

_BLOCK_ENTRIES = 2**21
"""Of the matrices of a block of rows, which each bring one."""

_LEAST_NOISE = 1e-8
"""Of the mean variance of an entry: below it, the noise is rounding."""

_LEAST_PIVOT = 1e-12
"""Of a regression on codes, for a feature that no row has."""


@dataclass(frozen=True)
class ProbabilisticPCA:
    """Normal rows whose covariance is W' W + s I (Tipping and Bishop 1999).

    A row with gaps tells its code z, and so what to expect where nothing is:

        E[z | x] = (W_o W_o' + s I)^-1 W_o (x_o - m_o),
        E[x_u | x] = W_u' E[z | x] + m_u,

    with o for what is observed and u for what is not. A row without an entry is
    expected to be the mean.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        The mean m.
    loadings : ndarray of shape (rank, n_features)
        The matrix W.
    noise : float
        The variance s, above zero.
    bounds : tuple of float
        Interval that what is expected is clipped to.
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    noise: float
    bounds: tuple[float, float] = (-np.inf, np.inf)

    def verify(self) -> None:
        """Refuse what can be no such model."""
        loadings, (least, most) = self.loadings, self.bounds
        if loadings.ndim != 2 or self.mean.shape != loadings.shape[1:]:
            raise ValueError("the loadings and the mean have different features")
        if not 1 <= len(loadings) <= len(self.mean):
            raise ValueError(
                f"{len(loadings)} axes of {len(self.mean)} features are impossible"
            )
        if not (np.isfinite(loadings).all() and np.isfinite(self.mean).all()):
            raise ValueError("the loadings or the mean are not finite")
        if not (0.0 < self.noise < np.inf and least < most):
            raise ValueError(
                f"noise {self.noise} or bounds {self.bounds} are impossible"
            )

    @classmethod
    def of_axes(
        cls,
        mean: NDArray[np.float64],
        axes: NDArray[np.float64],
        variances: NDArray[np.float64],
        noise: float,
    ) -> ProbabilisticPCA:
        """From orthonormal axes, the variances along them, and that beside them."""
        largest = float(np.max(variances, initial=noise)) or 1.0
        noise = max(noise, _LEAST_NOISE * largest)
        widths = np.sqrt(np.maximum(variances - noise, 0.0))
        return cls(mean, widths[:, None] * axes, noise)

    @classmethod
    def fit(
        cls, rows: Tensor, rank: int, *, tol: float, max_iter: int
    ) -> ProbabilisticPCA:
        """Find the model under which what is there of `rows` is most likely.

        In closed form where nothing is missing, and else by expectation maximisation,
        in which the codes may have any mean and covariance, so that it takes few
        steps (Liu, Rubin and Wu 1998).

        Parameters
        ----------
        rows : Tensor of shape (n_samples, n_features)
            NaN stands for what is missing.
        rank : int
            How many axes; at most min(shape).
        tol : float
            Gain in log-likelihood, in nats per entry, below which steps end.
        max_iter : int
            Most steps.
        """
        rows = rows.to("cpu", torch.float64)
        model, last = cls.start(rows, rank), -np.inf
        if not rows.isnan().any():
            return model
        for _ in range(max_iter):
            model, density = model.step(rows)
            if density - last <= tol:
                break
            last = density
        return model

    @classmethod
    def start(cls, rows: Tensor, rank: int) -> ProbabilisticPCA:
        """The most likely model of rows with means in their gaps, in closed form."""
        (n, d), mean = rows.shape, rows.nanmean(0).nan_to_num()
        centred = torch.where(rows.isnan(), 0.0, rows - mean)
        found = principal_axes(lambda: [centred], (n, d), rank)
        left = max(0.0, found.total - float(found.squares.sum()))
        noise = left / (n * (d - rank)) if rank < d else 0.0
        return cls.of_axes(
            mean.numpy().copy(), found.components, found.squares / n, noise
        )

    def step(self, rows: Tensor) -> tuple[ProbabilisticPCA, float]:
        """A step of expectation maximisation, and how likely the rows were before it.

        In nats per entry that is there of `rows`, which are of float64.
        """
        moments = _expect(self, rows)
        density = moments.log_likelihood / max(1, moments.n_entries)
        return moments.model(self.noise), density

    def fill(self, x: Tensor) -> Tensor:
        """Rows with the expectation of what is missing: (batch, n_features).

        Those without a gap are as they are. For a `TorchFunctionMode` this is a
        function of torch.
        """
        if has_torch_function_unary(x):
            known: Tensor = handle_torch_function(ProbabilisticPCA.fill, (x,), self, x)
            return known
        missing = x.isnan()
        gappy = missing.any(1)
        if not gappy.any():
            return x
        rows, filled = x[gappy], x.clone()
        loadings, mean = self._on(x.device)
        codes = torch.cat([p.codes for p in self.posteriors(rows)])
        expected = (codes @ loadings).add_(mean).clamp_(*self.bounds).to(x.dtype)
        filled[gappy] = torch.where(missing[gappy], expected, rows)
        return filled

    def log_density(self, x: Tensor) -> Tensor:
        """Log-density of what is there of each row: (batch,), in float64."""
        return torch.cat([p.log_density() for p in self.posteriors(x)])

    def posteriors(self, x: Tensor) -> Iterator[Posterior]:
        """What rows tell of their codes, a block of rows at a time."""
        loadings, mean = self._on(x.device)
        rank = len(loadings)
        lower = torch.tril_indices(rank, rank, device=x.device)
        products = loadings[lower[0]] * loadings[lower[1]]
        for rows in torch.split(x, max(1, _BLOCK_ENTRIES // rank**2)):
            there = ~rows.isnan()
            deviation = (rows.to(torch.float64) - mean).masked_fill_(~there, 0.0)
            matrix = deviation.new_zeros((len(rows), rank, rank))
            matrix[:, lower[0], lower[1]] = there.to(torch.float64) @ products.t()
            matrix.diagonal(dim1=1, dim2=2).add_(self.noise)
            factor = torch.linalg.cholesky(matrix)
            scores = deviation @ loadings.t()
            codes = torch.cholesky_solve(scores[:, :, None], factor)[:, :, 0]
            residual = (deviation - codes @ loadings).masked_fill_(~there, 0.0)
            yield Posterior(codes, factor, residual, there, self.noise)

    def representatives(self) -> NDArray[np.float64]:
        """Deviations whose mean outer product is W' W + s I: (n, n_features)."""
        noise = np.sqrt(self.noise) * np.eye(len(self.mean))
        rows = np.concatenate([self.loadings, noise])
        rows *= np.sqrt(len(rows))
        return rows

    def clipped(self, bounds: tuple[float, float]) -> ProbabilisticPCA:
        """The same, with expectations within `bounds`."""
        return replace(self, bounds=bounds)

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        arrays = self.loadings, self.mean
        loadings, mean = (torch.from_numpy(array).to(device) for array in arrays)
        return loadings, mean


class Posterior(NamedTuple):
    """What rows with gaps tell of their codes.

    Attributes
    ----------
    codes : Tensor of shape (batch, rank)
        Expected codes.
    factor : Tensor of shape (batch, rank, rank)
        Lower triangle whose square is W_o W_o' + s I; the covariance of the code is s
        times the inverse of this.
    residual : Tensor of shape (batch, n_features)
        What the codes leave of the entries; 0 where there is none.
    there : Tensor of shape (batch, n_features)
        Which entries there are.
    noise : float
        The variance s.
    """

    codes: Tensor
    factor: Tensor
    residual: Tensor
    there: Tensor
    noise: float

    def covariance(self) -> Tensor:
        """Of each row's code: (batch, rank, rank)."""
        return torch.cholesky_inverse(self.factor).mul_(self.noise)

    def log_density(self) -> Tensor:
        """Of each row: (batch,).

        The determinant is that of Sylvester, and the square that of the residual and
        the code, which have nothing to cancel.
        """
        rank = self.codes.shape[1]
        n_entries = self.there.sum(1, dtype=torch.float64)
        diagonal = self.factor.diagonal(dim1=1, dim2=2)
        determinant = 2.0 * diagonal.log().sum(1)
        determinant += (n_entries - rank) * float(np.log(self.noise))
        square = self.residual.square().sum(1) / self.noise
        square += self.codes.square().sum(1)
        return -0.5 * (n_entries * float(np.log(2.0 * np.pi)) + determinant + square)


class _Moments(NamedTuple):
    """Expected moments of rows and of their codes, each followed by a 1.

    Attributes
    ----------
    of_codes : Tensor of shape (rank + 1, rank + 1)
        Means of the products of codes, over all rows.
    by_feature : Tensor of shape (n_features, rank + 1, rank + 1)
        Their sums over the rows that have the feature.
    with_feature : Tensor of shape (n_features, rank + 1)
        Sums of the products of codes and the feature.
    squares : float
        Sum of the squares of what is there.
    n_entries : int
        How many entries that is.
    log_likelihood : float
        Of it, under the model before.
    """

    of_codes: Tensor
    by_feature: Tensor
    with_feature: Tensor
    squares: float
    n_entries: int
    log_likelihood: float

    def model(self, noise: float) -> ProbabilisticPCA:
        """The model that makes them most likely; `noise` is of the one before."""
        damped = self.by_feature.clone()
        damped.diagonal(dim1=1, dim2=2).add_(_LEAST_PIVOT)
        factor = torch.linalg.cholesky(damped)
        found = torch.cholesky_solve(self.with_feature[:, :, None], factor)[:, :, 0]
        left = self.squares - float((found * self.with_feature).sum())
        least = _LEAST_NOISE * self.squares / self.n_entries or noise
        # The codes come to have the mean 0 and the covariance I again.
        mean = self.of_codes[-1, :-1]
        covariance = self.of_codes[:-1, :-1] - torch.outer(mean, mean)
        width = torch.linalg.cholesky(covariance)
        return ProbabilisticPCA(
            (found[:, -1] + found[:, :-1] @ mean).numpy(),
            (found[:, :-1] @ width).t().contiguous().numpy(),
            max(left / self.n_entries, least),
        )


def _expect(model: ProbabilisticPCA, rows: Tensor) -> _Moments:
    """Expected moments of rows with gaps, and of their codes."""
    width, d = len(model.loadings) + 1, rows.shape[1]
    lower = torch.tril_indices(width, width)
    of_codes = rows.new_zeros((width, width))
    packed = rows.new_zeros((d, lower.shape[1]))
    with_feature, log_likelihood, start = rows.new_zeros((d, width)), 0.0, 0
    for found in model.posteriors(rows):
        block = rows[start : start + len(found.codes)]
        codes = torch.nn.functional.pad(found.codes, (0, 1), value=1.0)
        products = codes[:, :, None] * codes[:, None]
        products[:, :-1, :-1] += found.covariance()
        of_codes += products.sum(0)
        packed += found.there.to(rows.dtype).t() @ products[:, lower[0], lower[1]]
        with_feature += block.nan_to_num().t() @ codes
        log_likelihood += float(found.log_density().sum())
        start += len(block)
    by_feature = rows.new_zeros((d, width, width))
    by_feature[:, lower[0], lower[1]] = packed
    return _Moments(
        of_codes / len(rows),
        by_feature + by_feature.tril(-1).mT,
        with_feature,
        float(rows.nan_to_num().square().sum()),
        int((~rows.isnan()).sum()),
        log_likelihood,
    )
