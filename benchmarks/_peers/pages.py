"""The files that the documentation shows: tables as CSV, and the plot."""

from __future__ import annotations

import csv

from _peers.tables import GOAL, Quality, epochs, finished, left_out, name, path

MARKERS = "osv^Dx*P"
STYLES = ("-", "--", "-.", ":")


def write_pages(content, folder):
    """Write all files that `content` has figures for.

    Parameters
    ----------
    content : dict
        As it stands in the JSON file.
    folder : Path
        Where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts, starts = content["parts"], content.get("starts", [])
    _table(folder / "setting.csv", _setting(content))
    if parts:
        _table(folder / "epochs.csv", _epochs(parts))
        _table(folder / "memory.csv", _memory(parts))
    if starts:
        _table(folder / "peers.csv", _peers(starts, parts))
    if "W1" in parts:
        records = [*parts["W1"]["runs"], *parts.get("seeds", {"runs": []})["runs"]]
        quality = Quality(records)
        _table(folder / "quality.csv", _quality(quality, starts))
        _plot(folder / "errors.svg", quality)


def _table(file, rows):
    if not rows:
        return
    with open(file, "w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _setting(content):
    versions = {**content["versions"], **content["machine"]}
    return [{"what": what, "value": value} for what, value in versions.items()]


def _epochs(parts):
    """One line a peer, one column a workload: seconds, and times skae's."""
    table = {}
    parts = {k: part for k, part in parts.items() if part["heading"]}
    for part in parts.values():
        for row in epochs(part["runs"]):
            times = row["times skae's"]
            ratio = "" if times is None else f" ({times:.2f})"
            cell = f"{part['unit'] * row['seconds']:.3g}{ratio}"
            table.setdefault(row["peer"], {})[part["heading"]] = cell
    headings = [part["heading"] for part in parts.values()]
    return [
        {"peer": peer, **{h: cells.get(h, "-") for h in headings}}
        for peer, cells in table.items()
    ]


def _memory(parts):
    """Megabytes by peer: at the peak, and beyond what was there before the fit."""
    table = {}
    parts = {k: part for k, part in parts.items() if part["heading"]}
    for part in parts.values():
        for row in epochs(part["runs"]):
            cell = f"{row['peak MB']:.0f} ({row['beyond MB']:.0f})"
            table.setdefault(row["peer"], {})[part["short"]] = cell
    shorts = [part["short"] for part in parts.values()]
    return [
        {"peer": peer, **{s: cells.get(s, "-") for s in shorts}}
        for peer, cells in table.items()
    ]


def _peers(starts, parts):
    """Who they are, what they cost before they begin, and what is said of them."""
    missing = {}
    for part in parts.values():
        for peer, why in left_out(part["runs"]).items():
            missing.setdefault(peer, []).append(f"{part['short']}: {why}")
    return [
        {
            "peer": start.get("name", start["peer"]),
            "version": start.get("version", "-"),
            "start and import (s)": _number(start.get("seconds")),
            "remarks": "; ".join(
                text
                for text in (start["note"], *missing.get(start["peer"], ()))
                if text
            ),
        }
        for start in starts
    ]


def _quality(quality, starts):
    """Format the rows of the table of times to a test error."""
    seconds = {start["peer"]: start.get("seconds") for start in starts}
    return [
        {
            "peer": row["peer"],
            "epochs": row["epochs"],
            "test MSE then": f"{row['test MSE']:.5f}",
            "seconds": _number(row["seconds"]),
            "to the mark (s)": _number(row["to the mark"], "not reached"),
            "times skae's": ("" if row["to the mark"] else "> ")
            + _number(row["times skae's"]),
            "with start and import (s)": _number(row["with start and import"]),
            f"to {GOAL:.4f} (s)": _number(row["to the goal"], "not reached"),
        }
        for row in quality.rows(seconds)
    ]


def _number(value, otherwise="-"):
    return otherwise if value is None else f"{value:.3g}"


def _plot(file, quality):
    """Error against seconds of training, a curve a peer."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    settings = {"svg.hashsalt": "skae", "svg.fonttype": "none", "font.size": 9}
    with plt.rc_context(settings):
        figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
        fits = [fit for (seed, _), fit in sorted(quality.fits.items()) if seed == 0]
        curves = [("skae, own recipe", [path(fit)[0] for fit in fits])] if fits else []
        peers = [r for r in finished(quality.peers) if r["seed"] == 0]
        curves += [(name(r), path(r)) for r in peers]
        for i, (label, points) in enumerate(curves):
            axes.plot(
                *zip(*points, strict=True),
                color="black" if label.startswith("skae") else "0.35",
                linestyle=STYLES[i % len(STYLES)],
                linewidth=1.6 if label.startswith("skae") else 1.0,
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                markerfacecolor="black" if i == 0 else "white",
                label=label,
            )
        levels = {GOAL: f"{GOAL:.4f}"}
        if 0 in quality.marks:
            levels[quality.marks[0]] = "naive loop, last epoch"
        for level, text in levels.items():
            axes.axhline(level, color="0.7", linewidth=0.8, zorder=0)
            axes.annotate(
                text,
                (0.005, level),
                xycoords=("axes fraction", "data"),
                va="bottom",
                fontsize=7.5,
                color="0.3",
            )
        axes.set(xscale="log", yscale="log")
        axes.set(xlabel="seconds of training", ylabel="squared error on test images")
        axes.yaxis.set_major_formatter("{x:.3f}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks([0.0015, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend(loc="upper right", fontsize=8, handlelength=3.2)
        figure.savefig(file, metadata={"Date": None})
        figure.savefig(file.with_suffix(".png"), dpi=120)
        plt.close(figure)
