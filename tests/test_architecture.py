"""The import table of the project, and who may touch files, sockets and the terminal. Falsehood caught: a shortcut."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("pki", "tlsdemo") for path in (ROOT / package).rglob("*.py"))

# A layer may import the layers named after it, and whatever is in the same layer.
BASE = {
    "pki",
    "tlsdemo.first_bytes",
    "tlsdemo.peer",
    "tlsdemo.protocol",
    "tlsdemo.conversation",
    "tlsdemo.events",
    "tlsdemo.talk",
    "tlsdemo.wire",
}
BELOW_THE_EDGE = BASE | {"tlsdemo.report", "tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls", "tlsdemo.attack"}
IMPORTS: dict[str, set[str]] = {
    "pki": set(),
    "tlsdemo.__init__": set(),
    "tlsdemo.protocol": {"pki"},
    "tlsdemo.first_bytes": set(),
    "tlsdemo.peer": {"pki"},
    "tlsdemo.conversation": {"tlsdemo.protocol"},
    "tlsdemo.wire": set(),
    "tlsdemo.talk": {"tlsdemo.events", "tlsdemo.peer", "tlsdemo.protocol"},
    "tlsdemo.events": {"tlsdemo.protocol"},
    "tlsdemo.findings": set(),
    "tlsdemo.report": {"tlsdemo.peer", "tlsdemo.protocol", "tlsdemo.events", "tlsdemo.findings", "pki"},
    "tlsdemo.net": {"tlsdemo.protocol", "tlsdemo.conversation", "tlsdemo.wire", "pki"},
    "tlsdemo.edu": BASE - {"tlsdemo.wire"} | {"tlsdemo.net"},
    "tlsdemo.tls": BASE | {"tlsdemo.net"},
    "tlsdemo.credentials": {"pki", "tlsdemo.peer"},
    "tlsdemo.bench": BELOW_THE_EDGE,
    "tlsdemo.worlds": {"pki", "tlsdemo.attack"},
    "tlsdemo.comparison": {"tlsdemo.protocol", "tlsdemo.edu", "tlsdemo.tls"},
    "tlsdemo.prices": {"tlsdemo.protocol", "tlsdemo.conversation", "tlsdemo.bench", "tlsdemo.worlds"},
    "tlsdemo.attack": BASE | {"tlsdemo.net", "tlsdemo.edu", "tlsdemo.tls"},
    "tlsdemo.lab": BELOW_THE_EDGE | {"tlsdemo.findings"},
    "tlsdemo.scenes": BELOW_THE_EDGE | {"tlsdemo.bench", "tlsdemo.credentials", "tlsdemo.worlds"},
    "tlsdemo.tour": BELOW_THE_EDGE | {"tlsdemo.bench", "tlsdemo.scenes", "tlsdemo.worlds"},
    "tlsdemo.commands": BELOW_THE_EDGE
    | {"tlsdemo.bench", "tlsdemo.credentials", "tlsdemo.lab", "tlsdemo.worlds", "tlsdemo.comparison", "tlsdemo.prices"}
    | {"tlsdemo.findings"},
    "tlsdemo.lab_cli": {"pki", "tlsdemo.commands"},
    "tlsdemo.cli": BELOW_THE_EDGE
    | {"tlsdemo.bench", "tlsdemo.lab", "tlsdemo.tour", "tlsdemo.commands", "tlsdemo.lab_cli"},
    "tlsdemo.__main__": {"tlsdemo.cli", "pki"},
}

SOCKETS = {"tlsdemo.net", "tlsdemo.tls.server", "tlsdemo.tls.client", "tlsdemo.tls.evidence", "pki.accept", "pki.serve"}
PRINTS = {
    "pki.cli", "pki.looking", "pki.rogue_cli", "pki.console",
    "tlsdemo.cli", "tlsdemo.commands", "tlsdemo.tour", "tlsdemo.report",
}  # fmt: skip
OPENS_FILES = {
    "pki.files", "pki.folder", "pki.output", "pki.store", "pki.transaction", "pki.inventory", "pki.serve", "pki.export",
    "pki.cli", "pki.console",
    "pki.gallery", "pki.looking", "pki.rogue_cli", "pki.engines", "tlsdemo.net", "tlsdemo.credentials", "tlsdemo.tour",
    "tlsdemo.scenes", "tlsdemo.bench", "tlsdemo.cli", "tlsdemo.worlds", "tlsdemo.commands", "tlsdemo.tls.context",
    "tlsdemo.lab",
}  # fmt: skip
SSL_CONTEXT = {"tlsdemo.tls.context"}
CLI_THIRD_PARTY = {"typer"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") or path.stem


def layer(module: str) -> str:
    if module.split(".")[0] == "pki":
        return "pki"
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 else "tlsdemo.__init__"


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


def within(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


@pytest.fixture(params=MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def module(request: pytest.FixtureRequest) -> tuple[str, ast.Module, str]:
    text = request.param.read_text()
    return name_of(request.param), ast.parse(text), text


def test_imports_go_downward(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    for target in imports(tree):
        if target.split(".")[0] in ("pki", "tlsdemo") and target not in ("pki", "tlsdemo"):
            assert layer(target) in IMPORTS[layer(name)] | {layer(name)}, f"{name} may not import {target}"


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
        ROOT / "pki/cli.py",
        ROOT / "pki/rogue_cli.py",
        ROOT / "pki/console.py",
        ROOT / "tlsdemo/cli.py",
        ROOT / "tlsdemo/lab_cli.py",
        ROOT / "pki/errors.py",
    ):
        for node in ast.parse(path.read_text()).body:
            for target in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                top = target.split(".")[0]
                light = ("pki.console", "pki.errors", "pki.rogue_cli", "pki.options", "pki.looking", "tlsdemo.lab_cli")
                assert top in sys.stdlib_module_names | CLI_THIRD_PARTY or target.startswith(light), target


def test_every_module_opens_with_what_it_is(module: tuple[str, ast.Module, str]) -> None:
    name, tree, _ = module
    assert ast.get_docstring(tree), f"{name} has no docstring"
