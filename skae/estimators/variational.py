"""The variational autoencoder."""

from __future__ import annotations

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.dense import Autoencoder
from skae.estimators.generative import GenerativeMixin, check_count, prior_penalty
from skae.estimators.validation import check_fitted, check_X
from skae.networks import GaussianCode

_DENSE = Autoencoder._parameter_constraints
_NOT_HERE = {"code_activation", "tied_weights"}


class VariationalAutoencoder(GenerativeMixin, Autoencoder):
    r"""Variational autoencoder: a code that is a distribution, and a model of X.

    The encoder gives a normal distribution :math:`q(z \mid x)` with independent
    entries, the decoder the distribution :math:`p(x \mid z)` that `likelihood` names,
    and codes are standard normal at first hand. What is maximised is the evidence lower
    bound,

    .. math:: \log p(x) \ge \mathbb{E}_{q(z \mid x)} \log p(x \mid z)
        - \beta \, \mathrm{KL} \bigl( q(z \mid x) \,\|\, p(z) \bigr),

    with :math:`\beta = 1`; beta above 1 costs reconstruction for a code whose entries
    are more independent. `transform` gives the posterior mean; `sample` draws new rows.

    The linear path starts at probabilistic PCA, of which this is the nonlinear
    extension.

    Read more in the :ref:`user guide <variational>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    beta : float, default=1.0
        Weight of the divergence from the prior.
    beta_warm_up : int, default=0
        Epochs over which that weight rises from zero to `beta`.
    free_bits : float, default=0.0
        Divergence of each component, in nats and averaged over the rows, below which
        there is nothing to be gained.
    noise_variance : float or "fit", default="fit"
        Variance of the Gaussian likelihood, the same for all entries, in squared units
        of X; ``"fit"`` estimates it along with the network. Of no use to the others.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a
        single layer.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    output_activation : {"identity", "logistic"}, default="identity"
        Link of the Gaussian likelihood; ``"logistic"`` is for X in [0, 1]. Other
        likelihoods bring their own.
    linear_path : bool, default=True
        Whether the linear path stands beside the network. False is the textbook's
        network, which starts at random. With the path, what enters the first hidden
        layer of encoder and decoder is kept within 3 in magnitude, unless the
        activation is bounded or linear itself: rows far from the rest are encoded
        linearly, by the path.
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
    kl_per_component_ : ndarray of shape (n_components,)
        Divergence of each component from the prior, in nats, averaged over X.
    n_active_components_ : int
        Components whose divergence exceeds 0.01: those that tell rows apart.
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
        The epoch whose weights were kept; 0 is the start, probabilistic PCA where the
        linear path stands.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around what a draw from its code decodes to; given, or
        fitted to the training data.
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    LinearAutoencoder : Its `score_samples` is the exact likelihood of the linear case.
    Autoencoder : A code that is a number.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). "Auto-encoding variational Bayes". ICLR.

    Higgins, I. et al. (2017). "beta-VAE: learning basic visual concepts with a
    constrained variational framework". ICLR.

    Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). "Importance weighted
    autoencoders". ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> X = load_digits().data
    >>> vae = VariationalAutoencoder(8, max_iter=20, random_state=0).fit(X)
    >>> mean, std = vae.transform_distribution(X)
    >>> mean.shape, std.shape
    ((1797, 8), (1797, 8))
    >>> vae.sample(3, random_state=0).shape
    (3, 64)
    >>> vae.n_active_components_
    8
    """

    _parameter_constraints: dict = {
        **{name: _DENSE[name] for name in _DENSE if name not in _NOT_HERE},
        "beta": [Interval(Real, 0, None, closed="left")],
        "beta_warm_up": [Interval(Integral, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "noise_variance": [
            StrOptions({"fit"}),
            Interval(Real, 0, None, closed="neither"),
        ],
    }

    def __init__(
        self,
        n_components=2,
        *,
        beta=1.0,
        beta_warm_up=0,
        free_bits=0.0,
        noise_variance="fit",
        hidden_layer_sizes=(128,),
        activation="gelu",
        output_activation="identity",
        linear_path=True,
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
            output_activation=output_activation,
            linear_path=linear_path,
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
        self.beta = beta
        self.beta_warm_up = beta_warm_up
        self.free_bits = free_bits
        self.noise_variance = noise_variance

    def score_samples(self, X, *, n_samples=1):
        """Lower bound on the log-likelihood of each row of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to judge.
        n_samples : int, default=1
            Draws from a posterior that make up a bound. With 1 it is the evidence lower
            bound; it rises to the log-likelihood with their number (importance-weighted
            bound, Burda et al. 2016). The noise of the draws is the same for every row.

        Returns
        -------
        ndarray of shape (n_samples,)
            Bounds in nats, constants included; higher is more normal.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or nothing that the likelihood can
            have; when `n_samples` is not a positive int.
        """
        check_fitted(self)
        check_count(n_samples)
        return self._bound(check_X(self, X, reset=False), n_samples)

    def _compose(self, n_features):
        gaussian = self.likelihood == "gaussian"
        penalty = prior_penalty(self, n_features, self.free_bits, self.noise_variance)
        is_given = gaussian and self.noise_variance != "fit"
        return self._dense(
            n_features,
            code=GaussianCode(),
            penalty=penalty if self.beta else None,
            warm_up=self.beta_warm_up,
            noise_variance=self.noise_variance if is_given else None,
        )
