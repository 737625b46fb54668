"""The import table of the project, and who may touch files, sockets and the terminal. Falsehood caught: a shortcut."""

import ast
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
    "pki": {"pki.asn1"},
    "pki.objects": {"pki", "pki.asn1"},
    "pki.show": {"pki", "pki.asn1", "pki.objects"},
    "pki.revocation": {"pki", "pki.asn1", "pki.objects"},
    "pki.path": {"pki", "pki.asn1", "pki.objects", "pki.revocation"},
    "pki.cases": {"pki", "pki.asn1"},
    "pki.verifiers": {"pki", "pki.asn1", "pki.objects", "pki.path"},
    "pki.store.ca": {"pki", "pki.objects", "pki.show", "pki.cases"},
    "pki.trust": {"pki", "pki.objects", "pki.store.ca"},
    "pki.publish": {"pki", "pki.revocation"},
    "pki.cli.main": {
        "pki",
        "pki.objects",
        "pki.show",
        "pki.path",
        "pki.cases",
        "pki.verifiers",
        "pki.store.ca",
        "pki.trust",
    },
    "tlsdemo": {"pki", "pki.objects", "pki.show"},
    "tlsdemo.wire": set(),
    "tlsdemo.report": {"pki", "tlsdemo"},
    "tlsdemo.net": {"pki", "pki.publish", "tlsdemo"},
    "tlsdemo.edu": {"pki", "pki.path", "tlsdemo", "tlsdemo.net"},
    "tlsdemo.tls": {"pki", "pki.asn1", "pki.objects", "tlsdemo", "tlsdemo.net", "tlsdemo.wire"},
    "tlsdemo.credentials.folder": {"pki", "pki.cases", "pki.store.ca", "tlsdemo"},
    "tlsdemo.attack": {"pki", "tlsdemo", "tlsdemo.credentials.folder", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.wire"},
    "tlsdemo.compare": {"pki", "tlsdemo", "tlsdemo.report", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.attack"},
    "tlsdemo.lab": {"pki", "pki.asn1", "pki.cases", "pki.revocation", "pki.publish", "pki.store.ca", "pki.trust"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"},
    "tlsdemo.tour.play": {"pki", "pki.objects", "pki.show", "pki.store.ca"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"}
    | {"tlsdemo.credentials.folder", "tlsdemo.attack", "tlsdemo.compare"},
    "tlsdemo.cli.main": {"pki", "pki.objects", "pki.cases", "pki.store.ca", "pki.cli.main"}
    | {"tlsdemo", "tlsdemo.wire", "tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"}
    | {"tlsdemo.credentials.folder", "tlsdemo.attack", "tlsdemo.compare", "tlsdemo.lab", "tlsdemo.tour.play"},
}
STARTS = {"pki": {"pki.cli.main", "pki.path"}, "tlsdemo": {"tlsdemo.cli.main"}}
"""What only `__main__` and the lazy names of `pki` import, upward."""

# The room to which a module belongs that does not lie in it yet.
NOT_YET_MOVED = {
    "pki.asn1": {"pki.asn1.ber", "pki.asn1.der", "pki.asn1.schema"},
    "pki.cases": {"pki.cases"},
    "pki.cli.main": {
        "pki.cli.arguments",
        "pki.cli.main",
        "pki.cli.case_text",
        "pki.cli.inspect",
        "pki.cli.options",
        "pki.cli.rogue",
        "pki.cli.text",
    },
    "pki.objects": {
        "pki.objects.blocks",
        "pki.objects.extensions",
        "pki.objects.foreign",
        "pki.objects.fields",
        "pki.objects.secrecy",
        "pki.objects.signatures",
        "pki.objects.distinguished_names",
        "pki.objects.summary",
        "pki.objects.private_keys",
    },
    "pki.path": {"pki.path.misplaced"},
    "pki.publish": {"pki.publish.accept", "pki.publish.http1", "pki.publish.server"},
    "pki.revocation": {"pki.revocation.responder", "pki.revocation.ocsp_request"},
    "pki.show": {"pki.show.diff", "pki.show.describe", "pki.show.key_numbers", "pki.show.dump", "pki.show.parse"},
    "pki.store.ca": {
        "pki.store.files",
        "pki.store.folder",
        "pki.store.case_files",
        "pki.store.inventory",
        "pki.store.output",
        "pki.store.ca",
        "pki.store.transaction",
    },
    "pki.trust": {"pki.trust.environment"},
    "pki.verifiers": {"pki.verifiers.disagreements", "pki.verifiers.opinions"},
    "tlsdemo.attack": {"tlsdemo.attack.by_server_name", "tlsdemo.attack.conclusions", "tlsdemo.attack.real_world"},
    "tlsdemo.cli.main": {"tlsdemo.cli.main", "tlsdemo.cli", "tlsdemo.cli.lab_app"},
    "tlsdemo.compare": {
        "tlsdemo.compare.benchmark",
        "tlsdemo.compare.page",
        "tlsdemo.compare.story",
        "tlsdemo.compare.protocols",
        "tlsdemo.compare.costs",
    },
    "tlsdemo.credentials.folder": {"tlsdemo.credentials.minted", "tlsdemo.credentials.folder"},
    "tlsdemo.tour.play": {"tlsdemo.tour.scenes", "tlsdemo.tour.play"},
}


SOCKETS = {
    "tlsdemo.net",
    "tlsdemo.tls.server",
    "tlsdemo.tls.client",
    "tlsdemo.tls.plaintext_reply",
    "pki.publish.accept",
    "pki.publish.server",
}
PRINTS = {
    "pki.cli.main", "pki.cli.inspect", "pki.cli.rogue", "pki.console",
    "tlsdemo.cli.main", "tlsdemo.cli", "tlsdemo.tour.play", "tlsdemo.report",
}  # fmt: skip
OPENS_FILES = {
    "pki.store.files", "pki.store.folder", "pki.store.output", "pki.store.ca", "pki.store.transaction",
    "pki.store.inventory", "pki.publish.server", "pki.trust.environment", "pki.cli.main", "pki.console",
    "pki.store.case_files", "pki.cli.inspect", "pki.cli.rogue", "pki.verifiers.opinions", "tlsdemo.net",
    "tlsdemo.credentials.folder", "tlsdemo.tour.play", "tlsdemo.tour.scenes", "tlsdemo.compare.benchmark",
    "tlsdemo.cli.main", "tlsdemo.attack.real_world", "tlsdemo.cli", "tlsdemo.tls.context", "tlsdemo.lab",
}  # fmt: skip
SSL_CONTEXT = {"tlsdemo.tls.context"}
CLI_THIRD_PARTY = {"typer"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") or path.stem


def within(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


def room(module: str) -> str:
    for home, modules in NOT_YET_MOVED.items():
        if within(module, modules):
            return home
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


def test_there_is_one_builder_of_ssl_contexts(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    if name not in SSL_CONTEXT:
        assert not {"ssl.SSLContext", "ssl.create_default_context", "SSLContext"} & set(calls(tree))


def test_clocks_and_randomness_are_injected(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    drawn = {"datetime.now", "time.time", "os.urandom", "secrets.token_bytes", "x509.random_serial_number"}
    assert not drawn & set(calls(tree)) or within(name, OPENS_FILES), "the default belongs to the edge"


def test_the_command_line_starts_with_typer_and_the_standard_library_alone() -> None:
    import sys

    for path in (
        ROOT / "pki/cli/main.py",
        ROOT / "pki/cli/rogue.py",
        ROOT / "pki/console.py",
        ROOT / "tlsdemo/cli/main.py",
        ROOT / "tlsdemo/cli/lab_app.py",
        ROOT / "pki/errors.py",
    ):
        for node in ast.parse(path.read_text()).body:
            for target in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                top = target.split(".")[0]
                light = (
                    "pki.console",
                    "pki.errors",
                    "pki.cli.rogue",
                    "pki.cli.options",
                    "pki.cli.inspect",
                    "tlsdemo.cli.lab_app",
                )
                assert top in sys.stdlib_module_names | CLI_THIRD_PARTY or target.startswith(light), target


def test_every_module_opens_with_what_it_is(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    assert ast.get_docstring(tree), f"{name} has no docstring"
