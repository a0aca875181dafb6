"""The tables of the README: what is claimed, the figures, and the benchmark."""

from __future__ import annotations

from _figures.fill import fill, load
from _peers.tables import Quality

ROWS = (
    (
        "held-out error of the default `Autoencoder` over PCA's, "
        "{summary > cases|d} cases on seventeen tables",
        "below PCA in {summary > below PCA|.0%}, median ratio "
        "{summary > median ratio|.2f}, largest {summary > largest ratio|.2f}; "
        "{summary > ended at PCA|.0%} ended at PCA itself",
        "never_worse_than_pca",
    ),
    (
        "MNIST, code 150, one hidden layer of 300: test error after 10 epochs",
        "{runs > method=skae & epochs=10 > test MSE|.4f} "
        "(`PCA`: {runs > method=PCA > test MSE|.4f})",
        "time_to_quality",
    ),
    (
        "the error that a naive `DataLoader` loop has after 25 epochs of that network, "
        'by an epoch over half of the rows, with `precision="auto"`',
        "{times faster than the naive loop to its last error > median|.0f} "
        "times sooner than the loop (median of three seeds), "
        "{quality > peer=Keras (jax) > times skae's|.0f} times sooner than Keras on jax, "
        "{others|min .0f} to {others|max .0f} times sooner than skorch, PyOD and pythae",
        "peers",
    ),
    (
        "MNIST through 1000-500-250-30 (Hinton and Salakhutdinov 2006: 3.00)",
        "{runs > method=skae > test error|.2f} an image in "
        "{runs > method=skae > minutes|.1f} minutes "
        "(`PCA`: {runs > method=PCA > test error|.2f})",
        "deep",
    ),
    (
        "the textbook's 784-300-150 with its rate of 0.01, and with a cosine from 0.001",
        "train error {fits > tied=False & learning_rate=constant, 0.01 > train MSE|.3f} "
        "and {fits > tied=False & learning_rate=cosine, 0.001 > train MSE|.4f}; tied "
        "{fits > tied=True & learning_rate=constant, 0.01 > train MSE|.4f} and "
        "{fits > tied=True & learning_rate=cosine, 0.001 > train MSE|.4f}",
        "textbook",
    ),
    (
        "`LinearAutoencoder(32)` on MNIST: largest angle to the float64 subspace, exact",
        "{fits > data=MNIST & dtype=float32 > exact rad|.1e} rad in float32, "
        "{fits > data=MNIST & dtype=float64 > exact rad|.0e} in float64 (`PCA`: "
        "{fits > data=MNIST & dtype=float32 > PCA rad|.1e}, "
        "{fits > data=MNIST & dtype=float64 > PCA rad|.0e})",
        "linear",
    ),
    (
        'the same, `solver="adam"` from a random start',
        "{fits > data=MNIST & dtype=float32 > adam rad|.0e} rad in "
        "{fits > data=MNIST & dtype=float32 > adam s|.1f} s",
        "linear",
    ),
    (
        "the same, time of the exact solver over that of `PCA`",
        "{fits > data=MNIST & dtype=float32 > exact / PCA|.1f} in float32, "
        "{fits > data=MNIST & dtype=float64 > exact / PCA|.1f} in float64",
        "linear",
    ),
    (
        "an epoch of MNIST through 784-300-150-300-784, naive loop over skae",
        "{seconds per epoch > workload=W1, batch 150 > loop alone ratio|.1f}; "
        "{seconds per epoch > workload=W1, batch 150 > ratio|.1f} counting all of a fit "
        "of five epochs; "
        "{seconds per epoch > workload=W1, batch 150 > bfloat16 ratio|.1f} with "
        '`precision="bfloat16"`',
        "epoch_speed",
    ),
    (
        "an epoch of digits through 64-32-8-32-64, the same",
        "{seconds per epoch > workload=W2, batch 32 > loop alone ratio|.1f} (batch 32), "
        "{seconds per epoch > workload=W2, batch 200 > loop alone ratio|.1f} (batch 200)",
        "epoch_speed",
    ),
    (
        "30 % of the entries missing: error of `impute` by "
        '`Autoencoder(32, nan_policy="omit")`, over those of `KNNImputer` and '
        "`IterativeImputer`",
        "digits {digits > imputer=Autoencoder(32) > RMSE : "
        "digits > imputer=KNNImputer > RMSE|.2f}, "
        "{digits > imputer=Autoencoder(32) > RMSE : "
        "digits > imputer=IterativeImputer > RMSE|.2f}; MNIST in 16x16 "
        "{MNIST 16x16 > imputer=Autoencoder(32) > RMSE : "
        "MNIST 16x16 > imputer=KNNImputer > RMSE|.2f}, "
        "{MNIST 16x16 > imputer=Autoencoder(32) > RMSE : "
        "MNIST 16x16 > imputer=IterativeImputer > RMSE|.2f}",
        "missing",
    ),
    (
        "`transform` of one row of 784 features, time over that of `PCA.transform`",
        "{transform > dtype=float32 > one row over PCA|.2f} in float32, "
        "{transform > dtype=float64 > one row over PCA|.2f} in float64",
        "transform",
    ),
    (
        "the same of {rows|,d} rows, over the same products and activations into "
        "preallocated arrays",
        "{transform > dtype=float32 > over floor|.2f} in float32, "
        "{transform > dtype=float64 > over floor|.2f} in float64",
        "transform",
    ),
    (
        "`import skae`; the first fit of a process over the second one's time",
        "{steps > step=import skae > median ms|.0f} ms; "
        "{steps > step=first fit > median ms : steps > step=second fit > median ms|.2f}",
        "import_time",
    ),
    (
        "an epoch of a million rows of {n_features|d} features over one of 10,000, for "
        "each row; memory beyond X for each byte of X in float32",
        "{growth > time of a row, most rows over fewest|.2f}; "
        "{growth > bytes beyond X for one of X in float32, float32|.1f}",
        "growth",
    ),
    (
        "denoising MNIST, sigma 1.0 on [0, 1], code 150, 5 epochs: test error from "
        "noisy rows",
        "{gaussian > models > model=DenoisingAutoencoder > MSE from noisy rows|.3f} "
        "(`PCA` at its best {gaussian > PCA|.3f}; the textbook's train error 0.041); "
        "half the pixels masked "
        "{masking > models > model=DenoisingAutoencoder > MSE from noisy rows|.3f} "
        "(`PCA` {masking > PCA|.3f})",
        "denoising",
    ),
    (
        "how far that noise moves the code, in variances of the codes",
        "{gaussian > models > model=DenoisingAutoencoder > code moves|.2f} (plain "
        "autoencoder {gaussian > models > model=Autoencoder > code moves|.2f}); masked "
        "{masking > models > model=DenoisingAutoencoder > code moves|.2f} "
        "({masking > models > model=Autoencoder > code moves|.2f})",
        "denoising",
    ),
    (
        "contractive, MNIST, code 32, no path, at equal test error "
        "({models > path=False & model=contractive, 1e-2 > test MSE|.4f} and "
        "{models > path=False & model=plain > test MSE|.4f})",
        "Jacobian over code variance "
        "{models > path=False & model=contractive, 1e-2 > Jacobian / variance : "
        "models > path=False & model=plain > Jacobian / variance|.2f} of the plain "
        "one's; linear classifier at noise 0.5: "
        "{models > path=False & model=contractive, 1e-2 > accuracy, noise 0.5|.0%} "
        "(plain {models > path=False & model=plain > accuracy, noise 0.5|.0%}, denoising "
        "{models > path=False & model=denoising, 0.5 > accuracy, noise 0.5|.0%})",
        "contractive",
    ),
    (
        "KL sparsity 0.05, 256 units, MNIST",
        "{KL > within 20 %|.1%} of the units within 20 % of it, "
        "{KL > deviation at least mean|.0%} with a deviation above their mean; test "
        "error {models > model=KL, 0.05 > test MSE|.4f} (`PCA` with as many components "
        "as units are active on average, {models > model=KL, 0.05 > active|.0f}: "
        "{models > model=KL, 0.05 > PCA's|.4f})",
        "sparse",
    ),
    (
        "top-k, 2,048 units, {models > model=top-k, 32 > active|.0f} active, MNIST",
        "test error {models > model=top-k, 32 > test MSE|.4f} "
        "(`PCA(32)` {models > model=top-k, 32 > PCA's|.4f}), "
        "{models > model=top-k, 32 > dead|.2%} of the units dead",
        "sparse",
    ),
    (
        "L1, 2,048 units, MNIST, alpha from 0.001 to 0.02",
        "{models > model=L1, 0.001 > active|.0f}, {models > model=L1, 0.003 > active|.0f}, "
        "{models > model=L1, 0.01 > active|.0f} and "
        "{models > model=L1, 0.02 > active|.0f} active units; test error "
        "{models > model=L1, 0.001 > test MSE|.4f}, "
        "{models > model=L1, 0.003 > test MSE|.4f}, "
        "{models > model=L1, 0.01 > test MSE|.3f}, "
        "{models > model=L1, 0.02 > test MSE|.3f}",
        "sparse",
    ),
    (
        "variational, 784-400-20, Bernoulli, 10 epochs of MNIST",
        "test bound {fits > model=skae > test bound|.1f} (torch loop "
        "{fits > model=torch loop > test bound|.1f}) at "
        "{times the loop's speed > skae|.1f} times its speed; with the loop's own recipe "
        "{fits > model=skae, the loop's recipe > test bound|.1f} at "
        "{times the loop's speed > skae, the loop's recipe|.1f} times",
        "variational",
    ),
    (
        "stacked 784-1000-500-250-30, He, beside training from scratch",
        "test error {models > model=stacked > test MSE|.4f} in "
        "{models > model=stacked > seconds|.0f} s "
        "({models > model=from scratch > test MSE|.4f} in "
        "{models > model=from scratch > seconds|.0f} s)",
        "stacked",
    ),
    (
        "convolutional, MNIST, code 32, 32 and 64 channels, "
        "{MNIST > model=convolutional > epochs|d} epochs: test error and SSIM",
        "{MNIST > model=convolutional > test MSE|.4f}, "
        "{MNIST > model=convolutional > test SSIM|.2f}; dense at equal time with 128, "
        "512, 1024 units {MNIST > model=dense, 128 > test MSE|.4f}, "
        "{MNIST > model=dense, 512 > test MSE|.4f}, "
        "{MNIST > model=dense, 1024 > test MSE|.4f}; `PCA` "
        "{MNIST > model=PCA > test MSE|.4f}, {MNIST > model=PCA > test SSIM|.2f}; with "
        "`ssim_weight=0.3` {MNIST > model=convolutional, SSIM 0.3 > test MSE|.4f}, "
        "{MNIST > model=convolutional, SSIM 0.3 > test SSIM|.2f}",
        "convolutional",
    ),
    (
        "the same for COIL-20, every fourth angle left out",
        "{COIL-20 > model=convolutional > test MSE|.4f}, "
        "{COIL-20 > model=convolutional > test SSIM|.2f}; dense with 128, 512, 1024 "
        "units {COIL-20 > model=dense, 128 > test MSE|.4f}, "
        "{COIL-20 > model=dense, 512 > test MSE|.4f}, "
        "{COIL-20 > model=dense, 1024 > test MSE|.4f}; `PCA` "
        "{COIL-20 > model=PCA > test MSE|.4f}; with `ssim_weight=0.3` "
        "{COIL-20 > model=convolutional, SSIM 0.3 > test MSE|.4f}, "
        "{COIL-20 > model=convolutional, SSIM 0.3 > test SSIM|.2f}",
        "convolutional",
    ),
    (
        "attention, waves of 64 steps of random phase and frequency (1 to 4), codes 8 "
        "and 32: test error",
        "{held-out error > data=waves & code=8 & model=AttentionAutoencoder > test MSE"
        "|.3f} and "
        "{held-out error > data=waves & code=32 & model=AttentionAutoencoder > test MSE"
        "|.1e} (dense {held-out error > data=waves & code=8 & model=Autoencoder "
        "> test MSE|.3f} and "
        "{held-out error > data=waves & code=32 & model=Autoencoder > test MSE|.1e}, "
        "`PCA` {held-out error > data=waves & code=8 & model=PCA > test MSE|.2f} and "
        "{held-out error > data=waves & code=32 & model=PCA > test MSE|.1e})",
        "attention",
    ),
    (
        "attention, MNIST as 28 steps, 10,000 images, codes 8 and 32: test error",
        "{held-out error > data=MNIST & code=8 & model=AttentionAutoencoder > test MSE"
        "|.4f} and "
        "{held-out error > data=MNIST & code=32 & model=AttentionAutoencoder > test MSE"
        "|.4f} (dense {held-out error > data=MNIST & code=8 & model=Autoencoder "
        "> test MSE|.4f} and "
        "{held-out error > data=MNIST & code=32 & model=Autoencoder > test MSE|.4f}, "
        "`PCA` {held-out error > data=MNIST & code=8 & model=PCA > test MSE|.4f} and "
        "{held-out error > data=MNIST & code=32 & model=PCA > test MSE|.4f})",
        "attention",
    ),
    (
        "an epoch of attention over that of a bare torch loop of the same network",
        "{seconds per epoch > data=waves > loop alone over bare|.1f} and "
        "{seconds per epoch > data=MNIST > loop alone over bare|.1f} (waves, MNIST); "
        "{seconds per epoch > data=waves > skae over bare|.1f} and "
        "{seconds per epoch > data=MNIST > skae over bare|.1f} counting all of a fit of "
        "three epochs",
        "attention",
    ),
    (
        "MNIST with 100 labels, mean of five draws: test error",
        "{models > labels=100 & model=fine-tuned, consistency > test error|.1%} with "
        "`consistency`, {models > labels=100 & model=logistic regression on the code "
        "> test error|.1%} with a linear head on the code (the labels alone "
        "{models > labels=100 & model=the labels alone > test error|.1%}); with 1,000 "
        "labels {models > labels=1000 & model=fine-tuned, consistency > test error|.1%} "
        "and {models > labels=1000 & model=logistic regression on the code "
        "> test error|.1%} "
        "({models > labels=1000 & model=the labels alone > test error|.1%})",
        "semi_supervised",
    ),
    (
        "a search of 12 candidates and 5 folds of digits through 64-32-8, 40 epochs: "
        "`GridSearchCV` over `AutoencoderSearchCV`",
        "one process "
        "{searches > data=digits & search=AutoencoderSearchCV > times 1 process|.1f}, two "
        "{searches > data=digits & search=AutoencoderSearchCV > times 2 processes|.1f}; "
        "with `factor=3` {searches > data=digits & search=AutoencoderSearchCV, factor 3 "
        "> times 1 process|.1f} and {searches > data=digits & "
        "search=AutoencoderSearchCV, factor 3 > times 2 processes|.1f}; of MNIST through "
        "784-300-150 "
        "{searches > data=MNIST & search=AutoencoderSearchCV > times 1 process|.1f} and "
        "{searches > data=MNIST & search=AutoencoderSearchCV > times 2 processes|.1f}",
        "search",
    ),
    (
        "sparse counts, {sparse > rows=100000 > rows|,d} x "
        "{sparse > rows=100000 > columns|,d}, 0.1 % of them there: "
        "`LinearAutoencoder(50)` over `TruncatedSVD(50)`; `Autoencoder(16)`, Poisson, 64 "
        "hidden units",
        "{linear > model=skae > times TruncatedSVD|.1f} times its time at "
        "{linear > model=skae > squared error : "
        "linear > model=TruncatedSVD > squared error|.3f} of its error; "
        "{sparse > rows=100000 > its epoch s|.0f} s an epoch, "
        "{sparse > rows=100000 > peak MB|,.0f} MB at the peak",
        "streams",
    ),
    (
        "MNIST through 784-300-150-300-784 in batches of 2,000, two processes of one "
        "thread over one",
        "{fits > processes=2 > times no group|.1f} times as fast, the same bits as a "
        "group of one",
        "data_parallel",
    ),
    (
        "MNIST from a file, read in four blocks: rows a second over those in memory",
        "{speed > rows from=file > share of the speed in memory|.2f}",
        "streams",
    ),
    (
        "three passes over ten chunks of MNIST by `partial_fit`: test error over that of "
        "a fit of three epochs",
        "{chunks > model=partial_fit > times fit's|.2f} "
        "(`IncrementalPCA` {chunks > model=IncrementalPCA > times fit's|.2f})",
        "streams",
    ),
    (
        "an epoch of each variant over the plain autoencoder's",
        "denoising {epochs > variant=denoising > variant over plain|.1f}, variational "
        "{epochs > variant=variational > variant over plain|.1f}, contractive "
        "{epochs > variant=contractive > variant over plain|.1f}, L1 "
        "{epochs > variant=L1 > variant over plain|.1f}, KL "
        "{epochs > variant=KL > variant over plain|.1f}, top-k "
        "{epochs > variant=top-k > variant over plain|.1f}",
        "variant_speed",
    ),
)

