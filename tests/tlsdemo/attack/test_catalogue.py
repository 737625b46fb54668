"""How the attacks are written. Falsehood caught: an attacker who knows whom he faces; a weakness that nothing shows."""

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import tlsdemo.attack
from tlsdemo.attack import impostor, interceptor, negotiation, passive, tampering
from tlsdemo.attack.catalogue import ATTACKS, BY_ID
from tlsdemo.edu import weak
from tlsdemo.protocol import Hooks, Protection
from tlsdemo.tls13 import weak as weak13

FOLDER = Path(tlsdemo.attack.__file__).parent
ATTACKERS = [Path(str(each.__file__)) for each in (impostor, interceptor, negotiation, passive, tampering)]


@pytest.mark.parametrize("path", ATTACKERS, ids=lambda path: path.stem)
def test_no_attack_asks_which_protocol_it_faces(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"claims", "family", "key_type"}
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith(("tlsdemo.edu", "tlsdemo.tls", "ssl"))]
    assert "Protection" not in path.read_text()


@pytest.mark.parametrize("package", [weak, weak13], ids=lambda package: package.__name__)
@pytest.mark.parametrize("protection", Protection, ids=lambda protection: protection.name)
def test_the_weak_part_names_an_attack_that_shows_it(protection: Protection, package: ModuleType) -> None:
    module = Path(inspect.getsourcefile(package.WEAK[protection]) or "")
    named = set(re.findall(r"`([a-z-]+)`", ast.get_docstring(ast.parse(module.read_text())) or ""))
    shown = {attack.id for attack in ATTACKS if protection in attack.stopped_by}
    assert named & shown, f"{module.name} names {named & set(BY_ID)}, and {shown} would show it"


@pytest.mark.parametrize("package", [weak, weak13], ids=lambda package: package.__name__)
def test_every_attack_that_a_weak_part_names_is_there(package: ModuleType) -> None:
    for module in Path(str(package.__file__)).parent.glob("*.py"):
        text = ast.get_docstring(ast.parse(module.read_text())) or ""
        for sentence in re.findall(r"attacks?: ([^)]*)\)", text):
            assert set(re.findall(r"`([a-z-]+)`", sentence)) <= set(BY_ID), module.name


def test_every_attack_has_an_id_a_sentence_and_a_class_of_rfc_3552() -> None:
    assert len(BY_ID) == len(ATTACKS)
    for attack in ATTACKS:
        assert re.fullmatch("[a-z]+(-[a-z]+)*", attack.id)
        assert attack.sentence.endswith((".", "2002).", "2012).")), attack.id
        assert "RFC 3552" in attack.threat


def test_what_an_attack_needs_is_a_hook() -> None:
    for attack in ATTACKS:
        assert set(attack.needs) <= set(Hooks.__dataclass_fields__)


def test_exactly_those_that_no_channel_stops_have_nothing_that_stops_them() -> None:
    assert [a.id for a in ATTACKS if not a.stopped_by] == ["stolen-key", "stolen-ca", "installed-root"]
    covered = {protection for attack in ATTACKS for protection in attack.stopped_by}
    assert covered == set(Protection)
