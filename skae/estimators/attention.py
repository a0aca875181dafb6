"""The autoencoder of sequences."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.padding import PaddingMixin
from skae.estimators.shaped import ShapedAutoencoder
from skae.estimators.validation import check_fitted, check_X, refuse
from skae.networks import POSITIONS, AttentionNetwork


class AttentionAutoencoder(PaddingMixin, ShapedAutoencoder):
    r"""Attention autoencoder, for sequences.

    Every step of a sequence is a token, and in each layer it reads what it needs from
    all the others, however far away (Vaswani et al. 2017). Learned queries pool the
    tokens into the code (Lee et al. 2019); a matrix unfolds it into tokens again, and
    as many layers lead back to the sequence. Without `input_shape`, each column of a
    table is a token.

    A linear path stands beside it all, as in the dense `Autoencoder`: the network
    starts at the PCA of the flat rows.

    Read more in the :ref:`user guide <attention>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    input_shape : tuple of int, default=None
        Steps of a sequence, and features of a step. X is an array of sequences, or has
        a flattened sequence in each row. None: every feature is a step of its own.
    width : int, default=64
        Entries of a token.
    n_heads : int, default=4
        Heads of an attention, which look at different steps; a divisor of `width`.
    n_layers : int, default=2
        Layers of the encoder, and of the decoder.
    positions : {"learned", "sinusoidal"} or None, default="learned"
        How a token knows its step: by an offset that is learnt for each, or by sines
        and cosines of its place. None: not at all, so that to the encoder a sequence
        is a set, apart from the linear path.
    padding : float, nan or None, default=None
        What fills the steps that a shorter sequence does not have: steps with this
        value in all features are absent. Nobody reads them, they have no part in the
        loss or in a score, and `reconstruct` gives them back as they are. Whatever it
        is, NaN is absent too, and a single NaN in a step is an entry that is missing:
        it counts as the mean (0, if the likelihood is not the Gaussian one) and
        `reconstruct` fills it in. A sequence without a single step is taken to be
        that mean throughout. None: every step is there, and NaN is refused.
    noise : float, default=0.0
        Above zero this is a denoising autoencoder: the standard deviation of normal
        noise in units of X, or else the probability with which an entry is hit.
    corruption : {"gaussian", "masking", "salt_and_pepper"}, default="gaussian"
        What is done to each entry: normal noise is added; or it is set to 0; or, with
        equal chances, to the least or the largest value in X.
    beta : float, default=0.0
        Above zero this is a variational autoencoder: the weight of the divergence of
        its codes from the standard normal distribution. 1 maximises the evidence lower
        bound; with `padding`, this number divided by the share of the entries that are
        there does.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    output_activation : {"identity", "logistic"}, default="identity"
        Link of the Gaussian likelihood; ``"logistic"`` is for X in [0, 1]. Other
        likelihoods bring their own.
    linear_path : bool, default=True
        Whether the linear path stands beside the network. False is the textbook's
        network, which starts at random. What stands beside the path is bounded:
        sequences far from the rest are encoded linearly, by the path.
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
    learning_rate_init : float, default=0.004
        Highest learning rate of Adam.
    batch_size : int or "auto", default="auto"
        Rows of a batch at most; batches of an epoch differ by at most one row.
        ``"auto"`` is a fortieth of the rows, between 32 and 500.
    block_size : int or "auto", default="auto"
        Rows that are read together and shuffled among themselves, where X is not an
        array in memory (a file, dask) or is to be treated as if it were not. An epoch
        takes the blocks in random order. ``"auto"`` is all of an array, and else as
        many rows as take 128 MB in float32.
    max_iter : int or None, default=50
        Epochs, that is, passes over X. None plans a million rows' worth of them, but
        at least 20 and at most 200, which takes its time here.
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
        Divergence of each component from the prior, in nats, averaged over X; with
        `beta` only.
    n_active_components_ : int
        Components whose divergence exceeds 0.01; with `beta` only.
    n_components_ : int
        Size of the code.
    n_features_in_ : int
        Number of features seen during fit: entries of a sample.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X had names that are all strings.
    image_shape_ : bool
        False: sequences are no images.
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
        Objective on the validation rows after each epoch; empty without.
    best_iteration_ : int
        The epoch whose weights were kept; 0 is the start.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around its reconstruction (with `beta`: around what a draw
        from its code decodes to).
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    Autoencoder : Dense network, for tables.
    ConvolutionalAutoencoder : For images, and for long one-dimensional signals.
    DenoisingAutoencoder, VariationalAutoencoder : What `noise` and `beta` mean.

    References
    ----------
    Vaswani, A., Shazeer, N., Parmar, N., et al. (2017). "Attention is all you need".
    NeurIPS.

    Lee, J., Lee, Y., Kim, J., et al. (2019). "Set transformer: a framework for
    attention-based permutation-invariant neural networks". ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AttentionAutoencoder
    >>> rng = np.random.default_rng(0)
    >>> frequency, phase = rng.uniform(1, 3, (400, 1)), rng.uniform(0, 6.28, (400, 1))
    >>> angle = 6.28 * frequency * np.linspace(0, 1, 16) + phase
    >>> waves = np.stack([np.sin(angle), np.cos(angle)], axis=2)
    >>> waves.shape
    (400, 16, 2)
    >>> ae = AttentionAutoencoder(
    ...     3,
    ...     input_shape=(16, 2),
    ...     width=16,
    ...     max_iter=15,
    ...     early_stopping=False,
    ...     random_state=0,
    ... ).fit(waves)
    >>> ae.transform(waves).shape
    (400, 3)
    >>> ae.reconstruct(waves).shape
    (400, 16, 2)
    >>> ae.score(waves) > 0.85  # PCA explains 0.65
    True
    >>> ae.attention_weights(waves).shape
    (400, 2, 4, 16, 16)
    """

    _parameter_constraints: dict = {
        **ShapedAutoencoder._parameter_constraints,
        "width": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "positions": [StrOptions(set(POSITIONS)), None],
        "padding": [Interval(Real, None, None, closed="neither"), "nan", None],
    }

    _axes = ("steps", "features")

    _advice_on_nan = (
        "Where NaN stands for steps that a shorter sequence does not have, set "
        f"padding=np.nan. {ShapedAutoencoder._advice_on_nan}"
    )

    def __init__(
        self,
        n_components=2,
        *,
        input_shape=None,
        width=64,
        n_heads=4,
        n_layers=2,
        positions="learned",
        padding=None,
        noise=0.0,
        corruption="gaussian",
        beta=0.0,
        activation="gelu",
        output_activation="identity",
        linear_path=True,
        init="he",
        likelihood="gaussian",
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=4e-3,
        batch_size="auto",
        block_size="auto",
        max_iter=50,
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
        self.n_components = n_components
        self.input_shape = input_shape
        self.width = width
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.positions = positions
        self.padding = padding
        self.noise = noise
        self.corruption = corruption
        self.beta = beta
        self.activation = activation
        self.output_activation = output_activation
        self.linear_path = linear_path
        self.init = init
        self.likelihood = likelihood
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.block_size = block_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.precision = precision
        self.device = device
        self.nan_policy = nan_policy
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan |= self.padding is not None
        return tags

    def _reconstruct(self, X):
        rows = super()._reconstruct(X)
        if self._padded_with is None:
            return rows
        shape = self._fitted.network.input_shape
        steps = check_X(self, X, reset=False).reshape(-1, *shape)
        absent = np.isnan(steps).all(axis=2, keepdims=True)
        rows = rows.reshape(steps.shape)
        return np.where(absent, rows.dtype.type(self._padded_with), rows).reshape(
            len(rows), *np.shape(X)[1:]
        )

    def attention_weights(self, X):
        """How much each step of X reads of the others, in the encoder.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Sequences to look at, flat or in their shape.

        Returns
        -------
        ndarray of shape (n_samples, n_layers, n_heads, steps, steps)
            Weights with which a step, the last axis but one, reads from each step, the
            last axis: these sum to 1. Nothing is read from a step that is padding.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the sequences of the fit.
        """
        check_fitted(self)
        X = check_X(self, X, reset=False)
        return self._fitted.inside(X, self._fitted.network.attention)

    @property
    def image_shape_(self):
        """False: sequences are no images, whatever their shape.

        Pictures of rows, as in `skae.inspection`, draw them as they draw a table.
        """
        check_fitted(self)
        return False

    def _compose(self, n_features):
        if self.width % self.n_heads:
            refuse(self, "n_heads", f"a divisor of width={self.width}")
        if self.padding is not None and self.nan_policy == "omit":
            refuse(self, "nan_policy", "'raise' with padding, by which NaN is absent")
        network = AttentionNetwork(
            self._network_shape(n_features),
            self.n_components,
            width=self.width,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            positions=self.positions,
            activation=self.activation,
            code=self._code(),
            linear_path=self.linear_path,
            omits=self.padding is not None,
        )
        composition = self._compose_around(network)
        return composition.observed() if network.omits else composition

    def _default_shape(self, n_features):
        return n_features, 1
