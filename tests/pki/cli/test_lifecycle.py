"""Revoke, renew, rekey, check: the life of a certificate. Falsehood caught: a CRL that forgets, a key that is lost.

OpenSSL judges: it knows nothing of how the folder remembers.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.errors import ExitCode
from pki.keys import KeyType
from pki.store import crls
from tests.conftest import mint, pki, run, tool
from tests.pki.conftest import Command
from tests.pki.support import assert_store_is_healthy, first, issue, snapshot


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder that a test may change."""
    return mint(tmp_path / "certs")


def openssl_accepts(folder: Path, certificate: Path, *more: str) -> tuple[bool, str]:
    """What `openssl verify` makes of a certificate, with its CRLs."""
    anchors = ("-CAfile", folder / "root.pem", "-untrusted", folder / "intermediate.pem")
    ran = run(tool("openssl"), "verify", "-x509_strict", *anchors, "-CRLfile", folder / "crl.pem", *more, certificate)
    return ran.returncode == 0, ran.stdout + ran.stderr


def lists(folder: Path) -> dict[str, tuple[int, dict[int, x509.RevokedCertificate]]]:
    """By issuer: the CRL number and the entries."""
    found = {}
    for pem in (folder / "crl.pem").read_bytes().split(b"-----END X509 CRL-----\n")[:-1]:
        crl = x509.load_pem_x509_crl(pem + b"-----END X509 CRL-----\n")
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        common_name = crl.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        found[str(common_name).rpartition(" ")[2]] = (number, {entry.serial_number: entry for entry in crl})
    return found


# Revoke -------------------------------------------------------------------------------------------------------------


def test_openssl_notices_a_revocation_only_with_crl_check(fresh: Path, cli: Command) -> None:
    assert openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")[0]
    answer = cli("revoke", "server", "--reason", "key-compromise", "--dir", fresh)
    assert answer.code == 0, answer.err
    accepted, words = openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")
    assert not accepted and "certificate revoked" in words
    assert openssl_accepts(fresh, fresh / "server.pem")[0]
    assert openssl_accepts(fresh, fresh / "client.pem", "-crl_check_all")[0]


def test_the_entry_has_time_and_reason_and_the_number_grows(fresh: Path, cli: Command) -> None:
    cli("revoke", "server", "--reason", "superseded", "--dir", fresh)
    cli("revoke", "client", "--dir", fresh)
    number, entries = lists(fresh)["intermediate"]
    server, client = (first(fresh / f"{stem}.pem").serial_number for stem in ("server", "client"))
    assert (number, set(entries)) == (3, {server, client})
    reasons = [entry.extensions for entry in (entries[server], entries[client])]
    assert reasons[0].get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.superseded
    assert len(reasons[1]) == 0, "unspecified is stated by its absence (RFC 5280 §5.3.1)"


def test_an_intermediate_is_revoked_by_the_root(fresh: Path, cli: Command) -> None:
    assert cli("revoke", "intermediate", "--reason", "ca-compromise", "--dir", fresh).code == 0
    assert first(fresh / "intermediate.pem").serial_number in lists(fresh)["root"][1]
    accepted, words = openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")
    assert not accepted and "certificate revoked" in words


@pytest.mark.parametrize("form", ["{:x}", "{:X}", "0x{:x}", "{:040x}"])
def test_a_serial_number_names_a_certificate_that_was_replaced(fresh: Path, cli: Command, form: str) -> None:
    before = first(fresh / "server.pem").serial_number
    cli("renew", "server", "--dir", fresh)
    answer = cli("revoke", form.format(before), "--dir", fresh)
    assert answer.code == 0, answer.err
    assert before in lists(fresh)["intermediate"][1]
    assert openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")[0], "the renewed one is valid"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_name_in_the_certificate_is_enough(fresh: Path, cli: Command, name: str) -> None:
    assert cli("revoke", name, "--dir", fresh).code == 0
    assert first(fresh / "server.pem").serial_number in lists(fresh)["intermediate"][1]


def test_a_name_of_two_certificates_is_not_guessed(fresh: Path, cli: Command) -> None:
    issue(fresh, "a.test", "shared.test")
    issue(fresh, "b.test", "shared.test")
    answer = cli("revoke", "shared.test", "--dir", fresh)
    assert answer.code == ExitCode.USAGE
    assert "a.test.pem" in answer.err and "b.test.pem" in answer.err
    assert lists(fresh)["intermediate"][1] == {}


