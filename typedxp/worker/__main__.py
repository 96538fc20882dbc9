"""Starts the worker's command line. All that is loaded until the experiment begins stays, so nothing is collected."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()

    from typedxp.worker.command import main

    sys.exit(main(sys.argv[1:]))
