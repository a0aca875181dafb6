"""Check that every link within the built documentation leads somewhere.

``python docs/check_links.py FOLDER`` reads all pages of the HTML build in FOLDER: what
they link to, show or load must be a file there, and after a ``#`` must stand an id of
that page. Links to other sites are not followed.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """The links and the ids of one page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        link = attributes.get(LINKS.get(tag))
        if link:
            self.links.append((self.getpos()[0], link))
        self.ids.update(
            value for key in ("id", "name") if (value := attributes.get(key))
        )


def broken(folder):
    """Return a line for every link that leads nowhere."""
    folder = folder.resolve()
    files = [f for f in folder.rglob("*.html") if "_static" not in f.parts]  # templates
    pages = {file: Page(file.read_text("utf-8")) for file in files}
    found = []
    for file, page in sorted(pages.items()):
        for line, link in page.links:
            why = _why_broken(file, link, pages)
            if why:
                found.append(f"{file.relative_to(folder)}:{line}: {link}: {why}")
    return found, sum(len(page.links) for page in pages.values())


def _why_broken(file, link, pages):
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        return "there is no such file"
    fragment = unquote(parts.fragment)
    if fragment and target in pages and fragment not in pages[target].ids:
        return "the page has no such id"
    return None


def main(folder):
    """Print what is broken; the number of links tells that they were read."""
    found, n_links = broken(Path(folder))
    print("\n".join([*found, f"{n_links} links, {len(found)} of them broken"]))
    return int(bool(found) or n_links == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
