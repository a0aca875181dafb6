"""How a share is written."""


def written(share, spec):
    """Write a share out; one that is only rounded to a whole as less than that."""
    text = format(share, spec)
    return f"<{text}" if share < 1 and text == format(1.0, spec) else text
