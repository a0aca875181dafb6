"""The files that the documentation shows: tables as CSV, and the plot."""

from __future__ import annotations

import csv

from _peers.tables import GOAL, Quality, epochs, left_out, name, path

MARKERS = "osv^Dx*P"
NONE = "n/a"  # "-" alone is a list, where the table is read
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
        {"peer": peer, **{h: cells.get(h, NONE) for h in headings}}
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
        {"peer": peer, **{s: cells.get(s, NONE) for s in shorts}}
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
            "version": start.get("version", NONE),
            "start and import (s)": _number(start.get("seconds")),
            "first fit of a few rows (s)": _number(start.get("first")),
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
    seconds = {s["peer"]: s["seconds"] + s["first"] for s in starts if "seconds" in s}
    return [
        {
            "peer": row["peer"],
            "epochs": row["epochs"],
            "test MSE then": f"{row['test MSE']:.5f}",
            "seconds": _number(row["seconds"]),
            "to the mark (s)": _number(row["to the mark"], "not reached"),
            "times skae's": ("" if row["to the mark"] else "> ")
            + _number(row["times skae's"]),
            "with start (s)": _number(row["with start"]),
            f"to {GOAL:.4f} (s)": _number(row["to the goal"], "not reached"),
        }
        for row in quality.rows(seconds)
    ]


def _number(value, otherwise=NONE):
    return otherwise if value is None else f"{value:.3g}"


def _plot(file, quality):
    """Error against seconds of training, a curve a peer."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    settings = {"svg.hashsalt": "skae", "svg.fonttype": "none", "font.size": 9}
    with plt.rc_context(settings):
        figure, axes = plt.subplots(figsize=(8.6, 4.4), layout="constrained")
        for i, (label, points) in enumerate(_curves(quality)):
            _draw(axes, i, label, points)
        levels = {GOAL: f"{GOAL:.4f}"}
        if 0 in quality.marks:
            levels[quality.marks[0]] = "naive loop, last epoch"
        for level, text in levels.items():
            axes.axhline(level, color="0.7", linewidth=0.8, zorder=0)
            place = {"xycoords": ("axes fraction", "data"), "va": "bottom"}
            axes.annotate(text, (0.005, level), fontsize=7.5, color="0.3", **place)
        axes.set(xscale="log", yscale="log")
        axes.set(xlabel="seconds of training", ylabel="squared error on test images")
        _ticks(axes.xaxis, (1, 2, 3, 5, 10, 20, 30, 50, 100, 200))
        _ticks(axes.yaxis, (0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.05))
        figure.legend(loc="outside right upper", handlelength=3.6, frameon=False)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)
    if file.suffix == ".svg":  # as files are kept here, without blanks at ends of lines
        lines = file.read_text().splitlines()
        file.write_text("".join(f"{line.rstrip()}\n" for line in lines))


def _curves(quality):
    """Labels and points: skae's fits with one seed, then the peers."""
    fits = [fit for (seed, _), fit in sorted(quality.fits.items()) if seed == 0]
    if fits:
        yield name(fits[0]), [path(fit)[0] for fit in fits]
    for record in quality.peers:
        if record["seed"] == 0:
            yield name(record), path(record)


def _draw(axes, i, label, points):
    """One curve: skae's in black, each in a style of its own."""
    is_skae = label.startswith("skae")
    axes.plot(
        *zip(*points, strict=True),
        color="black" if is_skae else "0.4",
        linestyle=STYLES[i % len(STYLES)],
        linewidth=1.6 if is_skae else 0.9,
        marker=MARKERS[i % len(MARKERS)],
        markevery=1 if len(points) < 10 else (i % 3, 3),
        markersize=5,
        markerfacecolor="black" if i == 0 else "white",
        label=label,
    )


def _ticks(axis, values):
    """Numbers as people write them, at these places and no others."""
    from matplotlib.ticker import NullFormatter

    low, high = axis.get_view_interval()
    axis.set_ticks([value for value in values if low <= value <= high])
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
