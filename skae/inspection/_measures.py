"""What a comparison measures of one embedding: one row of its table."""

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier

from skae import metrics
from skae.metrics._reconstruction import pooled_r2


def measure(embedding, held_out, *, n_neighbors):
    """Measure the embedding of the held-out rows.

    Parameters
    ----------
    embedding : Embedding
        Of `held_out.X_test`.

    held_out : HeldOut
        The rows and what is known about them.

    n_neighbors : int
        Size of the neighbourhoods.

    Returns
    -------
    dict of str to float, int or str
        Entries of the table by column; only those that apply.
    """
    X, Z = held_out.X_test, embedding.Z
    row = {
        "reconstruction_r2": _reconstruction_r2(embedding, held_out),
        "trustworthiness": metrics.trustworthiness(X, Z, n_neighbors=n_neighbors),
        "continuity": metrics.continuity(X, Z, n_neighbors=n_neighbors),
    }
    if held_out.places is not None:
        geodesic = pairwise_distances(held_out.places)
        row["geodesic_correlation"] = metrics.geodesic_correlation(
            geodesic, Z, metric="geodesic"
        )
    if held_out.has_labels:
        row["neighborhood_hit"] = metrics.neighborhood_hit(
            Z, held_out.y_test, n_neighbors=n_neighbors
        )
        row["knn_accuracy"] = _knn_accuracy(Z, held_out.y_test, n_neighbors)
    return row | {
        "fit_seconds": embedding.fit_seconds,
        "transform_seconds": embedding.transform_seconds,
        "n_fit_rows": embedding.n_fit_rows,
        "note": "; ".join(dict.fromkeys(embedding.notes)),
    }


def _reconstruction_r2(embedding, held_out):
    if embedding.X_hat is None:
        return np.nan
    # The same mean for all methods, whatever rows each was fitted on.
    mean = held_out.X_train.mean(axis=0, dtype=np.float64)
    return pooled_r2(held_out.X_test, embedding.X_hat, mean=mean)


def _knn_accuracy(Z, y, n_neighbors):
    """Leave one out: without rows of its own to score, a row is not its neighbour."""
    classifier = KNeighborsClassifier(n_neighbors=n_neighbors).fit(Z, y)
    return float(classifier.score(None, y))
