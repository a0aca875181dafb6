"""The dense autoencoder."""

from __future__ import annotations

from numbers import Integral

from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.base import AutoencoderTransformer
from skae.estimators.fitting import Composition
from skae.networks import ACTIVATIONS, INITS, DenseNetwork
from skae.objectives import LIKELIHOODS, WeightDecay, make_likelihood


class Autoencoder(AutoencoderTransformer):
    """TODO"""

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
        max_iter=50,
        tol=1e-4,
        n_iter_no_change=10,
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        warm_start=False,
        precision="float32",
        device="cpu",
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
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.precision = precision
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _compose(self, n_features):
        return self._dense(n_features)

    def _dense(self, n_features):
        """Compose a dense network as the parameters say."""
        sizes = self.hidden_layer_sizes
        network = DenseNetwork(
            n_features,
            self.n_components,
            (sizes,) if isinstance(sizes, Integral) else tuple(map(int, sizes)),
            activation=self.activation,
            code_activation=self.code_activation,
            tied_weights=self.tied_weights,
            linear_path=self.linear_path,
        )
        return Composition(
            network,
            make_likelihood(self.likelihood, self.output_activation),
            WeightDecay(self.weight_decay) if self.weight_decay else None,
        )
