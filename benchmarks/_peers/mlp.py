"""scikit-learn's MLPRegressor, fitted to its own input."""

from __future__ import annotations

from sklearn.neural_network import MLPRegressor

NAME, PACKAGE = "MLPRegressor", "scikit-learn"
NOTE = "ReLU, which there is no ELU for, on the code too"


def fit(X, work, watch):
    *hidden, code = work.widths[1:]
    model = MLPRegressor(
        hidden_layer_sizes=(*hidden, code, *reversed(hidden)),
        alpha=0.0,
        batch_size=work.batch_size,
        random_state=work.seed,
    )
    for _ in range(work.epochs):
        model.partial_fit(X, X)  # an epoch
        watch.epoch_ends(model.predict)
    return model.predict
