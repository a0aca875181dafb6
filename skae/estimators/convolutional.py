"""The convolutional autoencoder."""

from __future__ import annotations

import warnings
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

from skae.estimators.shaped import ShapedAutoencoder
from skae.estimators.validation import check_fitted, sizes_of
from skae.networks import ConvolutionalNetwork
from skae.objectives import Dissimilarity


class ConvolutionalAutoencoder(ShapedAutoencoder):
    r"""Convolutional autoencoder, for images.

    Convolutions see the same thing wherever it is in an image, and need far fewer
    weights than a dense layer does. Each one halves height and width; a matrix leads
    from what is left to the code, and transposed convolutions lead back to an image of
    the size that went in, whatever that is.

    A linear path stands beside it all, as in the dense `Autoencoder`: the network
    starts at the PCA of the pixels.

    Read more in the :ref:`user guide <convolutional>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    input_shape : tuple of int, default=None
        Channels, height and width of an image, in this order. X is an array of images,
        or has a flattened image in each row. None: a row is a one-dimensional signal
        in a single channel, even if it is a flattened image.
    channels : int or sequence of int, default=(16, 32)
        Channels of the encoder's convolutions, at least one; the decoder mirrors them.
    kernel_size : int, default=3
        Height and width of their kernels.
    noise : float, default=0.0
        Above zero this is a denoising autoencoder: the standard deviation of normal
        noise in units of X, or else the probability with which an entry is hit.
    corruption : {"gaussian", "masking", "salt_and_pepper"}, default="gaussian"
        What is done to each entry: normal noise is added; or it is set to 0; or, with
        equal chances, to the least or the largest value in X.
    beta : float, default=0.0
        Above zero this is a variational autoencoder: the weight of the divergence of
        its codes from the standard normal distribution. 1 maximises the evidence lower
        bound.
    ssim_weight : float, default=0.0
        Adds that multiple of 1 - SSIM, the structural similarity of image and
        reconstruction (Wang et al. 2004), to the mean loss in scaled units, in which
        the squared error of the training mean is 1.
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
        activation is bounded or linear itself: images far from the rest are encoded
        linearly, by the path.
    init : {"he", "glorot"}, default="he"
        How the kernels and matrices beside the path are drawn.
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
    image_shape_ : tuple of int
        Channels, height and width of an image, as the network of the fit takes it.
    n_iter_ : int
        Epochs trained, at least 1.
    loss_ : float
        Mean loss over the entries of the training data, in squared units of X
        (Gaussian) or in nats, under the weights that were kept.
    loss_unit_ : {"squared units of X", "nats"}
        Unit of the losses and of `reconstruction_error`.
    best_loss_ : float
        Lowest monitored objective, that of the weights that were kept.
    loss_curve_ : list of float
        Mean training loss of the batches of each epoch, dissimilarity included.
    validation_loss_curve_ : list of float
        Objective on the validation images after each epoch; empty without.
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
    DenoisingAutoencoder, VariationalAutoencoder : What `noise` and `beta` mean.

    References
    ----------
    Masci, J., Meier, U., Ciresan, D. and Schmidhuber, J. (2011). "Stacked convolutional
    auto-encoders for hierarchical feature extraction". ICANN.

    Wang, Z., Bovik, A. C., Sheikh, H. R. and Simoncelli, E. P. (2004). "Image quality
    assessment: from error visibility to structural similarity". IEEE Transactions on
    Image Processing 13(4), 600-612.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import ConvolutionalAutoencoder
    >>> images = load_digits().images[:, None]
    >>> images.shape
    (1797, 1, 8, 8)
    >>> ae = ConvolutionalAutoencoder(
    ...     8, input_shape=(1, 8, 8), max_iter=20, random_state=0
    ... ).fit(images)
    >>> ae.transform(images).shape
    (1797, 8)
    >>> ae.reconstruct(images).shape
    (1797, 1, 8, 8)
    >>> ae.score(images) > 0.75  # PCA explains 0.67
    True
    """

    _parameter_constraints: dict = {
        **ShapedAutoencoder._parameter_constraints,
        "channels": ["array-like", Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "ssim_weight": [Interval(Real, 0, None, closed="left")],
    }

    _axes = ("channels", "height", "width")

    def __init__(
        self,
        n_components=2,
        *,
        input_shape=None,
        channels=(16, 32),
        kernel_size=3,
        noise=0.0,
        corruption="gaussian",
        beta=0.0,
        ssim_weight=0.0,
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
        self.n_components = n_components
        self.input_shape = input_shape
        self.channels = channels
        self.kernel_size = kernel_size
        self.noise = noise
        self.corruption = corruption
        self.beta = beta
        self.ssim_weight = ssim_weight
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

    @property
    def image_shape_(self):
        """Channels, height and width of an image, as the network of the fit takes it.

        Pictures of rows, as in `skae.inspection`, draw them in this shape.
        """
        check_fitted(self)
        return self._fitted.network.input_shape

    def _flatten(self, X, *, reset):
        shape = self._sample_shape() if reset else None
        if shape is not None and _looks_channels_last(*shape):
            _warn_of_channels_last(*shape)
        return super()._flatten(X, reset=reset)

    def _compose(self, n_features):
        shape = self._network_shape(n_features)
        network = ConvolutionalNetwork(
            shape,
            self.n_components,
            sizes_of(self, "channels", "convolution of the encoder", at_least=1),
            self.kernel_size,
            activation=self.activation,
            code=self._code(),
            linear_path=self.linear_path,
        )
        dissimilarity = Dissimilarity(self.ssim_weight, shape)
        return self._compose_around(
            network, dissimilarity=dissimilarity if self.ssim_weight else None
        )

    def _default_shape(self, n_features):
        return 1, 1, n_features


def _looks_channels_last(channels, height, width):
    """Whether these are rather height, width and channels, of grey or colour.

    Few signals of several channels have their steps along the height, and feature maps
    of other networks are as high as they are wide.
    """
    sides = sorted((channels, height))
    return width in (1, 3, 4) and sides[0] > width and sides[1] <= 4 * sides[0]


def _warn_of_channels_last(height, width, channels):
    warnings.warn(
        f"input_shape={(height, width, channels)} is read as {height} channels of "
        f"{width} x {channels}, since channels come first, and looks like an image "
        f"whose channels come last. If it is one, set input_shape="
        f"{(channels, height, width)} and pass "
        f"X.reshape(-1, {height}, {width}, {channels}).transpose(0, 3, 1, 2).",
        stacklevel=8,
    )
