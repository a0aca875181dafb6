"""The gallery shows its examples in the order in which its header names them."""

from __future__ import annotations

from pathlib import Path


class AsInHeader:
    """Sort key of an example's file name, for sphinx-gallery."""

    def __init__(self, src_dir):
        self.src_dir = Path(src_dir)

    def __call__(self, filename):
        header = (self.src_dir / "GALLERY_HEADER.rst").read_text("utf-8")
        place = header.find(f"_{Path(filename).name}>")
        return place if place >= 0 else len(header)
