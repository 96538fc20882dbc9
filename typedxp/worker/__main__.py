"""Starts the worker's command line. All that is loaded until the experiment begins stays, so nothing is collected."""

import sys

from typedxp.worker.garbage import collect_nothing

if __name__ == "__main__":
    collect_nothing()

    from typedxp.worker.command import main

    sys.exit(main(sys.argv[1:]))