def test_the_second_revocation_changes_nothing_and_says_so(fresh: Path, cli: Command) -> None:
    cli("revoke", "server", "--reason", "key-compromise", "--dir", fresh)
    before = snapshot(fresh)
    answer = cli("revoke", "server", "--reason", "superseded", "--dir", fresh, "--json")
    assert (answer.code, json.loads(answer.out)["already"], json.loads(answer.out)["reason"]) == (
        0, True, "key-compromise",
    )  # fmt: skip
    assert snapshot(fresh) == before


@pytest.mark.parametrize("target", ["root", "rogue/server.pem", "nowhere.test", "deadbeef"])
def test_what_this_ca_cannot_revoke_is_refused(
    fresh: Path, cli: Command, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh)
    before = snapshot(fresh)
    answer = cli("revoke", target, "--dir", fresh)
    assert answer.code in (ExitCode.NO, ExitCode.CANNOT)
    assert answer.err.startswith("error: ") and "hint: " in answer.err
    assert snapshot(fresh) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(path.read_bytes().partition(b"-----END X509 CRL-----\n")[2]),
        lambda path: path.write_bytes(re.sub(rb"(?m)^(.{30}).", rb"\1A", path.read_bytes())),
    ],
    ids=["missing", "empty", "cut", "one CRL missing", "flipped"],
)
def test_without_its_crls_the_folder_does_not_forget_what_was_revoked(
    fresh: Path, cli: Command, damage: object
) -> None:
    cli("revoke", "server", "--dir", fresh)
    damage(fresh / "crl.pem")  # type: ignore[operator]  # a lambda from the list above
    before = snapshot(fresh)
    for words in (("revoke", "client"), ("crl",)):
        answer = cli(*words, "--dir", fresh)
        assert answer.code == ExitCode.CANNOT
        assert "revoked certificates are not known" in answer.err
        assert "--start-over" in answer.err
        assert snapshot(fresh) == before
    answer = cli("crl", "--start-over", "--dir", fresh)
    assert (answer.code, "valid again" in answer.err) == (0, True)
    assert lists(fresh)["intermediate"][0] > 1_700_000_000, "larger than every number before it"
    assert openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")[0]


def test_an_offline_root_leaves_its_crl_as_it_is(fresh: Path, cli: Command) -> None:
    (fresh / "root.key").unlink()
    before = (fresh / "crl.pem").read_bytes().partition(b"-----END X509 CRL-----\n")[0]
    assert cli("revoke", "server", "--dir", fresh).code == 0
    assert (fresh / "crl.pem").read_bytes().startswith(before)
    answer = cli("revoke", "intermediate", "--dir", fresh)
    assert answer.code == ExitCode.CANNOT and "root.key" in answer.err


def test_twenty_at_once_all_succeed(fresh: Path) -> None:
    for number in range(6):
        issue(fresh, f"old{number}.test")
    commands = [
        *(("revoke", f"old{number}.test") for number in range(4)),
        *(("renew", f"old{number}.test") for number in range(4, 6)),
        *(("rekey", f"old{number}.test") for number in range(4, 6)),
        *(("issue", f"new{number}.test") for number in range(10)),
        *(("crl",) for _ in range(2)),
    ]
    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda words: pki(*words, "--dir", fresh), commands))
    assert [ran.returncode for ran in done] == [0] * 20, [ran.stderr for ran in done if ran.returncode]
    number, entries = lists(fresh)["intermediate"]
    assert set(entries) == {first(fresh / f"old{each}.test.pem").serial_number for each in range(4)}
    assert number == 1 + 4 + 2, "one for each command that wrote a CRL"
    serials = [first(path).serial_number for path in fresh.rglob("*.pem") if path.name != "crl.pem"]
    leaves = list(fresh.glob("*.test.pem"))
    assert len({first(path).serial_number for path in leaves}) == len(leaves) == 16
    assert len(set(serials)) == len(serials)
    assert_store_is_healthy(fresh)


# Renew and rekey ----------------------------------------------------------------------------------------------------


def contents(certificate: x509.Certificate) -> dict[str, object]:
    """What must not change: subject and extensions without key identifiers."""
    left_out = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
    kept = {each.oid.dotted_string: each for each in certificate.extensions if not isinstance(each.value, left_out)}
    return {"subject": certificate.subject, **kept}


