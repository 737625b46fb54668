"""`python -m pki`, and the console script `pki`."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C exits with 130, also while modules are being imported."""
    try:
        from pki.start import Loading

        with Loading():
            from pki.cli.main import app
            from pki.console import run
        run(app, "pki")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
