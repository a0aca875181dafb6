"""Structural similarity of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

_SIGMA = 1.5  # of the window, in pixels
_WINDOW = 11  # its height and width
_K1, _K2 = 0.01, 0.03


def structural_similarity(
    images: Tensor, others: Tensor, data_range: float, offset: float = 0.0
) -> Tensor:
    """Mean structural similarity of images (Wang et al. 2004).

    Local means, variances and covariances are weighted by a Gaussian window of 11 by
    11 pixels and a standard deviation of 1.5, which must lie within the image; on an
    axis that is shorter, the window is the largest odd one that fits.

    Parameters
    ----------
    images, others : Tensor of shape (batch, channels, height, width)
        What is compared.
    data_range : float
        From the least to the largest value that a pixel may have.
    offset : float
        What has been subtracted from all pixels of both. Where values are large beside
        their range, variances are exact only without it.

    Returns
    -------
    Tensor of shape (batch,)
        Means over windows and channels; 1 where the images are equal.
    """
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    products = (images, others, images * images, others * others, images * others)
    means = _blur(torch.stack(products).flatten(0, 2))
    x, y, xx, yy, xy = means.view(5, *images.shape[:2], -1)
    variances, covariance = xx - x * x + yy - y * y, xy - x * y
    squares = (x + offset).square() + (y + offset).square() + c1
    luminance = 1.0 - (x - y).square() / squares
    similarity: Tensor = luminance * (2.0 * covariance + c2) / (variances + c2)
    return similarity.mean((1, 2))


def _blur(images: Tensor) -> Tensor:
    """Weighted means over all windows of the images: (n, height, width) to (n, ...).

    As products with the two band matrices, which are far faster than convolutions with
    a single channel.
    """
    like = images.dtype, images.device
    height, width = (_windows(n, *like) for n in images.shape[1:])
    return (height @ images @ width.t()).flatten(1)


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _windows(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights of every window on an axis of length `n`: (n_windows, n).

    Every step of training asks for them. Not to be written to.
    """
    size = min(_WINDOW, n - 1 + n % 2)
    place = torch.arange(n, dtype=dtype, device=device)
    start = place[: n - size + 1, None]
    weights = torch.exp(-((place - start - (size - 1) / 2) ** 2) / (2.0 * _SIGMA**2))
    weights = weights * ((place >= start) & (place < start + size))
    return weights / weights.sum(1, keepdim=True)


@dataclass(frozen=True)
class Dissimilarity:
    """``weight`` times 1 - SSIM of the reconstruction of each row.

    Attributes
    ----------
    weight : float
        Factor, beside the mean loss in the units of the rows.
    input_shape : tuple of int
        Channels, height and width of the image that a row is.
    data_range : float
        Of a pixel, in units of the rows.
    shade : Tensor of shape (n_features,) or None
        What has been subtracted from the images, but for an offset that is the same for
        all pixels, in units of the rows; None: nothing.
    offset : float
        This offset.
    """

    weight: float
    input_shape: tuple[int, int, int]
    data_range: float = math.nan
    shade: Tensor | None = None
    offset: float = 0.0

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Dissimilarity:
        """Return the same for rows that are (X - `mean`) / `scale`.

        X lies between `least` and `most`.
        """
        offset = float(mean.mean())
        return replace(
            self,
            data_range=(most - least) / scale or 1.0,
            shade=(mean - offset) / scale,
            offset=offset / scale,
        )

    def __call__(self, rows: Tensor, target: Tensor) -> Tensor:
        """Of every row: (batch, n_features) twice, to (batch,)."""
        if self.shade is not None:
            shade = self.shade.to(rows)
            rows, target = rows + shade, target + shade
        images, others = (r.view(-1, *self.input_shape) for r in (rows, target))
        similarity = structural_similarity(images, others, self.data_range, self.offset)
        return self.weight * (1.0 - similarity)
