"""The pictures of one fitted estimator, a class each, by scikit-learn's convention.

`from_estimator` computes and draws, `plot` draws again, and what was computed is kept.
"""
