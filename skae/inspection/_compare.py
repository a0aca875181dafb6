"""The main job: autoencoders and their rivals in one table."""

import warnings

from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import _num_samples

from skae._optional import import_optional
from skae.inspection._embedding import embed
from skae.inspection._held_out import count_held_out, hold_out
from skae.inspection._images import image_shape_for
from skae.inspection._measures import measure
from skae.inspection._methods import default_methods, named_methods
from skae.inspection._progress import track


def compare(
    X,
    estimators=None,
    y=None,
    *,
    n_components=2,
    preprocessing=None,
    intrinsic_coordinates=None,
    test_size=0.25,
    n_neighbors=5,
    max_rows=2000,
    random_state=0,
    verbose=False,
):
    """Compare autoencoders with PCA and its relatives on rows held out.

    Every method is fitted on the same training rows and measured on the same
    held-out rows. Nothing is scaled unless `preprocessing` says so: scaling features
    against each other changes the problem, for all methods alike.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The data: numeric, without missing values once preprocessed.

    estimators : dict of str to estimator, or list of estimators, default=None
        Transformers; they are cloned. None compares `PCA`, `KernelPCA` (Gaussian
        kernel as wide as the data), `Isomap`, `LocallyLinearEmbedding` (as LLE),
        `skae.LinearAutoencoder` and `skae.Autoencoder`.

    y : array-like of shape (n_samples,), default=None
        Labels, for what the nearest neighbours tell of them. Numbers with fewer than
        five rows to a value are no labels, and give no such measure.

    n_components : int, default=2
        Size of the code of the default estimators.

    preprocessing : transformer, default=None
        Fitted on the training rows and put before every method; everything is then
        measured on what it returns. For columns in different units, a
        `StandardScaler()`. To prepare the rows for one method only, pass a Pipeline
        among the `estimators` instead.

    intrinsic_coordinates : array-like of shape (n_samples, n_intrinsic), default=None
        Where the data lie on a known manifold, the place of each row on it, so that
        Euclidean distances between places are distances along the manifold.

    test_size : float or int, default=0.25
        Share or number of the rows to hold out.

    n_neighbors : int, default=5
        Size of the neighbourhoods in trustworthiness, continuity, neighbourhood hit
        and accuracy.

    max_rows : int, default=2000
        Methods whose cost grows with the square of the rows (KernelPCA, Isomap,
        LocallyLinearEmbedding and the like) are fitted on at most so many rows, drawn
        at random. No more are held out either: so does the cost of the measures.

    random_state : int, RandomState instance or None, default=0
        Seed of the split and of the default estimators.

    verbose : bool, default=False
        Show a progress bar on standard error. Needs rich.

    Returns
    -------
    DataFrame
        One row a method, with the columns

        - `method`: its name;
        - `reconstruction_r2`: fraction of the held-out rows' sum of squares about
          the training mean that the reconstruction explains, NaN without an inverse;
        - `trustworthiness`, `continuity`: of the held-out rows;
        - `geodesic_correlation`: only with `intrinsic_coordinates`;
        - `neighborhood_hit`: only with labels; of the embedding of the held-out rows;
        - `knn_accuracy`: only with labels; of a vote among the nearest neighbours in
          the embedding, each held-out row by the others;
        - `fit_seconds`, `transform_seconds`: wall-clock time;
        - `n_fit_rows`: the number of rows the method was fitted on;
        - `note`: a method fitted on a subsample; one that cannot transform new rows,
          such as `TSNE`, and is therefore fitted on the held-out rows themselves;
          what a method warned of; why it failed.

    Raises
    ------
    ValueError
        If X has columns that are not numeric, missing values, the same row
        throughout or too few rows; the message says what to do.

    TypeError
        If one of the estimators is not a transformer.

    RuntimeError
        If every method fails. One that fails among others gets a row of NaN and a
        :class:`~sklearn.exceptions.FitFailedWarning`.

    ImportError
        If pandas is not installed.

    See Also
    --------
    ComparisonDisplay : The same, with the embeddings, a picture of them, and a report.
    skae.metrics : The measures by themselves.

    References
    ----------
    van der Maaten, L., Postma, E. and van den Herik, J. (2009). Dimensionality
    reduction: a comparative review. Tilburg University, TiCC TR 2009-005.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import NMF, PCA
    >>> from skae.inspection import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> table = compare(X, [PCA(1), PCA(2), NMF(2, max_iter=1000)], y)
    >>> table[["method", "reconstruction_r2", "knn_accuracy"]].round(2)
      method  reconstruction_r2  knn_accuracy
    0  PCA 1               0.91          0.84
    1  PCA 2               0.97          0.92
    2    NMF               0.97          0.92
    """
    return run_comparison(
        estimators,
        X,
        y,
        n_components=n_components,
        preprocessing=preprocessing,
        intrinsic_coordinates=intrinsic_coordinates,
        test_size=test_size,
        n_neighbors=n_neighbors,
        max_rows=max_rows,
        random_state=random_state,
        verbose=verbose,
    )["table"]


def run_comparison(estimators, X, y, *, verbose, image_shape=None, **settings):
    """Fit every method on the training rows and measure it on the others.

    Takes all arguments of `compare`, and returns those of `ComparisonDisplay`.
    """
    methods = None if estimators is None else named_methods(estimators)
    settings |= {"image_shape": image_shape, "estimators": methods}
    max_rows, n_neighbors = settings["max_rows"], settings["n_neighbors"]
    n_test = count_held_out(
        _num_samples(X),
        test_size=settings["test_size"],
        max_rows=max_rows,
        n_neighbors=n_neighbors,
    )
    held_out = hold_out(
        X,
        y,
        settings["intrinsic_coordinates"],
        preprocessing=settings["preprocessing"],
        n_test=n_test,
        random_state=settings["random_state"],
    )
    image_shape_for(held_out.X_test.shape[1], image_shape, held_out.names)
    if methods is None:
        methods = default_methods(
            held_out.X_train[:max_rows],
            n_components=settings["n_components"],
            random_state=settings["random_state"],
        )
    embeddings, rows = {}, []
    for name in track(methods, verbose=verbose):
        try:
            embedding = embed(
                methods[name], held_out.X_train, held_out.X_test, max_rows=max_rows
            )
            row = measure(embedding, held_out, n_neighbors=n_neighbors)
        except Exception as error:  # one method must not cost the others' results
            row = {"n_fit_rows": 0, "note": _failure(name, error)}
        else:
            embeddings[name] = embedding
        rows.append({"method": name} | row)
    if not embeddings:
        failures = "; ".join(f"{row['method']} {row['note']}" for row in rows)
        raise RuntimeError(f"Every method failed: {failures}")
    return {
        "table": _table(rows),
        "held_out": held_out,
        "embeddings": embeddings,
        "methods": methods,
        "settings": settings,
    }


def _table(rows):
    """Make the table; a row of a failed method lacks most entries."""
    pandas = import_optional("pandas", extra="inspection")
    return pandas.DataFrame(rows, columns=list(max(rows, key=len)))


def _failure(name, error):
    reason = " ".join(str(error).split()) or type(error).__name__
    warnings.warn(f"{name} failed: {reason}", FitFailedWarning, stacklevel=4)
    return f"failed: {reason}"
