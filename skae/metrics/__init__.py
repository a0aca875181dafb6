"""How good is an embedding, and how good is a reconstruction: of any transformer.

Nothing here knows what an autoencoder is, so that `PCA` and its relatives are
measured with the same yardstick. 0/0 is 1 throughout: what loses nothing is perfect.
"""

from skae.metrics._denoising import make_denoising_scorer
from skae.metrics._embedding import continuity, neighborhood_hit, trustworthiness
from skae.metrics._geodesic import geodesic_correlation
from skae.metrics._reconstruction import reconstruction_r2

__all__ = [
    "continuity",
    "geodesic_correlation",
    "make_denoising_scorer",
    "neighborhood_hit",
    "reconstruction_r2",
    "trustworthiness",
]
