"""``python -m mmsk``."""

import sys

from mmsk.cli import main

if __name__ == "__main__":
    sys.exit(main())
