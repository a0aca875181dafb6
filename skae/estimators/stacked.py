"""The stacked autoencoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.linalg import lstsq

from skae.distributed import process_group
from skae.estimators.callbacks import FitCallbacks
from skae.estimators.checkpointing import lent_checkpoint
from skae.estimators.dense import Autoencoder
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.fitting import Fit
from skae.estimators.randomness import draw_entropy_of_fit
from skae.training import neutral

_DENSE = Autoencoder._parameter_constraints
_BLOCK_ROWS = 4096
_LEAST_PIVOT = 1e-6  # of a Gram matrix: what varies less is not divided by
_OF_X = ("output_activation", "likelihood", "nan_policy")


class StackedAutoencoder(Autoencoder):
    r"""Stacked autoencoder: a deep network, trained layer by layer and then as a whole.

    The first layer is a shallow autoencoder of X, the second one of the first one's
    code, and so on. Their encoders, one on the other, and decoders in the opposite
    order make up a deep network, which is then trained end to end. (Within it,
    activations follow the decoders of the inner layers, which were trained without:
    these are fitted anew, by least squares, to what has to enter the activations.)

    Read more in the :ref:`user guide <stacked>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    fine_tune : bool, default=True
        Whether the assembled network is trained as a whole. All parameters of training
        hold for each layer and for the whole alike.
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
    linear_path : bool, default=False
        Whether a layer without activation starts at PCA. The assembled network has no
        path beside it.
    init : {"he", "glorot"}, default="he"
        How the matrices beside the path are drawn.
    likelihood : {"gaussian", "bernoulli", "poisson"}, default="gaussian"
        What the decoder's output means: ``"gaussian"`` trains on the squared error,
        ``"bernoulli"`` on the cross-entropy of X in [0, 1], ``"poisson"`` on half the
        deviance of counts, which are encoded as log(1 + X).
    weight_decay : float, default=0.0
        Adds ``weight_decay / 2`` times the sum of squared weights, biases not included,
        to the mean loss in scaled units.
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
    layers_ : list of Autoencoder
        The shallow autoencoders as they were trained, the first on X, each other one on
        the code of the one before, with their own `loss_curve_`.
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
        The epoch whose weights were kept; 0 is the assembled network.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around its reconstruction: `loss_`, for the Gaussian.
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    Autoencoder : The deep network, trained as a whole from the start.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). "Reducing the dimensionality of data
    with neural networks". Science 313, 504-507.

    Bengio, Y., Lamblin, P., Popovici, D. and Larochelle, H. (2007). "Greedy layer-wise
    training of deep networks". NeurIPS 19, 153-160.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import StackedAutoencoder
    >>> X = load_digits().data
    >>> ae = StackedAutoencoder(
    ...     8, hidden_layer_sizes=(48, 24), max_iter=10, random_state=0
    ... ).fit(X)
    >>> [layer.n_components_ for layer in ae.layers_]
    [48, 24, 8]
    >>> ae.transform(X).shape
    (1797, 8)
    """

    _parameter_constraints: dict = {
        **{name: _DENSE[name] for name in _DENSE if name != "tied_weights"},
        "fine_tune": ["boolean"],
    }

    _can_go_on = False  # layer by layer, each is to have seen all rows

    def __init__(
        self,
        n_components=2,
        *,
        fine_tune=True,
        hidden_layer_sizes=(128,),
        activation="gelu",
        code_activation="identity",
        output_activation="identity",
        linear_path=False,
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
        self.fine_tune = fine_tune

    def _compose(self, n_features):
        composition = super()._compose(n_features)
        # A layer, which has no hidden layers, may be a path itself; the whole has none.
        network = replace(composition.network, linear_path=False)
        return replace(composition, network=network)

    def _fit(self, X, X_val, X_clean):
        if X_clean is not None:
            raise ValueError(
                "StackedAutoencoder takes no X_clean: its layers are trained on codes, "
                "which have no clean counterpart. Use DenoisingAutoencoder."
            )
        composition = self._compose(X.shape[1])
        start = self._previous(composition)
        # One seed for all, so that the same rows are held out everywhere.
        entropy = draw_entropy_of_fit(self.random_state)
        if start is None:
            self.layers_, decoders = self._train_layers(X, X_val, entropy)
            start = _assemble(self.layers_, decoders, composition)
        fit = Fit(composition, self, start, entropy=entropy)
        if self.fine_tune:
            self._train(fit, X, X_val, None)
            return
        callbacks = FitCallbacks(self, X, n_tasks=0)
        fitted, history = fit.stay(X)
        vars(self).update(self._attributes(fitted, history, fit.unit, X))
        callbacks.ends(lambda: vars(self))

    def _train_layers(self, X, X_val, entropy):
        """Shallow autoencoders, each on the code of the one before, and decoders.

        There is a decoder for each layer but the first one.
        """
        layers, decoders, settings = [], [], self.get_params()
        entering = None
        output = {name: settings.pop(name) for name in _OF_X}
        del settings["fine_tune"], settings["hidden_layer_sizes"]
        settings |= {"warm_start": False, "random_state": entropy}
        sizes = [*self._layer_sizes(), self.n_components]
        for i, size in enumerate(sizes, start=1):
            act = self.activation if i < len(sizes) else self.code_activation
            settings |= {"n_components": size, "code_activation": act}
            if self.verbose and process_group().leads:
                print(f"Layer {i} of {len(sizes)}: {X.shape[1]} to {size}")
            layer = Layer(**settings, **output, hidden_layer_sizes=())
            with lent_checkpoint():
                fitted = layer.fit(X, X_val=X_val)._fitted
            output = {}  # of a layer above the first one: a code, any numbers
            with neutral(torch.device("cpu")):
                code = fitted.encode(X)
                if entering is not None:
                    decoders.append(_regress(entering, code))
                entering = fitted.entering(X)
                X_val = None if X_val is None else fitted.encode(X_val)
            X = code
            layers.append(layer)
        return layers, decoders


class Layer(Autoencoder):
    """A layer: not the last word on convergence, and nothing by itself."""

    _keeps_interrupted = False

    def _warn_at_the_limit(self, history, max_iter):
        """Leave it to the whole."""


def _regress(entering, code):
    """Decoder of a hidden layer, by least squares: from a code to what goes in there.

    The layer that was trained alone has decoded to the activations. In the whole, the
    activation comes after the decoder, which has to give what goes into it.
    """
    width = code.shape[1] + 1
    squares, products = np.zeros((width, width)), np.zeros((width, entering.shape[1]))
    for start in range(0, len(code), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        known = np.column_stack([code[rows], np.ones(len(code[rows]))])
        known = known.astype(np.float64)
        squares += known.T @ known
        products += known.T @ entering[rows]
    found = lstsq(squares, products, cond=_LEAST_PIVOT)[0]
    return found[:-1], found[-1]


def _assemble(layers, decoders, composition):
    """One deep autoencoder of shallow ones, in the units of the first.

    An encoder's own centring and scale go into its weights: W (h - m) / s + b is
    (W / s) h + (b - W m / s).
    """
    weights = {}
    for i, layer in enumerate(layers):
        part, scaling = layer._fitted.weights, layer._fitted.scaling
        encoder, bias = part["encoder.0.weight"], part["encoder.0.bias"]
        decoder = part["decoder.0.weight"], part["decoder.0.bias"]
        if i > 0:
            encoder, decoder = encoder / scaling.scale, decoders[i - 1]
            bias = bias - encoder @ scaling.mean
        weights[f"encoder.{i}.weight"], weights[f"encoder.{i}.bias"] = encoder, bias
        weights[f"decoder.{i}.weight"], weights[f"decoder.{i}.bias"] = decoder
    first = layers[0]._fitted
    return FittedAutoencoder(
        composition.network,
        composition.likelihood,
        first.scaling,
        {name: weights[name] for name in composition.network.shapes()},
        first.null_output,
        filler=first.filler,
    )
