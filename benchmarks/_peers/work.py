"""What a peer is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Work:
    """A network, its batches, and how long to train it.

    Attributes
    ----------
    widths : tuple of int
        Widths of the encoder, from the features to the code.
    batch_size : int
        Rows of a batch.
    epochs : int
        Passes over the data.
    turn : int
        Epochs between two pauses; 0 is a fit without any.
    seed : int
        Of everything that is drawn.
    recipe : str
        One of skae's recipes; the others have one only.
    variational : bool
        Whether the code is a distribution, and the likelihood Bernoulli.
    share : float
        Of the training rows that are fitted: the first ones.
    """

    widths: tuple[int, ...]
    batch_size: int
    epochs: int
    turn: int = 1
    seed: int = 0
    recipe: str = "equal"
    variational: bool = False
    share: float = 1.0

    @property
    def passes(self):
        """Passes over the rows that there are."""
        return self.share * self.epochs

    @classmethod
    def read(cls, content):
        """Take what `plain` gave, after a journey as JSON."""
        return cls(**{**content, "widths": tuple(content["widths"])})

    def plain(self):
        """Return the attributes as a dictionary."""
        return asdict(self)
