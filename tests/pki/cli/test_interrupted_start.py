"""Ctrl-C while modules are being imported. Falsehood caught: a traceback through twenty modules.

An audit hook in the child sends SIGINT to itself when a chosen module is imported, so no timing is involved.
"""

import subprocess
import sys

import pytest

from tests.conftest import run

HOOKED = """
import os, signal, sys
wanted, program, *words = sys.argv[1:]
signal.signal(signal.SIGINT, signal.{handler})
def hook(event, arguments):
    global wanted
    if event == "import" and arguments[0] == wanted:
        wanted = None
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
sys.argv = [program, *words]
exec(f"from {{program}}.__main__ import main")
sys.exit(main())
"""
LIST = """
import os, signal, sys
seen = []
sys.addaudithook(lambda event, arguments: seen.append(arguments[0]) if event == "import" else None)
program, *words = sys.argv[1:]
sys.argv = [program, *words]
exec(f"from {program}.__main__ import main")
try:
    main()
except SystemExit:
    print("\\n".join(["MODULES", *seen]))
"""
COMMANDS = {"pki": ("list", "--dir", "/nowhere"), "tlsdemo": ("connect", "localhost:1", "--trust", "/nowhere")}


def imported(program: str) -> list[str]:
    """All modules in the order of their import, from the first line of `main` on."""
    done = run(sys.executable, "-c", LIST, program, *COMMANDS[program])
    names = done.stdout.partition("MODULES\n")[2].split()
    return [name for name in names if name not in (program, f"{program}.__main__")]


def interrupted(program: str, module: str, handler: str = "default_int_handler") -> subprocess.CompletedProcess[str]:
    """The command, with SIGINT at that import."""
    return run(sys.executable, "-c", HOOKED.format(handler=handler), module, program, *COMMANDS[program])


@pytest.mark.parametrize("program", COMMANDS)
def test_ctrl_c_at_any_import_is_130_and_quiet(program: str) -> None:
    names = list(dict.fromkeys(imported(program)))
    assert "typer" in names and "cryptography.x509" in names
    for module in [
        *names[:40:4],
        *names[40::29],
        "typer",
        f"{program}.cli",
        "pki.console",
        "cryptography.x509",
    ]:
        done = interrupted(program, module)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", ""), module


@pytest.mark.parametrize("program", COMMANDS)
def test_a_program_that_was_told_to_ignore_ctrl_c_does(program: str) -> None:
    """As a program that a shell script starts in the background."""
    done = interrupted(program, "typer", "SIG_IGN")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("program", COMMANDS)
def test_the_package_itself_imports_nothing(program: str) -> None:
    """`main` cannot handle Ctrl-C in modules that are imported before it."""
    code = f"import sys; before = set(sys.modules); import {program}; print(*sorted(set(sys.modules) - before))"
    assert run(sys.executable, "-c", code).stdout.split() == [program]
