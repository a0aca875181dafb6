"""Elements of HTML.

Text is escaped by the serializer, and nowhere else: what a data set or a method is
called cannot become markup.
"""

from xml.etree import ElementTree


def element(tag, *children, **attributes):
    """Make an element.

    Parameters
    ----------
    tag : str
        Its name.

    *children : str, Element or None
        What is in it; None is left out.

    **attributes : object
        By name, with `_` for `-`, and `class_` for the class; None is left out.

    Returns
    -------
    Element
        The new one.
    """
    made = ElementTree.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), str(value))
    for child in children:
        if isinstance(child, str):
            _add_text(made, child)
        elif child is not None:
            made.append(child)
    return made


def _add_text(parent, text):
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def listed(tag, items, **attributes):
    """Make an `ul` or `ol` of what is to be its items."""
    return element(tag, *(element("li", item) for item in items), **attributes)


def described(pairs, **attributes):
    """Make a `dl` of terms and what is to be said of them."""
    parts = (
        part
        for term, text in pairs
        for part in (element("dt", term), element("dd", text))
    )
    return element("dl", *parts, **attributes)


def table(headings, rows, *, caption, **attributes):
    """Make a table; the first cell of a row is its heading.

    Parameters
    ----------
    headings : list of str
        One a column.

    rows : iterable of list of str or Element
        The cells.

    caption : str
        What it shows.

    **attributes : object
        As for `element`.

    Returns
    -------
    Element
        The table.
    """
    head = element("tr", *(element("th", text, scope="col") for text in headings))
    body = (
        element(
            "tr",
            element("th", first, scope="row"),
            *(element("td", cell) for cell in cells),
        )
        for first, *cells in rows
    )
    return element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        **attributes,
    )


def document(html):
    """Write out a whole document."""
    text = ElementTree.tostring(html, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n"
