"""The loop that everybody writes: DataLoader, Adam, autograd."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
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

    def reconstruct(self, X):
        """Reconstructions of the rows of X."""
        with torch.no_grad():
            return self.model(torch.from_numpy(X)).numpy()


class NaiveVAE(nn.Module):
    """The textbook's variational autoencoder and its loop: ReLU, Bernoulli.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training data, in [0, 1].
    widths : tuple of three int
        Features, hidden units and code.
    batch_size : int
        Rows of a batch.
    seed : int
        Of torch's global generator.
    """

    def __init__(self, X, widths, batch_size, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        d, width, k = widths
        self.body = nn.Linear(d, width)
        self.mean, self.log_variance = nn.Linear(width, k), nn.Linear(width, k)
        self.decoder = nn.Sequential(
            nn.Linear(k, width), nn.ReLU(), nn.Linear(width, d)
        )
        self.loader = DataLoader(
            TensorDataset(torch.from_numpy(X)), batch_size=batch_size, shuffle=True
        )
        self.optimiser = torch.optim.Adam(self.parameters(), lr=1e-3)

    def encode(self, x):
        h = torch.relu(self.body(x))
        return self.mean(h), self.log_variance(h)

    def epoch(self):
        """One pass over the data."""
        for (x,) in self.loader:
            mean, log_variance = self.encode(x)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            loss = F.binary_cross_entropy_with_logits(
                self.decoder(z), x, reduction="sum"
            )
            loss = loss + 0.5 * torch.sum(
                mean**2 + log_variance.exp() - 1 - log_variance
            )
            self.optimiser.zero_grad()
            (loss / len(x)).backward()
            self.optimiser.step()

    def distribution(self, X):
        """Means and standard deviations of the codes of the rows of X."""
        with torch.no_grad():
            mean, log_variance = self.encode(torch.from_numpy(X))
            return mean.numpy(), torch.exp(0.5 * log_variance).numpy()

    def decode(self, Z):
        """Means of the rows that codes stand for."""
        with torch.no_grad():
            return torch.sigmoid(self.decoder(torch.from_numpy(Z))).numpy()

    def reconstruct(self, X):
        """Reconstructions of the rows of X, from the means of their codes."""
        return self.decode(self.distribution(X)[0])