@pytest.mark.parametrize("command", ["renew", "rekey"])
@pytest.mark.parametrize("stem", ["server", "client"])
def test_a_renewed_certificate_has_the_same_contents(fresh: Path, cli: Command, command: str, stem: str) -> None:
    path = fresh / f"{stem}.pem"
    before, key = first(path), (fresh / f"{stem}.key").read_bytes()
    answer = cli(command, stem, "--dir", fresh, "--json")
    assert answer.code == 0, answer.err
    after = first(path)
    assert contents(after) == contents(before)
    assert after.serial_number != before.serial_number
    assert json.loads(answer.out)["previous_serial"] == f"{before.serial_number:x}"
    assert (after.public_key() == before.public_key()) is (command == "renew")
    assert ((fresh / f"{stem}.key").read_bytes() == key) is (command == "renew")
    kept = fresh / ".pki" / Path(json.loads(answer.out)["moved_to"]).name
    assert first(kept / f"{stem}.pem") == before
    assert command == "renew" or (kept / f"{stem}.key").read_bytes() == key
    assert openssl_accepts(fresh, path, "-crl_check_all")[0]
    assert_store_is_healthy(fresh)


@pytest.mark.parametrize("key_type", [KeyType.ED25519, KeyType.RSA_2048, KeyType.EC_P384])
def test_rekey_keeps_the_type_of_the_key(fresh: Path, cli: Command, key_type: KeyType) -> None:
    issue(fresh, "a.test", key_type=key_type)
    before = first(fresh / "a.test.pem").public_key()
    assert cli("rekey", "a.test", "--dir", fresh).code == 0
    after = first(fresh / "a.test.pem").public_key()
    assert type(after) is type(before) and after != before
    assert getattr(after, "key_size", 0) == getattr(before, "key_size", 0)


def test_a_revoked_key_is_not_certified_again(fresh: Path, cli: Command) -> None:
    cli("revoke", "server", "--reason", "key-compromise", "--dir", fresh)
    before = snapshot(fresh)
    answer = cli("renew", "server", "--dir", fresh)
    assert (answer.code, snapshot(fresh)) == (ExitCode.NO, before)
    assert "pki rekey server" in answer.err
    answer = cli("rekey", "server", "--dir", fresh)
    assert answer.code == 0 and "is revoked" in answer.out
    assert openssl_accepts(fresh, fresh / "server.pem", "-crl_check_all")[0]


