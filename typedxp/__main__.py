"""``python -m typedxp`` is the command ``typedxp``."""

import sys

from typedxp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
