"""The contract, on every estimator: scikit-learn's checks, none expected to fail."""

import numpy as np
import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.model_selection import AutoencoderSearchCV

ESTIMATORS = [
    LinearAutoencoder(),
    LinearAutoencoder(solver="adam"),
    Autoencoder(max_iter=10),
    Autoencoder(
        max_iter=10,
        hidden_layer_sizes=(8, 4),
        linear_path=False,
        tied_weights=True,
        learning_rate="constant",
        early_stopping=False,
        n_iter_no_change=2,
        tol=0.5,
    ),
    DenoisingAutoencoder(max_iter=5),
    ContractiveAutoencoder(max_iter=5),
    SparseAutoencoder(max_iter=5),
    SparseAutoencoder(max_iter=5, penalty="kl"),
    TopKAutoencoder(max_iter=5),
    VariationalAutoencoder(max_iter=5),
    VariationalAutoencoder(max_iter=5, linear_path=False),
    StackedAutoencoder(max_iter=5),
    ConvolutionalAutoencoder(max_iter=5),
    ConvolutionalAutoencoder(max_iter=5, linear_path=False, ssim_weight=0.1, beta=1.0),
    AttentionAutoencoder(max_iter=5, width=8),
    AttentionAutoencoder(max_iter=5, width=8, padding=np.nan),
    AttentionAutoencoder(
        max_iter=5, width=8, linear_path=False, positions=None, beta=1.0
    ),
    LinearAutoencoder(nan_policy="omit"),
    LinearAutoencoder(solver="adam", nan_policy="omit"),
    Autoencoder(max_iter=5, nan_policy="omit"),
    DenoisingAutoencoder(max_iter=5, nan_policy="omit"),
    ContractiveAutoencoder(max_iter=5, nan_policy="omit"),
    SparseAutoencoder(max_iter=5, nan_policy="omit"),
    TopKAutoencoder(max_iter=5, nan_policy="omit"),
    VariationalAutoencoder(max_iter=5, nan_policy="omit"),
    StackedAutoencoder(max_iter=5, nan_policy="omit"),
    ConvolutionalAutoencoder(max_iter=5, nan_policy="omit"),
    AttentionAutoencoder(max_iter=5, width=8, nan_policy="omit"),
    AutoencoderClassifier(Autoencoder(max_iter=5), max_iter=5),
    AutoencoderClassifier(Autoencoder(max_iter=5, nan_policy="omit"), max_iter=5),
    AutoencoderClassifier(
        DenoisingAutoencoder(max_iter=5),
        hidden_layer_sizes=(8,),
        fine_tune="gradual",
        alpha=0.1,
        consistency=0.1,
        max_iter=5,
    ),
    AutoencoderRegressor(Autoencoder(8, max_iter=5), max_iter=5),
    AutoencoderRegressor(
        DenoisingAutoencoder(8, max_iter=5),
        hidden_layer_sizes=(8,),
        fine_tune="head",
        max_iter=5,
    ),
]

SEARCH = AutoencoderSearchCV(
    Autoencoder(max_iter=2, random_state=0),
    {"weight_decay": [0.0, 0.1]},
    cv=2,
    error_score="raise",
)

# Checks that scikit-learn runs on its own estimators, beside `check_estimator`.
EXTRA_CHECKS = [
    "check_param_validation",
    "check_dataframe_column_names_consistency",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
]


@parametrize_with_checks([*ESTIMATORS, SEARCH])
def test_sklearn_checks(estimator, check):
    check(estimator)


# The checks fit on frames and transform arrays; PCA warns in them as well.
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("name", EXTRA_CHECKS)
def test_extra_checks(estimator, name):
    check = getattr(estimator_checks, name)
    check(type(estimator).__name__, estimator)
