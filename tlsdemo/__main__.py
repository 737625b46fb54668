"""`python -m tlsdemo`, and the console script `tlsdemo`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is exit code 130 from the first line on."""
    try:
        from pki.start import Loading

        with Loading():
            from pki.console import run
            from tlsdemo.cli.main import app
        run(app, "tlsdemo")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
