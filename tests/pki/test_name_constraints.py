"""`--permit` and `--exclude`: what the CA may issue for. Falsehood caught: a constraint that only our code understands.

The verdicts of OpenSSL, GnuTLS and `cryptography` on certificates that an unlimited CA key signed.
"""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pki import keys, name_constraints, names
from pki.authority import Authority, Validity, authority_name
from pki.errors import ExitCode
from pki.keys import KeyType
from pki.names import InvalidName
from pki.path import verify
from pki.path.constraints import objection
from pki.profiles import ROOT, SERVER
from tests.conftest import run, tool
from tests.pki.conftest import Command
from tests.pki.support import first

NOW = datetime.now(UTC).replace(microsecond=0)
VALIDITY = Validity(NOW - timedelta(1), NOW + timedelta(30))
KEY = keys.generate(KeyType.EC_P256)

PERMITS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("test",), ()), (("test", "127.0.0.0/8"), ("bad.test",)), (("127.0.0.1",), ()), (("fd00::/8",), ()),
    (("@a.test",), ()),
    (("a.test", "@.a.test"), ()), ((), ("test",)), ((), ("10.0.0.0/8",)),
]  # fmt: skip
NAMES = [
    "test", "a.test", "bad.test", "x.bad.test", "*.test", "a.example", "127.0.0.1", "10.1.2.3", "::1", "fd00::1",
    "u@a.test", "u@m.a.test", "u@b.test",
]  # fmt: skip


def with_constraints(permit: tuple[str, ...], exclude: tuple[str, ...]) -> Authority:
    """A root with these constraints; its code issues for every name."""
    found = name_constraints.constraints(permit, exclude)
    assert found is not None
    subject = authority_name("Test", "root")
    return Authority.self_signed(
        ROOT, subject=subject, key=KEY, validity=VALIDITY, serial=9, extensions=[(found, True)]
    )


@pytest.mark.parametrize(("permit", "exclude"), PERMITS, ids=str)
def test_openssl_and_we_agree_on_every_name(tmp_path: Path, permit: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    root = with_constraints(permit, exclude)
    limits = root.name_constraints
    assert limits is not None
    (tmp_path / "root.pem").write_bytes(root.credential.chain_pem)
    for number, text in enumerate(NAMES):
        name = names.parse(text)
        leaf = root.issue(SERVER, alternative_names=[name], key=KEY, validity=VALIDITY, serial=number + 1)
        (tmp_path / "leaf.pem").write_bytes(leaf.chain_pem)
        ran = run(tool("openssl"), "verify", "-x509_strict", "-CAfile", tmp_path / "root.pem", tmp_path / "leaf.pem")
        allowed = objection(limits, name) is None
        if text == "*.test" and exclude == ("bad.test",):  # the wildcard covers bad.test; OpenSSL ignores that
            assert not allowed
            continue
        assert (ran.returncode == 0) is allowed, f"{text}: {objection(limits, name)}; {ran.stderr}"
        verdict = verify(leaf.certificate, trust_anchors=[root.certificate], name=None, at=NOW)
        assert verdict.accepted is allowed, text


def test_a_type_without_a_permit_is_closed() -> None:
    limits = name_constraints.constraints(["test"], [])
    assert limits is not None
    closed = (names.parse("127.0.0.1"), names.parse("::1"), names.parse("u@a.test"),
              x509.UniformResourceIdentifier("https://a.test/"))  # fmt: skip
    assert all(objection(limits, name) for name in closed)
    open_ = name_constraints.constraints([], ["test"])
    assert open_ is not None and not any(objection(open_, name) for name in closed)


@pytest.mark.parametrize(
    "text", ["*.test", ".test", "127.0.0.1/8", "300.0.0.0/8", "a b", "", "@", "@*.test", "http://x/"]
)
def test_what_is_no_constraint_is_an_error(text: str) -> None:
    with pytest.raises(InvalidName):
        name_constraints.subtree(text)


@pytest.mark.parametrize(("permit", "exclude"), PERMITS, ids=str)
def test_the_words_name_what_the_verdict_is(permit: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    limits = name_constraints.constraints(permit, exclude)
    assert limits is not None
    verdicts = {objection(limits, name) is None for name in name_constraints.examples(limits)}
    assert verdicts == {True, False}, "the examples show both"
    told = "\n".join(name_constraints.words(limits))
    for kind, word in name_constraints.KINDS.items():
        stated = any(
            isinstance(each, kind)
            for each in itertools.chain(limits.permitted_subtrees or (), limits.excluded_subtrees or ())
        )
        assert (word in told.partition("not constrained: ")[2]) is not stated


def test_init_puts_them_into_root_and_intermediate_and_rogue(tmp_path: Path, cli: Command) -> None:
    folder = tmp_path / "certs"
    answer = cli("init", "shop.test", "--permit", "test", "--dir", folder)
    assert answer.code == 0, answer.err
    for file in ("root.pem", "intermediate.pem", "rogue/ca.pem"):
        extension = first(folder / file).extensions.get_extension_for_class(x509.NameConstraints)
        assert extension.critical and extension.value == name_constraints.constraints(["test"], [])
    for leaf in ("server.pem", "client.pem"):
        ran = run(tool("openssl"), "verify", "-x509_strict", "-CAfile", folder / "root.pem", "-untrusted",
                  folder / "intermediate.pem", folder / leaf)  # fmt: skip
        assert ran.returncode == 0, ran.stderr
    assert names.of_certificate(first(folder / "client.pem")) == (x509.DNSName("client.test"),)


@pytest.mark.parametrize("words", [("init", "--permit", "test"), ("init", "a.example", "--permit", "test"),
                                   ("init", "a.test", "--exclude", "a.test")])  # fmt: skip
def test_names_outside_of_them_are_wrong_usage(tmp_path: Path, cli: Command, words: tuple[str, ...]) -> None:
    answer = cli(*words, "--dir", tmp_path / "certs")
    assert answer.code == ExitCode.USAGE, answer.err
    assert not (tmp_path / "certs" / "root.pem").exists()


def test_issue_and_sign_keep_to_them(tmp_path: Path, cli: Command) -> None:
    folder = tmp_path / "certs"
    cli("init", "shop.test", "--permit", "test", "--dir", folder)
    cli("request", "a.example", "--dir", tmp_path)
    for words in (("issue", "a.example"), ("issue", "a.test", "--san", "1.2.3.4"),
                  ("sign", tmp_path / "a.example.csr", "--copy", "subjectAltName")):  # fmt: skip
        answer = cli(*words, "--dir", folder)
        assert answer.code == ExitCode.USAGE and "do not permit" in answer.err


def test_show_says_in_words_what_is_permitted(tmp_path: Path, cli: Command) -> None:
    cli("init", "shop.test", "--permit", "test", "--dir", tmp_path)
    told = " ".join(cli("show", tmp_path / "root.pem").out.split())
    assert "permitted: the host test and every name below it" in told
    assert "may it issue for test: yes, www.test: yes, test.example: no" in told
