"""The cases of the lab as data, and what is minted when. Falsehood caught: a case is minted that was not chosen."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from pki.authority import Authority
from pki.cases import CATALOGUE, CaseBuilder, Must, Served, Severity
from tests.conftest import Command, tool
from tlsdemo import net
from tlsdemo.findings import GOOD, UNKNOWN_CA
from tlsdemo.lab import catalogue, client_certificate_cases, misbehaving_cases, protocol_cases, revocation_cases
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Controls, Declaration, Family, OpenedCase, ServedBy, declared_in, on_own_port
from tlsdemo.lab.catalogue import CASES, chosen, find
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.server import BY_NAME, INDEX

Counts = Counter[str]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """How often a server's chain is minted, a certificate issued otherwise, a root made, and a port bound."""
    found = Counts()

    def serve(builder: CaseBuilder, **changes: object) -> Served:
        found["chains"] += 1
        return original_serve(builder, **changes)  # type: ignore[arg-type]  # passed on as it is

    def listen_each(count: int, base: int) -> list[net.Listener]:
        found["ports"] += count
        return original_listen(count, base)

    def counted(kind: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **keywords: object) -> object:
            found[kind] += 1
            return method(*args, **keywords)

        return call

    original_serve, original_listen = CaseBuilder.serve, net.listen_each
    monkeypatch.setattr(CaseBuilder, "serve", serve)
    monkeypatch.setattr(net, "listen_each", listen_each)
    monkeypatch.setattr(Authority, "issue", counted("issued", Authority.issue))
    monkeypatch.setattr(Authority, "crl", counted("crls", Authority.crl))
    yield found


def opened(*names: str, controls: Controls = Controls.LEFT_OUT) -> list[str]:
    """The ids of what is on a port, and of the controls."""
    with laboratory(chosen(names), controls=controls) as lab:
        return [each for each in lab.ports if each not in (INDEX, BY_NAME)]


# What is minted -------------------------------------------------------------------------------------------------------


def test_importing_and_finding_mint_nothing(counts: Counts) -> None:
    assert [find(case) for case in CASES] == list(CASES.values())
    assert find("wrong.host") is CASES["wrong-host"]
    assert not counts


def test_an_opened_case_is_minted_and_no_other(counts: Counts) -> None:
    assert opened("expired") == ["expired"]
    assert counts == {"chains": 2, "ports": 3}, "it, and the certificate of the index and of the port by name"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["expired", "wrong.host"], {"chains": 3, "ports": 4}),
        (["list-revoked"], {"chains": 2, "crls": 1, "ports": 3}),
        (["revoked"], {"chains": 2, "crls": 1, "ports": 3}),
        (["rc4", "cbc", "garbage"], {"chains": 2}),
        (["garbage"], {"chains": 1, "ports": 3}),
        (["goto-fail", "finished-wrong"], {"chains": 1, "ports": 4}),
        (["certificate-verify-pkcs1"], {"chains": 2, "ports": 3}),
        (["client"], {"chains": 1, "issued": 5, "crls": 1, "ports": 3}),
        (["client-cert-not-revoked"], {"chains": 1, "ports": 3}),
        (["self-signed"], {"chains": 1, "ports": 3}),
    ],
)
def test_each_family_mints_what_its_cases_need(counts: Counts, names: list[str], expected: dict[str, int]) -> None:
    opened(*names)
    assert {kind: counts[kind] for kind in expected} == expected
    assert set(counts) <= {*expected, "ports"}


def test_a_control_is_minted_only_where_controls_are_served(counts: Counts) -> None:
    assert opened("expired", "good", controls=Controls.SERVED) == ["good", "expired", "expired.control"]
    assert counts == {"chains": 4, "ports": 5}


def test_the_control_of_a_handshake_needs_no_certificate_of_its_own(counts: Counts) -> None:
    assert opened("goto-fail", controls=Controls.SERVED) == [
        "certificate-verify-other-key", "certificate-verify-other-key.control",
    ]  # fmt: skip
    assert counts == {"chains": 1, "ports": 4}


@pytest.mark.parametrize(
    ("options", "chains", "ports"), [((), 4, 5), (("--controls",), 5, 7)], ids=["plain", "with controls"]
)
def test_check_client_mints_the_case_and_what_a_verdict_needs(
    counts: Counts, cli: Command, options: tuple[str, ...], chains: int, ports: int
) -> None:
    answer = cli("check-client", "--case", "expired", "--json", *options, "--", tool("curl"), "-sS", "{url}")
    assert answer.code == 0, answer.err
    found = [each["case"] for each in json.loads(answer.out)["findings"]]
    assert found == [GOOD, "expired", UNKNOWN_CA]
    assert counts == {"chains": chains, "ports": ports}, "the control of untrusted-root is the same chain"


def test_a_client_that_is_given_a_certificate_has_one(counts: Counts, cli: Command) -> None:
    command = (tool("curl"), "-sS", "--cert", "{client_cert}", "--key", "{client_key}", "{url}")
    answer = cli("check-client", "--case", "client", "--json", "--", *command)
    findings = {each["case"]: each["verdict"] for each in json.loads(answer.out)["findings"]}
    assert findings["client-cert-required"] == "accepted", answer.out
    assert counts["issued"] == 5


def test_an_unknown_case_is_refused_before_anything_is_minted(counts: Counts, cli: Command) -> None:
    for command in (
        ("lab", "--only", "expird"),
        ("check-client", "--case", "expird", "--", tool("curl"), "{url}"),
        ("check-client", "--except", "expird", "--", tool("curl"), "{url}"),
    ):
        assert cli(*command).code == 2
    assert not counts


# The catalogue --------------------------------------------------------------------------------------------------------


def test_the_catalogue_is_all_families_in_order() -> None:
    families = [each.family for each in CASES.values()]
    assert families == sorted(families, key=list(Family).index)
    assert set(families) == set(Family)
    assert {each for each in CASES.values() if each.served_by is ServedBy.TLS13} == set(declared_in(misbehaving_cases))
    assert [each.id for each in CASES.values() if each.family is Family.CERTIFICATE] == list(CATALOGUE)
    modules = (revocation_cases, protocol_cases, misbehaving_cases, client_certificate_cases)
    assert len(CASES) == len(CATALOGUE) + sum(len(declared_in(each)) for each in modules)


def test_the_words_of_a_test_certificate_are_those_of_its_declaration() -> None:
    for case, declared in CATALOGUE.items():
        words = CASES[case]
        assert (words.id, words.aliases, words.theme, words.story) == (
            case, declared.aliases, declared.theme, declared.story
        )  # fmt: skip
        assert (words.must, words.severity) == (declared.must.value, declared.severity.value)


def test_the_chosen_are_in_the_order_of_the_catalogue_and_nothing_twice() -> None:
    assert [each.id for each in chosen(["wrong.host", "good", "wrong-host"])] == ["good", "wrong-host"]
    assert chosen([]) == list(catalogue.CASES.values())


def test_a_function_without_a_docstring_is_misuse() -> None:
    def make(body: Callable[[], None], case: Case, ca: LabCA) -> OpenedCase:
        return on_own_port(case, lambda: NotImplemented)

    def mute() -> None: ...

    declaration = Declaration[Callable[[], None]](Family.PROTOCOL, "protocol", make)
    with pytest.raises(ValueError, match="mute has no docstring"):
        declaration("RFC 8446 §6", Severity.MUST, must=Must.ACCEPT)(mute)
