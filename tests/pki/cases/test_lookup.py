"""One lookup for every command that takes a case. Falsehood caught: a name that is listed and cannot be found."""

import pytest

from pki.cases import CATALOGUE, find
from pki.cases.lookup import by_any_name
from pki.cases.lookup import find as find_in
from pki.errors import ExitCode, Problem


@pytest.mark.parametrize("case", CATALOGUE)
def test_a_case_is_found_by_its_id_and_by_each_alias(case: str) -> None:
    assert find(case) is CATALOGUE[case]
    for alias in CATALOGUE[case].aliases:
        assert find(alias) is (CATALOGUE.get(alias) or CATALOGUE[case])


def test_an_alias_does_not_hide_the_id_of_another_case() -> None:
    assert "untrusted-root" in CATALOGUE["untrusted-root-sent"].aliases
    assert find("untrusted-root") is CATALOGUE["untrusted-root"]
    for cases in (CATALOGUE.values(), reversed(CATALOGUE.values())):
        assert by_any_name(cases)["untrusted-root"] is CATALOGUE["untrusted-root"]


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("exprired", "expired"), ("EXPIRED", "expired"), ("sha25", "sha256"), ("selfsigned", "self-signed"),
        ("the wrong-host case", "wrong-host"),
    ],
)  # fmt: skip
def test_similar_names_are_hinted_at(text: str, alike: str) -> None:
    with pytest.raises(Problem, match="unknown test certificate") as problem:
        find(text)
    assert problem.value.code is ExitCode.USAGE
    assert problem.value.hint is not None
    assert problem.value.hint.startswith(f"did you mean {alike}")
    assert problem.value.hint.endswith("? `pki rogue list` lists all")


@pytest.mark.parametrize("text", ["", "zzz", "\0", "é" * 5000, " "])
def test_nothing_is_hinted_at_where_nothing_is_similar(text: str) -> None:
    with pytest.raises(Problem) as problem:
        find(text)
    assert problem.value.hint == "`pki rogue list` lists all"


def test_the_message_says_what_was_looked_for_and_what_lists_it() -> None:
    with pytest.raises(Problem, match="unknown case 'zzz'") as problem:
        find_in("zzz", CATALOGUE.values(), kind="case", listing="list it")
    assert problem.value.hint == "`list it` lists all"
