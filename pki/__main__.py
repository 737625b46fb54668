"""`python -m pki`, and the console script `pki`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while the modules are still loading is no traceback either."""
    try:
        from pki.cli import app
        from pki.console import run

        run(app, "pki")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
