"""Write the figures of the README and of the user guide, from benchmarks/results.

What stands between ``figures: NAME`` and ``figures: end``, comments in either language,
is written by this script and by nobody else. The plots of the documentation are drawn
from the same files when it is built.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from _figures import guide, readme

ROOT = Path(__file__).parents[1]

TEXTS = {
    "README.md": {"expectations": readme.expectations, "defaults": readme.defaults},
    "docs/user_guide/convolutional.rst": {"convolutional": guide.convolutional},
    "docs/user_guide/missing.rst": {"missing": guide.missing},
    "docs/user_guide/pretrained.rst": {"few labels": guide.few_labels},
    "docs/user_guide/tuning.rst": {
        "changes": guide.changes,
        "variants": guide.variants,
        "alphas": guide.alphas,
        "searches": guide.searches,
    },
}

MARKED = re.compile(
    r"(?P<begin>^(?:<!--|\.\.) figures: (?P<name>(?!end\b)[^>\n]+?)(?: -->)?\n)"
    r"(?P<body>.*?)"
    r"(?P<end>^(?:<!--|\.\.) figures: end(?: -->)?$)",
    re.MULTILINE | re.DOTALL,
)


def renewed(text, writers):
    """Return `text` with what stands between its marks written anew.

    Parameters
    ----------
    text : str
        Of a file.
    writers : dict of str to callable
        What gives the lines between the marks, by name; all of them must occur.
    """
    left = dict(writers)

    def write(mark):
        lines = "\n".join(left.pop(mark["name"])())
        return f"{mark['begin']}\n{lines}\n\n{mark['end']}"

    text = MARKED.sub(write, text)
    if left:
        raise ValueError(f"no marks for the figures {', '.join(left)}")
    return text


def main():
    """Write the files, or tell which of them are not as they would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", "--smoke", action="store_true", help="write nothing: compare"
    )
    args = parser.parse_args()
    stale = []
    for name, writers in TEXTS.items():
        file = ROOT / name
        before = file.read_text()
        after = renewed(before, writers)
        if after != before:
            stale.append(name)
            if not args.check:
                file.write_text(after)
    print(f"{'stale' if args.check else 'written'}: {', '.join(stale) or 'nothing'}")
    return int(args.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