DEFAULTS = (
    ("changed", "{}"),
    ("below PCA", "{below PCA|.0%}"),
    ("median ratio", "{median ratio|.3f}"),
    ("largest ratio", "{largest ratio|.3f}"),
    ("median seconds", "{median seconds|.2f}"),
)


def expectations():
    """Return the table of the README's "What to expect"."""
    yield "| what | figure | script |"
    yield "|---|---|---|"
    for what, text, name in ROWS:
        content = _peers(load(name)) if name == "peers" else load(name)
        yield f"| {fill(what, content)} | {fill(text, content)} | `{name}.py` |"


def defaults():
    """Return the table of the defaults and their alternatives."""
    alternatives = load("defaults")["alternatives"]
    yield f"| {' | '.join(column for column, _ in DEFAULTS)} |"
    yield f"|{'---|' * len(DEFAULTS)}"
    for row in alternatives:
        changed = "nothing" if row["changed"] == "defaults" else f"`{row['changed']}`"
        cells = [changed, *(fill(text, row) for _, text in DEFAULTS[1:])]
        yield f"| {' | '.join(cells)} |"


def _peers(content):
    """Add the times to the naive loop's error, over skae's, to the peers' records."""
    parts = content["parts"]
    quality = Quality([*parts["W1"]["runs"], *parts["seeds"]["runs"]])
    rows = quality.rows({})
    others = ("skorch", "PyOD", "pythae")
    return {
        **content,
        "quality": rows,
        "others": [row["times skae's"] for row in rows if row["peer"] in others],
    }
