"""``python -m skae``: the command line, see :mod:`skae.inspection`."""

import sys

from skae.inspection._cli import main

if __name__ == "__main__":
    sys.exit(main())
