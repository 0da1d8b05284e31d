"""`python -m include.cli` is `opbench`."""

import sys

from include.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
