"""The linear autoencoder: PCA, found as an autoencoder finds it."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.data import Scaling
from skae.estimators.base import AutoencoderTransformer
from skae.estimators.callbacks import FitCallbacks
from skae.estimators.composition import Composition
from skae.estimators.filling import has_gaps
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.linear_density import MarginalDensityMixin
from skae.estimators.linear_partial import DataMoments
from skae.estimators.linear_solvers import (
    LARGEST_GRAM,
    Descent,
    LinearSolution,
    filler_of,
    gain,
    solve_exactly,
    without_gaps,
)
from skae.estimators.reporting import EpochReporter, fitted_attributes
from skae.estimators.settings import choose_device
from skae.networks import DenseNetwork
from skae.objectives import Gaussian, WeightDecay
from skae.training import History, memory_errors, neutral

_COMMON = AutoencoderTransformer._parameter_constraints
_NOT_HERE = {"early_stopping", "validation_fraction", "warm_start"}


class LinearAutoencoder(MarginalDensityMixin, AutoencoderTransformer):
    """Linear autoencoder: PCA, with the interface of the family.

    Of all linear maps to `n_components` numbers and back, that with the least squared
    error projects on the first principal axes (Baldi and Hornik 1989). The exact
    solver computes it, the other one trains for it; both order the axes as PCA does.

    Read more in the :doc:`user guide </user_guide/linear>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code; at most ``min(n_samples, n_features)``.
    solver : {"exact", "adam"}, default="exact"
        ``"exact"`` decomposes the covariance matrix, or X itself where it has more
        columns than rows. ``"adam"`` is gradient descent from a random start: on the
        covariance matrix with up to 4,096 features, else on mini-batches. It comes
        as near as the spectrum lets it; columns of very different size slow it.
    tied_weights : bool, default=False
        Whether one matrix encodes and decodes. Only `weight_decay` tells the
        difference, as it then counts that matrix once.
    weight_decay : float, default=0.0
        Adds ``weight_decay / 2`` times the sum of squared weights to the mean loss in
        scaled units. It shrinks each component, the small ones to nothing.
    nan_policy : {"raise", "omit"}, default="raise"
        What to do about NaN. ``"raise"`` refuses it. ``"omit"`` takes it for entries
        that are missing: the fit is that of probabilistic PCA under which those that
        are there are most likely, a row is encoded as if what is missing were what
        this model expects, given the rest of the row, and `impute` fills it in.
    learning_rate : {"cosine", "constant"}, default="cosine"
        Course of the learning rate. Only for ``solver="adam"``, as all that follow.
    learning_rate_init : float or "auto", default="auto"
        Highest learning rate of Adam. ``"auto"`` is ``0.3 / sqrt(n_features)``, about
        a third of a weight at the start.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch, where there are any.
    block_size : int or "auto", default="auto"
        Rows that are read together and shuffled among themselves, where X is not an
        array in memory (a file, dask) or is to be treated as if it were not. An epoch
        takes the blocks in random order. ``"auto"`` is all of an array, and else as
        many rows as take 128 MB in float32.
    max_iter : int, default=30
        Epochs: passes over X, or 100 steps each on the covariance matrix.
    tol : float, default=0.000001
        Relative improvement of the loss that counts as one.
    n_iter_no_change : int or np.inf, default=10
        Epochs without such an improvement after which training stops.
    shuffle : bool, default=True
        Whether each epoch takes mini-batches in a new order.
    precision : {"float32", "float64", "bfloat16", "auto"}, default="float32"
        Arithmetic of training. The exact solver computes in the dtype of X, and adds
        up blocks of rows in float64.
    device : str, default="cpu"
        Torch device to train on; ``"auto"`` is CUDA where there is one.
    checkpoint_dir : str, os.PathLike or None, default=None
        Folder in which a fit keeps what it needs to go on: if its process is killed,
        the same call goes on from there, and ends in the same bits. ``{fit}`` in it is
        a name of the fit's own, for searches, and ``~`` in front of it your home. None:
        nothing is kept. Of no effect on the exact solver. More is said in the
        :ref:`user guide <checkpoints>`.
    checkpoint_every : int, default=1
        Epochs from one checkpoint to the next.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of the random start.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Principal axes, orthonormal, in the order of `explained_variance_`.
    mean_ : ndarray of shape (n_features,)
        Mean of each feature, subtracted before encoding.
    explained_variance_ : ndarray of shape (n_components,)
        Variance along each axis, with n_samples - 1 degrees of freedom.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        Its share of the total variance.
    singular_values_ : ndarray of shape (n_components,)
        Singular values of the centred data that belong to the axes.
    noise_variance_ : float
        Mean variance along the axes left out, as in probabilistic PCA.
    n_components_ : int
        Size of the code.
    n_samples_ : int
        Rows of X; of all parts, with `partial_fit`.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X had names that are all strings.
    n_iter_ : int
        Epochs trained; 1 for the exact solver.
    loss_ : float
        Mean squared error over the entries of the training data.
    loss_unit_ : {"squared units of X"}
        Unit of the losses and of `reconstruction_error`.
    best_loss_ : float
        The same.
    best_iteration_ : int
        The epoch whose weights were kept; 0 for the exact solver.
    loss_curve_ : list of float
        Mean loss of the steps of each epoch; just `loss_` for the exact solver.
    validation_loss_curve_ : list of float
        Empty.
    network_ : torch.nn.Module
        Encoder and decoder in units of X, built anew at each access.

    See Also
    --------
    Autoencoder : The dense network that starts here.
    sklearn.decomposition.PCA : The same subspace, without an autoencoder.

    References
    ----------
    Baldi, P. and Hornik, K. (1989). "Neural networks and principal component analysis:
    learning from examples without local minima". Neural Networks 2, 53-58.

    Kunin, D., Bloom, J., Goeva, A. and Seed, C. (2019). "Loss landscapes of regularized
    linear autoencoders". ICML, PMLR 97, 3560-3569.

    Tipping, M. E. and Bishop, C. M. (1999). "Probabilistic principal component
    analysis". Journal of the Royal Statistical Society B 61, 611-622.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae import LinearAutoencoder
    >>> X = load_iris().data
    >>> ae = LinearAutoencoder(n_components=2).fit(X)
    >>> bool(np.allclose(abs(ae.components_), abs(PCA(2).fit(X).components_)))
    True
    >>> print(f"{ae.score(X):.3f}")
    0.978
    """

    _parameter_constraints: dict = {
        **{name: _COMMON[name] for name in _COMMON if name not in _NOT_HERE},
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"exact", "adam"})],
    }

    def __init__(
        self,
        n_components=2,
        *,
        solver="exact",
        tied_weights=False,
        weight_decay=0.0,
        nan_policy="raise",
        learning_rate="cosine",
        learning_rate_init="auto",
        batch_size="auto",
        block_size="auto",
        max_iter=30,
        tol=1e-6,
        n_iter_no_change=10,
        shuffle=True,
        precision="float32",
        device="cpu",
        checkpoint_dir=None,
        checkpoint_every=1,
        verbose=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.solver = solver
        self.tied_weights = tied_weights
        self.weight_decay = weight_decay
        self.nan_policy = nan_policy
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.block_size = block_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.precision = precision
        self.device = device
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    @property
    def _has_epochs(self):
        return self.solver != "exact"

    def _compose(self, n_features):
        k, tied = self.n_components, self.tied_weights
        network = DenseNetwork(n_features, k, tied_weights=tied, linear_path=False)
        decay = WeightDecay(self.weight_decay) if self.weight_decay else None
        return Composition(network, Gaussian(), decay)

    def _fit(self, X, X_val, X_clean):
        _refuse_clean(X_clean)
        k, composition = self.n_components, self._compose(X.shape[1])
        _refuse_rank(k, X.shape, f" with solver={self.solver!r}")
        max_iter = self.max_iter if self._has_epochs else 0
        callbacks = FitCallbacks(self, X, max_iter)
        with neutral(choose_device(self.device)), memory_errors(len(X)):
            scaling = Scaling.fit(X)
            seen, units, gappy = X, scaling, None
            if self._omitted and has_gaps(X):
                gappy = X
                seen, units, scaling = without_gaps(X, scaling, k)

            def solved(solution):
                solution = solution.times(len(X) / len(seen))
                return self._solved(X.shape, X.dtype, scaling, solution, gappy)

            if self._has_epochs:
                descent = Descent(seen, units, composition, self)
                reporter = EpochReporter(
                    callbacks,
                    self.verbose,
                    lambda: scaling.scale**2,
                    lambda history: solved(descent.solution(history)),
                )
                solution = descent.run(reporter)
                self._warn_at_the_limit(solution.history, max_iter)
            else:
                solution = solve_exactly(seen, units, composition)
            vars(self).update(solved(solution))
        callbacks.ends(lambda: vars(self))

    def _partial_fit(self, X, X_clean):
        _refuse_clean(X_clean)
        if (d := self.n_features_in_) > LARGEST_GRAM:
            raise ValueError(
                f"partial_fit keeps a matrix of {d} x {d} numbers, and takes at most "
                f"{LARGEST_GRAM} features. Autoencoder(hidden_layer_sizes=()) learns "
                "from parts of wider rows."
            )
        if self._omitted and has_gaps(X):
            raise ValueError(
                "partial_fit of LinearAutoencoder needs whole rows: fill what is "
                "missing, or fit all rows at once."
            )
        with neutral(torch.device("cpu")), memory_errors(len(X)):
            vars(self).update(self._go_on(X, DataMoments.before(self)))

    def _go_on(self, X, before):
        """Fitted attributes, from rows and from the moments of those before."""
        k, d, moments = self.n_components, self.n_features_in_, DataMoments.of(X)
        moments = moments if before is None else before.plus(moments)
        shape = moments.n_samples, d
        _refuse_rank(k, shape, ", over all rows so far.")
        axes = moments.axes(k, (units := moments.scaling()).scale ** 2)
        kept = gain(axes, shape[0], self._compose(d))
        found = LinearSolution(axes, kept, History())
        return self._solved(shape, X.dtype, units, found) | {"_stream": moments}

    def _solved(self, shape, dtype, scaling, solution, gappy=None):
        """Fitted attributes, PCA's among them, in units of X; X, if it is `gappy`."""
        (n, d), k = shape, self.n_components
        axes, gain, history = solution
        unit = scaling.scale**2
        lost = axes.total - np.sum((2.0 * gain - gain**2) * axes.squares)
        matrix = np.sqrt(gain)[:, None] * axes.components
        # The code is in units of X, as PCA's. The inverse of a denormal is no number.
        inverse_exists = scaling.scale > 100.0 * float(np.finfo(dtype).tiny)
        scale = scaling.scale if inverse_exists else 1.0
        # A model of rows with gaps has noise along all other axes.
        rest = (min(n, d) if gappy is None else d) - k
        freedom = max(n - 1, 1)
        left = max(0.0, axes.total - axes.squares.sum()) / freedom
        noise = left / rest if rest else 0.0
        filler = None
        if self._omitted:
            size = (scaling.scale / scale) ** 2
            filler = filler_of(axes, d, size / freedom, noise * size)
        fitted = FittedAutoencoder(
            DenseNetwork(d, k),
            Gaussian(),
            Scaling(scaling.mean, scale),
            {
                "encoder.0.weight": matrix * scale,
                "decoder.0.weight": matrix / scale,
                "encoder.0.bias": np.zeros(k),
                "decoder.0.bias": np.zeros(d),
            },
            null_output=np.zeros(d),
            filler=filler,
        )
        history.loss = max(0.0, lost / (n * d))
        if gappy is not None:
            losses = fitted.loss(gappy, per_feature=True)
            history.loss = losses.sum() / np.isfinite(gappy).sum() / (unit or 1.0)
        history.best_loss = history.loss
        return fitted_attributes(fitted, history, unit) | {
            "n_samples_": n,
            "components_": axes.components,
            "explained_variance_": axes.squares * unit / freedom,
            "explained_variance_ratio_": axes.squares / (axes.total or 1.0),
            "singular_values_": np.sqrt(axes.squares) * scaling.scale,
            "noise_variance_": noise * unit,
        }


def _refuse_rank(k, shape, where):
    """Refuse more components than rows of this shape have axes, in PCA's words."""
    if k > min(shape):
        raise ValueError(
            f"n_components={k} must be between 1 and min(n_samples, "
            f"n_features)={min(shape)}{where}"
        )


def _refuse_clean(X_clean):
    """Refuse targets: the closed form knows of none."""
    if X_clean is not None:
        raise ValueError(
            "LinearAutoencoder takes no X_clean: it gives back its own input. "
            "DenoisingAutoencoder(hidden_layer_sizes=()) maps it to X_clean."
        )
