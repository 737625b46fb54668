"""The import table of the project, and who may touch files, sockets and the terminal. Falsehood caught: a shortcut."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

MODULES = sorted(path for package in ("pki", "tlsdemo") for path in (ROOT / package).rglob("*.py"))

# A room is a package; what lies beside the packages is the base of `pki` or of `tlsdemo`. A room may import itself and
# the rooms that are named after it: only those further down in its own tree.
IMPORTS: dict[str, set[str]] = {
    "pki.asn1": set(),
    "pki": set(),
    "pki.objects": {"pki", "pki.asn1"},
    "pki.show": {"pki", "pki.asn1", "pki.objects", "pki.path"},
    "pki.revocation": {"pki", "pki.asn1", "pki.objects"},
    "pki.path": {"pki", "pki.asn1", "pki.objects", "pki.revocation"},
    "pki.cases": {"pki", "pki.asn1"},
    "pki.verifiers": {"pki", "pki.asn1", "pki.objects", "pki.path"},
    "pki.store": {"pki", "pki.objects", "pki.cases", "pki.path", "pki.revocation"},
    "pki.ca": {"pki", "pki.objects", "pki.path", "pki.store"},
    "pki.trust": {"pki", "pki.objects", "pki.store"},
    "pki.publish": {"pki", "pki.revocation", "pki.objects", "pki.store"},
    "pki.cli": {
        "pki",
        "pki.objects",
        "pki.show",
        "pki.path",
        "pki.cases",
        "pki.verifiers",
        "pki.store",
        "pki.trust",
        "pki.publish",
    },
    "tlsdemo": {"pki", "pki.objects", "pki.show", "pki.path"},
    "tlsdemo.wire": {"pki", "tlsdemo"},
    "tlsdemo.report": {"pki", "tlsdemo"},
    "tlsdemo.net": {"pki", "pki.publish", "tlsdemo"},
    "tlsdemo.edu": {"pki", "tlsdemo", "tlsdemo.net", "tlsdemo.wire"},
    "tlsdemo.tls13": {"pki", "tlsdemo", "tlsdemo.edu", "tlsdemo.net", "tlsdemo.wire"},
    "tlsdemo.tls": {"pki", "pki.asn1", "pki.objects", "tlsdemo", "tlsdemo.net", "tlsdemo.wire"},
    "tlsdemo.credentials": {"pki", "pki.cases", "pki.store", "tlsdemo"},
    "tlsdemo.attack": {"pki", "tlsdemo", "tlsdemo.credentials", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.tls13"}
    | {"tlsdemo.wire"},
    "tlsdemo.compare": {"pki", "tlsdemo", "tlsdemo.report", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.tls13"}
    | {"tlsdemo.attack", "tlsdemo.wire"},
    "tlsdemo.lab": {"pki", "pki.asn1", "pki.cases", "pki.revocation", "pki.publish", "pki.store", "pki.trust"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.tls13"},
    "tlsdemo.explain": {"pki", "pki.asn1", "pki.objects", "pki.path", "pki.show", "tlsdemo", "tlsdemo.report"}
    | {"tlsdemo.edu", "tlsdemo.tls13", "tlsdemo.wire"},
    "tlsdemo.pytest_plugin": {"pki", "pki.ca", "pki.cases", "tlsdemo", "tlsdemo.lab"},
    "tlsdemo.tour": {"pki", "pki.objects", "pki.show", "pki.store"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"}
    | {"tlsdemo.credentials", "tlsdemo.attack", "tlsdemo.compare", "tlsdemo.tls13"},
    "tlsdemo.cli": {"pki", "pki.objects", "pki.cases", "pki.store", "pki.cli"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"}
    | {
        "tlsdemo.credentials",
        "tlsdemo.attack",
        "tlsdemo.compare",
        "tlsdemo.explain",
        "tlsdemo.lab",
        "tlsdemo.tour",
        "tlsdemo.tls13",
    },
}
STARTS = {"pki": {"pki.cli", "pki.ca", "pki.cases"}, "tlsdemo": {"tlsdemo.cli"}}
"""What only `__main__` and the lazy names of `pki` import, upward."""

SOCKETS = {
    "tlsdemo.net",
    "tlsdemo.tls.server",
    "tlsdemo.tls.client",
    "tlsdemo.tls.plaintext_reply",
    "pki.publish.accept",
    "pki.publish.server",
}
PRINTS = {"pki.cli", "pki.console", "pki.help_page", "tlsdemo.cli", "tlsdemo.tour", "tlsdemo.report"}
OPENS_FILES = {
    "pki.ca", "pki.handover", "pki.cases.minting", "pki.store", "pki.trust", "pki.cli", "pki.console",
    "pki.publish.server", "pki.verifiers.opinions",
    "tlsdemo.net", "tlsdemo.tls.context", "tlsdemo.credentials", "tlsdemo.attack.real_world",
    "tlsdemo.compare.benchmark", "tlsdemo.lab", "tlsdemo.tour", "tlsdemo.cli",
}  # fmt: skip
SSL_CONTEXT = {"tlsdemo.tls.context", "tlsdemo.lab.context"}
CLI_THIRD_PARTY = {"typer"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") or path.stem


def within(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


def room(module: str) -> str:
    package = ".".join(module.split(".")[:2])
    return package if package in IMPORTS else module.split(".")[0]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.fixture(params=MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def module(request: pytest.FixtureRequest) -> tuple[str, ast.Module, str]:
    text = request.param.read_text()
    return name_of(request.param), ast.parse(text), text


def test_imports_go_downward(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    home = room(name)
    allowed = (
        IMPORTS[home] | {home} | (STARTS[name.split(".")[0]] if name in STARTS or name.endswith("__main__") else set())
    )
    for target in imports(tree):
        if target.split(".")[0] in ("pki", "tlsdemo") and target not in ("pki", "tlsdemo"):
            assert room(target) in allowed, f"{name} may not import {target}"


def test_the_table_has_no_circle() -> None:
    assert list(TopologicalSorter(IMPORTS).static_order())


def test_sockets_are_opened_in_few_places(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    if "socket" in set(imports(tree)):
        assert within(name, SOCKETS)


def test_only_the_edge_opens_files(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    verbs = ("open", "os.open", ".read_text", ".write_text", ".read_bytes", ".write_bytes", "NamedTemporaryFile")
    found = [call for call in calls(tree) if call in verbs[:2] or call.endswith(verbs[2:])]
    assert not found or within(name, OPENS_FILES), found


def test_only_the_edge_prints(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    assert "print" not in set(calls(tree)) or within(name, PRINTS)


@pytest.mark.parametrize("name", ["server", "client"])
def test_what_readers_copy_imports_the_standard_library_alone(name: str) -> None:
    tree = ast.parse((ROOT / f"tlsdemo/tls/{name}.py").read_text())
    assert {target.split(".")[0] for target in imports(tree)} <= sys.stdlib_module_names


def test_ssl_contexts_are_built_in_two_places(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    if name not in SSL_CONTEXT:
        builders = {"SSLContext", "create_default_context", "bare_context"}
        assert not builders & {call.rpartition(".")[2] for call in calls(tree)}


def test_clocks_and_randomness_are_injected(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    drawn = {"datetime.now", "time.time", "os.urandom", "secrets.token_bytes", "x509.random_serial_number"}
    assert not drawn & set(calls(tree)) or within(name, OPENS_FILES), "the default belongs to the edge"


def test_the_command_line_starts_with_typer_and_the_standard_library_alone() -> None:
    for path in (
        ROOT / "pki/cli/main.py",
        ROOT / "pki/cli/rogue.py",
        ROOT / "pki/cli/export.py",
        ROOT / "pki/console.py",
        ROOT / "pki/help_page.py",
        ROOT / "tlsdemo/cli/main.py",
        ROOT / "tlsdemo/cli/lab_app.py",
        ROOT / "pki/errors.py",
    ):
        for node in ast.parse(path.read_text()).body:
            for target in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                top = target.split(".")[0]
                light = (
                    "pki.console",
                    "pki.help_page",
                    "pki.errors",
                    "pki.cli.rogue",
                    "pki.cli.options",
                    "pki.cli.inspect",
                    "pki.cli.export",
                    "pki.cli.issue",
                    "pki.cli.lifecycle",
                    "pki.cli.publish",
                    "pki.cli.requests",
                    "pki.cli.trust",
                    "tlsdemo.cli.lab_app",
                )
                assert top in sys.stdlib_module_names | CLI_THIRD_PARTY or target.startswith(light), target


def test_every_module_opens_with_what_it_is(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    assert ast.get_docstring(tree), f"{name} has no docstring"


PACKAGES = [path for path in MODULES if path.name == "__init__.py"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_the_docstring_of_a_package_lists_its_modules(package: Path) -> None:
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    listed = re.findall(r"(?m)^(\w+) {4,}\S", text)
    there = {path.stem for path in package.parent.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(listed) == sorted(there - {"__init__", "__main__"})
