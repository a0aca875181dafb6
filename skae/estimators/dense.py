"""The dense autoencoder."""

from __future__ import annotations

from numbers import Integral

from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.base import AutoencoderTransformer
from skae.estimators.composition import Composition
from skae.estimators.validation import sizes_of
from skae.networks import ACTIVATIONS, INITS, DenseNetwork, PlainCode
from skae.objectives import LIKELIHOODS, WeightDecay, make_likelihood


class Autoencoder(AutoencoderTransformer):
    r"""Dense autoencoder: a nonlinear PCA.

    A multilayer perceptron encodes each row into `n_components` numbers, its mirror
    image decodes them, and both are trained together to lose as little as possible.
    Beside the network stands a linear path,

    .. math:: z = P (x - \mu) + f(x), \qquad \hat x = D z + \mu + g(z),

    which starts at PCA while :math:`f` and :math:`g` start at zero: the training loss
    begins at PCA's and, without a penalty, never ends above it. :math:`P` is not
    trained: a code is PCA's, corrected.

    X needs no scaling of its units as a whole: with the Gaussian likelihood it is
    centred by feature and divided by one number for all features. Features whose
    sizes should not count against each other are a StandardScaler's task.

    Read more in the :doc:`user guide </user_guide/dense>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
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
        Lowest monitored loss. With a validation set this is its loss under the
        weights that were kept, else the training loss with the penalty.
    loss_curve_ : list of float
        Mean training loss of the batches of each epoch.
    validation_loss_curve_ : list of float
        Loss on the validation rows after each epoch; empty without.
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
    LinearAutoencoder : PCA, as an autoencoder.
    sklearn.decomposition.PCA : The linear road.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). "Reducing the dimensionality of data
    with neural networks". Science 313, 504-507.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder
    >>> X = load_digits().data
    >>> ae = Autoencoder(n_components=8, max_iter=20, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> ae.inverse_transform(ae.transform(X)).shape
    (1797, 64)
    >>> ae.score(X) > 0.75  # PCA explains 0.67
    True
    """

    _parameter_constraints: dict = {
        **AutoencoderTransformer._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "code_activation": [StrOptions(set(ACTIVATIONS))],
        "output_activation": [StrOptions({"identity", "logistic"})],
        "linear_path": ["boolean"],
        "init": [StrOptions(set(INITS))],
        "likelihood": [StrOptions(set(LIKELIHOODS))],
    }

    def __init__(
        self,
        n_components=2,
        *,
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
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.linear_path = linear_path
        self.tied_weights = tied_weights
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

    def _compose(self, n_features):
        return self._dense(n_features)

    def _dense(self, n_features, *, n_components=None, code=None, **parts):
        """Compose a dense network as the parameters say, but for `parts`.

        Parameters
        ----------
        n_features : int
            Width of X.
        n_components : int or None
            Size of the code; None: the parameter of that name.
        code : Code or None
            None: the activation that `code_activation` names.
        **parts : dict
            Attributes of the Composition, in place of what the parameters say.
        """
        network = DenseNetwork(
            n_features,
            self.n_components if n_components is None else n_components,
            self._layer_sizes(),
            activation=self.activation,
            code=PlainCode(self.code_activation) if code is None else code,
            tied_weights=self.tied_weights,
            linear_path=self.linear_path,
        )
        said = {
            "network": network,
            "likelihood": make_likelihood(self.likelihood, self.output_activation),
            "decay": WeightDecay(self.weight_decay) if self.weight_decay else None,
        }
        return Composition(**{**said, **parts})

    def _layer_sizes(self):
        """Widths of the hidden layers as a tuple of int."""
        return sizes_of(self, "hidden_layer_sizes", "hidden layer of the encoder")
