"""`python -m tlsdemo`, and the console script `tlsdemo`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while the modules are still loading is no traceback either."""
    try:
        from pki.console import run
        from tlsdemo.cli import app

        run(app, "tlsdemo")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
