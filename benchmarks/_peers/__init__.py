"""The peers of skae, a short file each, and the processes that they run in.

A peer's file has the same shape whatever is behind it:

``NAME``
    What its rows are called.
``PACKAGE``
    Whose version is noted.
``NOTE``
    Where its recipe has to differ from that of the others.
``fit(X, work, watch)``
    Trains for ``work.epochs`` epochs, calls ``watch.epoch_ends(reconstruct)`` after
    each, and returns `reconstruct`, a function from rows to their reconstructions.
``fit_variational(X, work, watch)``
    The same with a variational autoencoder, where there is one.

It imports what it needs at its top, and nothing else: that is timed.
"""

PEERS = ("skae", "naive", "skorch", "pyod", "pythae", "keras", "mlp")
