"""The loop that everybody writes: DataLoader, Adam, autograd."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network(widths, activation=nn.ELU):
    """Dense autoencoder with the encoder's `widths`, mirrored in the decoder."""
    layers = []
    sizes = [*widths, *widths[-2::-1]]
    for i, (into, out) in enumerate(pairwise(sizes), start=1):
        layers.append(nn.Linear(into, out))
        if i not in (len(widths) - 1, len(sizes) - 1):  # neither code nor output
            layers.append(activation())
    return nn.Sequential(*layers)


class NaiveLoop:
    """Trains a dense autoencoder, an epoch a call.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training data.
    widths : sequence of int
        Encoder's widths, from n_features to the code.
    batch_size : int
        Rows of a batch.
    learning_rate : float
        Adam's.
    seed : int
        Of torch's global generator.
    """

    def __init__(self, X, widths, batch_size, learning_rate=1e-3, seed=0):
        torch.manual_seed(seed)
        self.model = network(widths)
        dataset = TensorDataset(torch.from_numpy(X))
        self.loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=learning_rate)
        self.loss = nn.MSELoss()

    def epoch(self):
        """One pass; the mean loss of its batches."""
        total = 0.0
        for (batch,) in self.loader:
            self.optimiser.zero_grad()
            loss = self.loss(self.model(batch), batch)
            loss.backward()
            self.optimiser.step()
            total += loss.item() * len(batch)
        return total / len(self.loader.dataset)

    def error(self, X):
        """Mean squared error on X."""
        with torch.no_grad():
            rows = torch.from_numpy(X)
            return float(self.loss(self.model(rows), rows))