def test_an_encrypted_key_is_renewed_without_its_passphrase_and_rekeyed_with_it(
    fresh: Path, cli: Command, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    (tmp_path / "secret").chmod(0o600)
    file = ("--passphrase-file", tmp_path / "secret")
    assert cli("issue", "a.test", "--encrypt", *file, "--dir", fresh).code == 0
    assert b"ENCRYPTED" in (fresh / "a.test.key").read_bytes()
    assert cli("renew", "a.test", "--dir", fresh).code == 0
    refused = cli("rekey", "a.test", "--dir", fresh)
    assert refused.code == ExitCode.CANNOT and "passphrase" in refused.err
    assert cli("rekey", "a.test", *file, "--dir", fresh).code == 0
    key = load_pem_private_key((fresh / "a.test.key").read_bytes(), b"correct horse")
    assert key.public_key() == first(fresh / "a.test.pem").public_key()


@pytest.mark.parametrize("target", ["root", "intermediate", "rogue/server.pem", "nowhere.test"])
def test_what_cannot_be_renewed_is_refused(
    fresh: Path, cli: Command, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh)
    before = snapshot(fresh)
    for command in ("renew", "rekey"):
        answer = cli(command, target, "--dir", fresh)
        assert answer.code in (ExitCode.NO, ExitCode.CANNOT), answer.out
        assert snapshot(fresh) == before


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x")], ids=["no", "bad"])
def test_without_its_crls_nothing_is_renewed(fresh: Path, cli: Command, damage: object) -> None:
    cli("revoke", "server", "--reason", "key-compromise", "--dir", fresh)
    damage(fresh / "crl.pem")  # type: ignore[operator]  # a lambda from the list above
    before = snapshot(fresh)
    answer = cli("renew", "server", "--dir", fresh)
    assert (answer.code, snapshot(fresh)) == (ExitCode.CANNOT, before)
    listed = json.loads(cli("list", "--dir", fresh, "--json").out)["certificates"]
    assert {each["status"] for each in listed} == {"revocation unknown", "untrusted"}


def test_a_compromised_key_is_followed_to_its_other_certificates(fresh: Path, cli: Command) -> None:
    issue(fresh, "a.test")
    before = first(fresh / "a.test.pem").serial_number
    cli("renew", "a.test", "--dir", fresh)
    assert cli("issue", "b.test", "--key", fresh / "a.test.key", "--dir", fresh).code == 0
    answer = cli("revoke", "a.test", "--reason", "key-compromise", "--dir", fresh, "--json")
    assert set(json.loads(answer.out)["same_key"]) == {
        f"{before:x}", f"{first(fresh / 'b.test.pem').serial_number:x}",
    }  # fmt: skip


def test_an_own_key_stays_where_it_is(fresh: Path, cli: Command) -> None:
    assert cli("request", "a.test", "--dir", fresh).code == 0
    key = (fresh / "a.test.key").read_bytes()
    refused = cli("issue", "a.test", "--dir", fresh)
    assert refused.code == ExitCode.NO and "--key" in refused.err
    assert cli("issue", "a.test", "--key", fresh / "a.test.key", "--dir", fresh).code == 0
    assert cli("issue", "a.test", "--key", fresh / "a.test.key", "--force", "--dir", fresh).code == 0
    assert (fresh / "a.test.key").read_bytes() == key
    for key_of_a_ca in ("root.key", "intermediate.key"):
        assert cli("issue", "b.test", "--key", fresh / key_of_a_ca, "--dir", fresh).code == ExitCode.NO


def test_a_new_type_of_key_has_its_own_usage(fresh: Path, cli: Command) -> None:
    issue(fresh, "a.test", key_type=KeyType.RSA_2048)
    assert cli("rekey", "a.test", "--key-type", "ec-p256", "--dir", fresh).code == 0
    usage = first(fresh / "a.test.pem").extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_encipherment


@pytest.mark.parametrize("serial", ["0000000000000000", "f" * 60, "0x" + "9" * 41])
def test_an_impossible_serial_number_is_wrong_usage(fresh: Path, cli: Command, serial: str) -> None:
    answer = cli("revoke", serial, "--dir", fresh)
    assert answer.code == ExitCode.USAGE and answer.err.startswith("error: ")


# Check and list -----------------------------------------------------------------------------------------------------


def test_a_fresh_folder_has_nothing_to_mend(fresh: Path, cli: Command) -> None:
    answer = cli("check", "--dir", fresh, "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["faults"]) == (0, [])
    assert told["first_end"]["file"] == "server.pem"


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        (lambda folder, cli: cli("issue", "a.test", "--days", "3", "--dir", folder), "a.test.pem", "ends on"),
        (lambda folder, cli: cli("issue", "a.test", "--not-after", "-1d", "--dir", folder), "a.test.pem", "expired on"),
        (lambda folder, cli: cli("issue", "a.test", "--not-before", "2d", "--dir", folder), "a.test.pem", "not valid"),
        (lambda folder, cli: cli("revoke", "client", "--dir", folder), "client.pem", "is revoked"),
        (lambda folder, cli: cli("crl", "--days", "2", "--dir", folder), "crl.pem", "a CRL ends on"),
        (lambda folder, cli: (folder / "crl.pem").unlink(), "crl.pem", "is missing"),
        (lambda folder, cli: (folder / "intermediate.key").unlink(), "intermediate.key", "cannot issue"),
        (
            lambda folder, cli: (folder / "server.key").write_bytes((folder / "client.key").read_bytes()),
            "server.key", "does not belong to server.pem",
        ),
        (
            lambda folder, cli: (folder / "server.pem").write_bytes((folder / "rogue/server.pem").read_bytes()),
            "server.pem", "is refused",
        ),
        (
            lambda folder, cli: (folder / "server.pem").write_bytes(
                (folder / "server.pem").read_bytes().partition(b"-----END CERTIFICATE-----\n")[0]
                + b"-----END CERTIFICATE-----\n"
            ),
            "server.pem", "is refused",
        ),
        (lambda folder, cli: (folder / "client.pem").write_bytes(b"garbage"), "client.pem", "contains no certificate"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_file(fresh: Path, cli: Command, change: object, file: str, words: str) -> None:
    change(fresh, cli)  # type: ignore[operator]  # a lambda from the list above
    answer = cli("check", "--dir", fresh, "--json")
    faults = {each["file"]: each["reason"] for each in json.loads(answer.out)["faults"]}
    assert answer.code == ExitCode.NO
    assert words in faults[file], faults


def test_list_selects_what_expires(fresh: Path, cli: Command) -> None:
    cli("issue", "a.test", "--days", "3", "--dir", fresh)
    answer = cli("list", "--expires-in", "5d", "--dir", fresh, "--json")
    assert [each["file"] for each in json.loads(answer.out)["certificates"]] == ["a.test.pem"]
    for bad in ("5", "-5d", "5y", "d", "99999999d"):
        answer = cli("list", "--expires-in", bad, "--dir", fresh)
        assert answer.code == (0 if bad == "5" else ExitCode.USAGE)


# Issue --------------------------------------------------------------------------------------------------------------


def test_every_reason_of_the_option_is_one_of_the_store() -> None:
    from pki.cli.lifecycle import ReasonName

    assert [each.value for each in ReasonName] == list(crls.REASONS)


def test_one_bad_line_of_a_file_issues_nothing(fresh: Path, cli: Command, tmp_path: Path) -> None:
    before = snapshot(fresh)
    for text, word in (
        ("a.test\nb_.test\n", "line 2"),
        ("a.test\na.test x.test\n", "first name of two"),
        ("#\n", "no names"),
    ):
        (tmp_path / "list").write_text(text)
        answer = cli("issue", "--from-file", tmp_path / "list", "--dir", fresh)
        assert answer.code in (ExitCode.USAGE, ExitCode.CANNOT) and word in answer.err, answer.err
        assert snapshot(fresh) == before
    (tmp_path / "list").write_text("a.test www.a.test  # two names\n\n*.b.test\n")
    assert cli("issue", "--from-file", tmp_path / "list", "--dir", fresh).code == 0
    assert openssl_accepts(fresh, fresh / "a.test.pem", "-verify_hostname", "www.a.test")[0]
    assert openssl_accepts(fresh, fresh / "_wildcard.b.test.pem", "-verify_hostname", "x.b.test")[0]


def test_an_existing_key_is_certified_and_not_copied(fresh: Path, cli: Command, tmp_path: Path) -> None:
    key = tmp_path / "own.key"
    run(tool("openssl"), "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
    assert cli("issue", "a.test", "--key", key, "--dir", fresh).code == 0
    assert not (fresh / "a.test.key").exists()
    assert load_pem_private_key(key.read_bytes(), None).public_key() == first(fresh / "a.test.pem").public_key()


@pytest.mark.parametrize(
    ("options", "begin", "end"),
    [
        (("--not-before", "2026-01-02", "--not-after", "2026-01-03T04:05:06Z"), "2026-01-02", "2026-01-03"),
        (("--not-after", "2020-05-05"), "2020-02-05", "2020-05-05"),
        (("--not-before", "2027-01-01", "--days", "2"), "2027-01-01", "2027-01-03"),
    ],
)
def test_the_dates_may_be_in_the_past(
    fresh: Path, cli: Command, options: tuple[str, ...], begin: str, end: str
) -> None:
    answer = cli("issue", "a.test", *options, "--subject", "CN=x,O=Ö", "--dir", fresh)
    assert answer.code == 0, answer.err
    made = first(fresh / "a.test.pem")
    assert (f"{made.not_valid_before_utc:%Y-%m-%d}", f"{made.not_valid_after_utc:%Y-%m-%d}") == (begin, end)
    assert made.subject.rfc4514_string() == "CN=x,O=Ö"


@pytest.mark.parametrize(
    "options",
    [
        ("--days", "3", "--not-after", "2027-01-01"), ("--not-before", "2027-01-02", "--not-after", "2027-01-01"),
        ("--not-before", "2060-01-01"), ("--not-after", "soon"), ("--subject", "x"), ("--passphrase-file", "x"),
        ("--revocation-url", "ftp://x/"), ("--revocation-url", "x"), ("--revocation-url", "http://[::1"),
        ("--revocation-url", "http://a b/"), ("--revocation-url", "http://a:99999/"), ("--not-after", "1900-01-02"),
        ("--not-after", "0001-01-02"), ("--not-before", "9999-12-31"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_wrong_usage(fresh: Path, cli: Command, options: tuple[str, ...]) -> None:
    before = snapshot(fresh)
    answer = cli("issue", "a.test", *options, "--dir", fresh)
    assert answer.code == ExitCode.USAGE, answer.err
    assert answer.err.startswith("error: ") and snapshot(fresh) == before


def test_a_long_validity_has_a_remark(fresh: Path, cli: Command) -> None:
    assert "at most 825" in cli("issue", "a.test", "--days", "826", "--dir", fresh).err
    assert cli("issue", "b.test", "--days", "824", "--dir", fresh).err == ""
    assert cli("issue", "c.test", "--client", "--days", "999", "--dir", fresh).err == ""
