"""How the defaults were chosen: the never-worse-than-PCA figures of the alternatives.

One parameter is changed at a time. MNIST and COIL-20 are among the tables.
"""

from __future__ import annotations

from never_worse_than_pca import cases, summary
from report import parse, table, write

ALTERNATIVES = (
    {},
    {"early_stopping": True},
    {"early_stopping": False},
    {"max_iter": 50},
    {"max_iter": 100},
    {"learning_rate_init": 1e-3},
    {"learning_rate_init": 4e-3},
    {"hidden_layer_sizes": (64,)},
    {"hidden_layer_sizes": (256,)},
    {"activation": "tanh"},
    {"activation": "relu"},
    {"weight_decay": 1e-3},
    {"linear_path": False},
)


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    names, alternatives = (None, ALTERNATIVES)
    if args.smoke:
        names, alternatives = {"iris"}, ({"max_iter": 2}, {"max_iter": 3})
    rows = []
    for parameters in alternatives:
        changed = ", ".join(f"{k}={v!r}" for k, v in parameters.items()) or "defaults"
        rows.append({"changed": changed} | summary(cases(names, [0], **parameters)))
        print(changed, flush=True)
    table(rows)
    write("defaults", args, {"alternatives": rows})


if __name__ == "__main__":
    main()
