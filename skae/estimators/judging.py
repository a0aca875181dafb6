"""What every fitted autoencoder says of rows: error, score, density."""

from skae.estimators.validation import check_clean, check_fitted, check_X


class JudgingMixin:
    """Judge rows by their reconstruction.

    The estimator is an autoencoder with a fit in `_fitted`.
    """

    def reconstruction_error(self, X, *, per_feature=False):
        """Loss of the reconstruction of X: what the code could not keep.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to reconstruct.
        per_feature : bool, default=False
            Whether to tell the features apart.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_features)
            Mean loss of each row, or the loss of each entry: the squared error in
            squared units of X for the Gaussian likelihood, else in nats: the
            cross-entropy (Bernoulli) or half the deviance (Poisson).

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or nothing that the likelihood can
            have.
        """
        check_fitted(self)
        X = check_X(self, X, reset=False)
        return self._fitted.loss(X, per_feature=per_feature)

    def score(self, X, y=None, *, X_clean=None):
        """Share of the deviance of X that the reconstruction explains.

        1 - deviance(reconstruction) / deviance(training mean), under the likelihood:
        R^2 over all entries for the Gaussian one. A deviance of zero on both sides
        scores 1.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to reconstruct.
        y : object, default=None
            Ignored.
        X_clean : array-like of shape (n_samples, n_features), default=None
            What their reconstructions should have been; None: X itself.

        Returns
        -------
        float
            At most 1, which is perfect; 0 is no better than the training mean.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or nothing that the likelihood can
            have; when `X_clean` has not as many rows.
        """
        check_fitted(self)
        X = check_X(self, X, reset=False)
        if X_clean is not None:
            X_clean = check_clean(self, X_clean, X)
        return self._fitted.explained_deviance(X, X_clean)

    def score_samples(self, X):
        """Log-density of each row of X around its own reconstruction.

        Conditional on the code, and so not comparable with a marginal density such as
        `PCA.score_samples` gives: the network may spend its code on any row. Higher
        is more normal. The Gaussian likelihood has the variance `noise_variance_`.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log-densities in nats, constants included.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or nothing that the likelihood can
            have.
        """
        check_fitted(self)
        return self._fitted.log_density(check_X(self, X, reset=False))
