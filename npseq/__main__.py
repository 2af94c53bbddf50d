"""`python -m npseq` runs the command line."""

import sys

from npseq.cli import main

if __name__ == "__main__":
    sys.exit(main())
