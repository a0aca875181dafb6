"""AttentionAutoencoder on sequences: held-out error, and seconds of an epoch.

MNIST as 28 steps of 28 pixels (the first 10,000 images for training), and waves: three
sines of 64 steps, of one frequency and three phases, all random. Beside it PCA, and the
dense autoencoder with its own defaults, at equal size of the code. Then an epoch, over
that of a bare torch loop with the same network in the same batches; a fit is timed
whole and divided by its epochs, and the loop alone is what each epoch after the first
one adds.
"""

from __future__ import annotations

import numpy as np
import torch
from datasets import mnist
from report import interleaved, parse, seconds, table, write
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from skae import AttentionAutoencoder, Autoencoder

CODES = (8, 32)


def waves(n, seed):
    """Sines of random phase and frequency: (n, 64, 3)."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(1.0, 4.0, (n, 1, 1))
    phase = rng.uniform(0.0, 2.0 * np.pi, (n, 1, 3))
    time = np.arange(64)[None, :, None] / 64
    return np.sin(2.0 * np.pi * frequency * time + phase).astype(np.float32)


def data(smoke):
    """Name, rows to train on and to test, shape of a sequence, epochs of attention."""
    if smoke:
        train, test = (waves(n, n)[:, :8].reshape(n, -1) for n in (200, 50))
        return [("waves", train, test, (8, 3), 1)]
    images, _, others, _ = mnist()
    train, test = waves(2000, 0), waves(1000, 1)
    return [
        ("waves", train.reshape(2000, -1), test.reshape(1000, -1), (64, 3), 40),
        ("MNIST", images[:10000], others, (28, 28), 10),
    ]


def quality(name, train, test, shape, epochs):
    """Lines of the first table for one set."""
    rows = []
    for k in CODES:
        k = min(k, *train.shape)
        settings = {"early_stopping": False, "random_state": 0}
        models = {
            "PCA": PCA(k),
            "Autoencoder": Autoencoder(k, **settings),
            "AttentionAutoencoder": AttentionAutoencoder(
                k, input_shape=shape, max_iter=epochs, **settings
            ),
        }
        for model_name, model in models.items():
            spent, _ = seconds(lambda model=model: model.fit(train))
            X_hat = model.inverse_transform(model.transform(test))
            rows.append(
                {
                    "data": name,
                    "code": k,
                    "model": model_name,
                    "epochs": getattr(model, "n_iter_", 0),
                    "test MSE": float(np.mean((X_hat - test) ** 2)),
                    "seconds": spent,
                }
            )
            print(rows[-1], flush=True)
    return rows


class Block(nn.Module):
    """Attention and a hidden layer, each behind a normalisation."""

    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, elementwise_affine=False) for _ in range(2)
        )
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden = nn.Linear(width, 2 * width)
        self.back = nn.Linear(2 * width, width)

    def forward(self, h):
        """Tokens to tokens: (batch, steps, width)."""
        n, steps, width = h.shape
        heads = self.into(self.norms[0](h)).view(n, steps, 3, self.n_heads, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v)
        h = h + self.out(seen.transpose(1, 2).reshape(n, steps, width))
        return h + self.back(F.gelu(self.hidden(self.norms[1](h))))


class Bare(nn.Module):
    """The network of AttentionAutoencoder without its path, in plain torch."""

    def __init__(self, shape, k, width, n_heads, n_layers, n_queries=8):
        super().__init__()
        steps, features = self.shape = shape
        self.width = width
        self.embedding, self.output = (
            nn.Linear(features, width),
            nn.Linear(width, features),
        )
        self.places = nn.ParameterList(torch.randn(steps, width) for _ in range(2))
        self.encoder, self.decoder = (
            nn.Sequential(
                *(Block(width, n_heads) for _ in range(n_layers)),
                nn.LayerNorm(width, elementwise_affine=False),
            )
            for _ in range(2)
        )
        self.query = nn.Linear(width, n_queries, bias=False)
        self.code = nn.Linear(n_queries * width, k)
        self.unfold = nn.Linear(k, steps * width)

    def forward(self, x):
        """Rows to their reconstructions."""
        h = self.encoder(self.embedding(x.view(-1, *self.shape)) + self.places[0])
        pooled = self.query(h).softmax(1).transpose(1, 2) @ h
        h = self.unfold(self.code(pooled.flatten(1))).view(len(x), -1, self.width)
        return self.output(self.decoder(h + self.places[1])).flatten(1)


class BareLoop:
    """Trains it with a DataLoader and Adam, an epoch a call."""

    def __init__(self, X, network, batch_size):
        self.network = network
        dataset = TensorDataset(torch.from_numpy(X))
        self.loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        self.optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def epoch(self):
        """One pass; the mean loss of its batches."""
        total = 0.0
        for (batch,) in self.loader:
            self.optimiser.zero_grad()
            loss = F.mse_loss(self.network(batch), batch)
            loss.backward()
            self.optimiser.step()
            total += loss.item() * len(batch)
        return total / len(self.loader.dataset)


def speed(name, X, shape, repeats, k=32, batch_size=100):
    """One line of the second table."""
    torch.manual_seed(0)
    size = {"width": 64, "n_heads": 4, "n_layers": 2}
    loop = BareLoop(X, Bare(shape, k, **size), batch_size)
    settings = {
        "input_shape": shape,
        "linear_path": False,
        "batch_size": batch_size,
        "early_stopping": False,
        "random_state": 0,
        **size,
    }
    whole, single = (
        AttentionAutoencoder(k, max_iter=epochs, **settings) for epochs in (3, 1)
    )
    times = interleaved(
        {
            "bare": loop.epoch,
            "skae": lambda: whole.fit(X),
            "one epoch": lambda: single.fit(X),
        },
        repeats,
    )
    alone = (times["skae"] - times["one epoch"]) / 2
    return {
        "data": name,
        "bare s": times["bare"],
        "skae s": times["skae"] / 3,
        "skae over bare": times["skae"] / 3 / times["bare"],
        "loop alone over bare": alone / times["bare"],
        "bare parameters": sum(p.numel() for p in loop.network.parameters()),
        "skae parameters": sum(w.size for w in single._fitted.weights.values()),
    }


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    sets = data(args.smoke)
    errors = [row for work in sets for row in quality(*work)]
    table(errors)
    repeats = 1 if args.smoke else 3
    times = [speed(n, X[:2000], shape, repeats) for n, X, _, shape, _ in sets]
    table(times)
    write("attention", args, {"held-out error": errors, "seconds per epoch": times})


if __name__ == "__main__":
    main()
