"""skorch: the naive loop's network in a NeuralNetRegressor."""

from __future__ import annotations

import torch
from naive import network
from skorch import NeuralNetRegressor
from skorch.callbacks import Callback

NAME = PACKAGE = "skorch"
NOTE = ""


class Pause(Callback):
    """Tells of every epoch."""

    def __init__(self, watch):
        self.watch = watch

    def on_epoch_end(self, net, **kwargs):
        self.watch.epoch_ends(net.predict)


def fit(X, work, watch):
    torch.manual_seed(work.seed)
    net = NeuralNetRegressor(
        network(work.widths),
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=work.batch_size,
        max_epochs=work.epochs,
        iterator_train__shuffle=True,
        train_split=None,  # the others hold nothing out
        callbacks=[Pause(watch)],
        verbose=0,
    )
    return net.fit(X, X).predict
