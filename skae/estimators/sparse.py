"""The sparse autoencoder."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.dense import Autoencoder
from skae.estimators.validation import refuse
from skae.networks import ACTIVATIONS, PlainCode, normalise_readers, start_as_dictionary
from skae.objectives import L1, BernoulliSparsity


class SparseAutoencoder(Autoencoder):
    r"""Sparse autoencoder: many units, of which each row activates few.

    The code may have more components than X has features: what keeps the network from
    copying X is a penalty on the activations h. ``penalty="l1"`` adds

    .. math:: \alpha \, \mathbb{E} \sum_j \| d_j \| \, |h_j|,

    where :math:`d_j` are the weights that decode unit j: the code cannot evade the
    penalty by shrinking while the decoder grows, as it counts in units of what it
    decodes to. Without hidden layers and path these weights have length one throughout,
    and start as what encodes, too. ``penalty="kl"`` drives the mean activation
    :math:`r_j` of each unit to the target :math:`\rho`,

    .. math:: \alpha \sum_j \rho \log \frac{\rho}{r_j}
        + (1 - \rho) \log \frac{1 - \rho}{1 - r_j}.

    Read more in the :ref:`user guide <sparse>`.

    Parameters
    ----------
    n_components : int or None, default=None
        Units of the code. None: twice as many as X has features.
    penalty : {"l1", "kl"}, default="l1"
        The penalty.
    alpha : float, default=0.01
        Its weight beside the mean loss in scaled units. 0 is an `Autoencoder` with this
        code.
    sparsity : float, default=0.05
        Target of the mean activation of a unit, with ``penalty="kl"``.
    penalize : {"code", "hidden"}, default="code"
        Which activations: those of the code, or those of the encoder's hidden layers
        as well.
    hidden_layer_sizes : int or sequence of int, default=()
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a
        single layer, a dictionary.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    code_activation : str, default="auto"
        Activation of the code. ``"auto"``: ``"relu"`` with the L1 penalty, and
        ``"logistic"`` with the other. Only the identity leaves a place for the path.
    output_activation : {"identity", "logistic"}, default="identity"
        Link of the Gaussian likelihood; ``"logistic"`` is for X in [0, 1]. Other
        likelihoods bring their own.
    linear_path : bool, default=True
        Whether the linear path stands beside the network. False is the textbook's
        network, which starts at random. With the path, what enters the first hidden
        layer of encoder and decoder is kept within 3 in magnitude, unless the
        activation is bounded or linear itself: rows far from the rest are encoded
        linearly, by the path.
    tied_weights : bool, default=False
        Whether the decoder's matrices are the encoder's, transposed. The path then
        is not trained on either side.
    init : {"he", "glorot"}, default="he"
        How the matrices beside the path are drawn.
    likelihood : {"gaussian", "bernoulli", "poisson"}, default="gaussian"
        What the decoder's output means: ``"gaussian"`` trains on the squared error,
        ``"bernoulli"`` on the cross-entropy of X in [0, 1], ``"poisson"`` on half the
        deviance of counts, which are encoded as log(1 + X).
    weight_decay : float, default=0.0
        Adds ``weight_decay / 2`` times the sum of squared weights, biases and the
        path's encoder not included, to the mean loss in scaled units.
    learning_rate : {"cosine", "constant"}, default="cosine"
        ``"cosine"`` warms up briefly and falls to almost nothing at `max_iter`, which
        is then the planned end; ``"constant"`` stays.
    learning_rate_init : float, default=0.005
        Highest learning rate of Adam.
    batch_size : int or "auto", default="auto"
        Rows of a batch at most; batches of an epoch differ by at most one row.
        ``"auto"`` is a fortieth of the rows, between 32 and 500.
    block_size : int or "auto", default="auto"
        Rows that are read together and shuffled among themselves, where X is not an
        array in memory (a file, dask) or is to be treated as if it were not. An epoch
        takes the blocks in random order. ``"auto"`` is all of an array, and else as
        many rows as take 128 MB in float32.
    max_iter : int or None, default=None
        Epochs, that is, passes over X. None plans a million rows' worth of them, but
        at least 20 and at most 200.
    tol : float, default=0.0001
        Relative improvement of the monitored loss that counts as one.
    n_iter_no_change : int or np.inf, default=10
        Epochs without such an improvement after which training stops.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new order.
    early_stopping : bool or "auto", default="auto"
        Whether the loss on rows that are not trained on decides which weights are
        kept. True sets `validation_fraction` of the rows aside. ``"auto"`` does so
        from 1,000 rows on; with fewer, five folds are trained first, their left-out
        rows choose the number of epochs (none, if PCA is as good), and the fit then
        uses all rows. False keeps the weights of the lowest training loss.
    validation_fraction : float, default=0.1
        Share of the rows to set aside. Where this is less than one row, the training
        loss is monitored.
    warm_start : bool, default=False
        Whether to go on from the last fit, in its units, rather than to start anew.
    precision : {"float32", "float64", "bfloat16", "auto"}, default="float32"
        Arithmetic of training. ``"bfloat16"`` makes matrix products of rounded numbers,
        where the processor has instructions for it, and nothing else; ``"auto"``
        does so where it pays. The fitted network computes in the dtype of its input.
    device : str, default="cpu"
        Torch device to train on; ``"auto"`` is CUDA where there is one.
    nan_policy : {"raise", "omit"}, default="raise"
        What to do about NaN. ``"raise"`` refuses it. ``"omit"`` takes it for entries
        that are missing: they have no part in the loss, the encoder sees what
        probabilistic PCA expects of them, and `impute` fills them in.
    checkpoint_dir : str, os.PathLike or None, default=None
        Folder in which a fit keeps what it needs to go on: if its process is killed,
        the same call goes on from there, and ends in the same bits. ``{fit}`` in it is
        a name of the fit's own, for searches, and ``~`` in front of it your home. None:
        nothing is kept. More is said in the :ref:`user guide <checkpoints>`.
    checkpoint_every : int, default=1
        Epochs from one checkpoint to the next.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, the shuffling and the validation split. The global
        generators are never touched.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        What each unit adds to the reconstruction, in units of X. Only without hidden
        layers.
    n_components_ : int
        Size of the code.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X had names that are all strings.
    n_iter_ : int
        Epochs trained, at least 1.
    loss_ : float
        Mean loss over the entries of the training data, in squared units of X
        (Gaussian) or in nats, under the weights that were kept.
    loss_unit_ : {"squared units of X", "nats"}
        Unit of the losses and of `reconstruction_error`.
    best_loss_ : float
        Lowest monitored objective, that of the weights that were kept: on the
        validation rows, if there are any, and else on the training data.
    loss_curve_ : list of float
        Mean training loss of the batches of each epoch.
    validation_loss_curve_ : list of float
        Objective on the validation rows after each epoch, penalty included; empty
        without.
    best_iteration_ : int
        The epoch whose weights were kept; 0 is the start.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around its reconstruction: `loss_`, for the Gaussian.
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    TopKAutoencoder : As many active units in every row.
    sklearn.decomposition.DictionaryLearning : A search for the code of each row.

    References
    ----------
    Olshausen, B. A. and Field, D. J. (1996). "Emergence of simple-cell receptive field
    properties by learning a sparse code for natural images". Nature 381, 607-609.

    Ng, A. (2011). "Sparse autoencoder". CS294A lecture notes, Stanford University.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAutoencoder
    >>> X = load_digits().data
    >>> ae = SparseAutoencoder(alpha=1e-2, max_iter=20, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 128)
    >>> bool((ae.transform(X) > 0).mean() < 0.5)
    True
    """

    _parameter_constraints: dict = {
        **Autoencoder._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "penalty": [StrOptions({"l1", "kl"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "sparsity": [Interval(Real, 0, 1, closed="neither")],
        "penalize": [StrOptions({"code", "hidden"})],
        "code_activation": [StrOptions({"auto", *ACTIVATIONS})],
    }

    _described = frozenset({"components_"})

    def __init__(
        self,
        n_components=None,
        *,
        penalty="l1",
        alpha=1e-2,
        sparsity=0.05,
        penalize="code",
        hidden_layer_sizes=(),
        activation="gelu",
        code_activation="auto",
        output_activation="identity",
        linear_path=True,
        tied_weights=False,
        init="he",
        likelihood="gaussian",
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=5e-3,
        batch_size="auto",
        block_size="auto",
        max_iter=None,
        tol=1e-4,
        n_iter_no_change=10,
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        warm_start=False,
        precision="float32",
        device="cpu",
        nan_policy="raise",
        checkpoint_dir=None,
        checkpoint_every=1,
        verbose=False,
        random_state=None,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            code_activation=code_activation,
            output_activation=output_activation,
            linear_path=linear_path,
            tied_weights=tied_weights,
            init=init,
            likelihood=likelihood,
            weight_decay=weight_decay,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            block_size=block_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            precision=precision,
            device=device,
            nan_policy=nan_policy,
            checkpoint_dir=checkpoint_dir,
            checkpoint_every=checkpoint_every,
            verbose=verbose,
            random_state=random_state,
        )
        self.penalty = penalty
        self.alpha = alpha
        self.sparsity = sparsity
        self.penalize = penalize

    def _compose(self, n_features):
        dense = self._dense(
            n_features,
            n_components=self.n_components or 2 * n_features,
            code=PlainCode(self._code_activation()),
        )
        if not self.alpha:
            return dense
        start, constrain = None, None
        if self.penalty == "kl":
            start = self._start
        elif not (dense.network.starts_linear or dense.network.hidden_layer_sizes):
            start, constrain = start_as_dictionary, normalise_readers
        return replace(
            dense,
            penalty=self._penalty(),
            observe=_all_units if self._sees_hidden() else None,
            start=start,
            constrain=constrain,
        )

    def _start(self, network, weights):
        """Let the units of the code begin as active as they are to be."""
        bias = weights[f"encoder.{network.depth - 1}.bias"]
        bias.fill_(math.log(self.sparsity / (1.0 - self.sparsity)))

    def _sees_hidden(self):
        return self.penalize == "hidden" and bool(self._layer_sizes())

    def _code_activation(self):
        if self.code_activation != "auto":
            return self.code_activation
        return "relu" if self.penalty == "l1" else "logistic"

    def _penalty(self):
        if self.penalty == "l1":
            return L1(self.alpha)
        if self._code_activation() != "logistic":
            refuse(self, "code_activation", '"auto" or "logistic" with penalty="kl"')
        if self._sees_hidden() and self.activation != "logistic":
            refuse(self, "activation", '"logistic" with penalty="kl" on hidden layers')
        return BernoulliSparsity(self.alpha, self.sparsity)

    def _describe(self, fitted, X):
        return dictionary(fitted)


def _all_units(network, weights, encoding, generator):
    """Activations of hidden layers and code, and the lengths of what reads them."""
    depth = network.depth
    norms = [weights[f"encoder.{i}.weight"].norm(dim=0) for i in range(1, depth)]
    units = torch.cat([*encoding.hidden, encoding.code], dim=1)
    return units, torch.cat([*norms, network.reader_norms(weights)])


def dictionary(fitted):
    """What each unit of a code adds to the reconstruction, where that is linear."""
    network = fitted.network
    if network.hidden_layer_sizes or not fitted.likelihood.standardises:
        return {}
    atoms = fitted.weights[network.decoder_weight(0)].astype(np.float64)
    return {"components_": atoms * fitted.scaling.scale}
