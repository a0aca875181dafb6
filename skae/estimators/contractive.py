"""The contractive autoencoder."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval

from skae.estimators.dense import Autoencoder
from skae.networks import has_closed_form, squared_jacobian_norms
from skae.objectives import MeanPenalty

_LARGEST_EXACT = 32
"""Components of a code up to which the norm is exact, whatever the encoder."""


class ContractiveAutoencoder(Autoencoder):
    r"""Contractive autoencoder: a code that changes little when a row does.

    To the mean loss comes the squared Frobenius norm of the encoder's Jacobian,
    averaged over the rows,

    .. math:: \alpha \, \mathbb{E} \, \Bigl\| \frac{\partial f(x)}{\partial x}
        \Bigr\|_F^2 = \alpha \, \mathbb{E} \sum_{ij} \Bigl(
        \frac{\partial f_i(x)}{\partial x_j} \Bigr)^2,

    with x in the scaled units in which the network sees it. What the reconstruction
    needs, the directions along the data, resists; all others are flattened.

    The norm is exact, and cheap, without hidden layers and with one before a code that
    has no activation. For other encoders it is exact up to 32 components and estimated
    without bias beyond.

    Read more in the :ref:`user guide <contractive>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    alpha : float, default=0.01
        Weight of the penalty. 0 is an `Autoencoder`.
    n_probes : int, default=1
        Random directions of the estimate (Hutchinson 1990), where one is made; as many
        as there are components make the norm exact.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a
        single layer.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    code_activation : str, default="identity"
        Activation of the code, one of the same. Another than the identity leaves no
        place for the linear path.
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
    learning_rate_init : float, default=0.002
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
        The epoch whose weights were kept; 0 is the start, which is PCA where the linear
        path stands.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around its reconstruction: `loss_`, for the Gaussian.
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    Autoencoder : The same network without the penalty.
    DenoisingAutoencoder : Another road to a code that noise leaves alone.

    References
    ----------
    Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011). "Contractive
    auto-encoders: explicit invariance during feature extraction". ICML, 833-840.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import ContractiveAutoencoder
    >>> X = load_digits().data
    >>> ae = ContractiveAutoencoder(8, alpha=0.01, max_iter=20, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    """

    _parameter_constraints: dict = {
        **Autoencoder._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "n_probes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components=2,
        *,
        alpha=1e-2,
        n_probes=1,
        hidden_layer_sizes=(128,),
        activation="gelu",
        code_activation="identity",
        output_activation="identity",
        linear_path=True,
        tied_weights=False,
        init="he",
        likelihood="gaussian",
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=2e-3,
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
        self.alpha = alpha
        self.n_probes = n_probes

    def _compose(self, n_features):
        return self._dense(
            n_features,
            penalty=MeanPenalty(self.alpha) if self.alpha else None,
            observe=partial(_squared_norms, n_probes=self.n_probes),
        )


def _squared_norms(network, weights, encoding, generator, *, n_probes):
    """Squared norm of each row's Jacobian, as the units of a penalty."""
    directions, k = None, network.n_components
    if not has_closed_form(network) and k > max(_LARGEST_EXACT, n_probes):
        shape = (len(encoding.x), n_probes, k)
        signs = torch.randint(0, 2, shape, generator=generator, device="cpu")
        directions = signs.to(encoding.x).mul_(2.0).sub_(1.0)
    norms = squared_jacobian_norms(network, weights, encoding, directions)
    return norms[:, None], None
