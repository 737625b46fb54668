"""The objects in a file. Falsehood caught: a good object that a bad one hides, text that stops the reader, a format
that is not recognised, work that grows faster than the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import der
from pki.errors import Problem
from pki.objects import blocks, foreign
from pki.objects.blocks import BlockKind
from pki.show import parse
from pki.store.files import read_anchors, read_certificates, read_chain, read_crls
from tests.conftest import run, tool
from tests.pki import encoded
from tests.pki.conftest import Command
from tests.pki.encoded import certificate, crl, exchanged, pem
from tests.pki.support import first
from tests.pki.test_malformed import NAME as UNDERSCORE

GOOD = certificate()
BAD = exchanged(certificate(), "tbsCertificate.subject", UNDERSCORE)
YEAR_0 = exchanged(
    certificate(), "tbsCertificate.validity.notAfter", der.element(der.GENERALIZED_TIME, b"00000101000000Z")
)


def kinds(data: bytes) -> list[BlockKind]:
    return [block.kind for block in blocks.read(data).flat() if not block.problem]


# One unreadable object among good ones ------------------------------------------------------------------------------

DAMAGED = {
    "a name": (pem(BAD), '"_" (X.680 §41.4)'),
    "year 0": (pem(YEAR_0), "has the year 0"),
    "base64": (pem(GOOD).replace(b"MII", b"M*I", 1), 'it contains "*" (RFC 7468 §3)'),
    "base64 cut off": (pem(GOOD).replace(b"MII", b"MI", 1), "RFC 4648 §4"),
    "no end": (pem(GOOD).rpartition(b"-----END")[0], "it has no END line (RFC 7468 §2)"),
    "another end": (pem(GOOD).replace(b"END CERT", b"END CRT"), "names CERTIFICATE, its END line CRTIFICATE"),
    "nothing inside": (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "it is empty"),
    "bytes after it": (pem(GOOD + b"\x05\0"), "bytes after the end of certificate"),
    "cut bytes": (pem(GOOD[:-9]), "X.690 §8.1.3"),
}  # fmt: skip


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("case", DAMAGED)
def test_an_unreadable_certificate_is_left_out_with_its_reason(case: str, order: int, tmp_path: Path) -> None:
    damaged, words = DAMAGED[case]
    parts = [damaged, pem(GOOD)]
    (tmp_path / "bundle.pem").write_bytes(b"".join(parts[::-1] if order else parts))
    remarks: list[str] = []
    found = read_certificates(tmp_path / "bundle.pem", remark=remarks.append)
    assert [each.public_bytes(Encoding.DER) for each in found] == [GOOD]
    assert len(remarks) == 1
    assert words in remarks[0]
    assert "line" in remarks[0]


@pytest.mark.parametrize("case", DAMAGED)
def test_the_certificate_in_question_must_be_readable(case: str, tmp_path: Path) -> None:
    damaged, words = DAMAGED[case]
    (tmp_path / "chain.pem").write_bytes(damaged + pem(GOOD))
    with pytest.raises(Problem) as raised:
        read_chain(tmp_path / "chain.pem")
    assert words in str(raised.value)
    (tmp_path / "chain.pem").write_bytes(pem(GOOD) + damaged)
    assert len(read_chain(tmp_path / "chain.pem", remark=lambda _: None)) == 1


def test_an_unreadable_list_and_an_unreadable_file_of_a_folder_are_left_out(tmp_path: Path) -> None:
    bad = crl(of_entry=encoded.raw("reason", b"\x0a\x01\x07"))
    (tmp_path / "crl.pem").write_bytes(pem(bad, label="X509 CRL") + pem(crl(), label="X509 CRL"))
    remarks: list[str] = []
    assert len(read_crls(tmp_path / "crl.pem", remarks.append)) == 1
    assert "the reason code 7 is not defined (RFC 5280 §5.3.1)" in remarks[0]
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in (("a.pem", pem(BAD)), ("b.pem", pem(GOOD)), ("c.key", b"text"), ("d.pem", b"x" * (2 << 20))):
        (folder / name).write_bytes(data)
    remarks.clear()
    assert len(read_anchors(folder, remark=remarks.append)) == 1
    assert sorted(each.split(" was ignored")[0].rpartition("/")[2] for each in remarks) == ["a.pem", "d.pem"]


def test_verify_accepts_with_a_bad_anchor_and_says_so(certs: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "bundle.pem").write_bytes(pem(BAD) + (certs / "root.pem").read_bytes() + pem(YEAR_0))
    answer = cli("verify", certs / "server.pem", "--trust", tmp_path / "bundle.pem", "--name", "localhost")
    assert answer.code == 0
    assert answer.out.count("was ignored") == 2
    as_json = json.loads(
        cli("verify", certs / "server.pem", "--trust", tmp_path / "bundle.pem", "--name", "localhost", "--json").out
    )
    assert len(as_json["remarks"]) == 2


# Text around blocks (RFC 7468 §2) -----------------------------------------------------------------------------------

AROUND = {
    "attributes of a bag": b"Bag Attributes\n    localKeyID: 01 02\nsubject=/CN=x\n",
    "a comment with a marker": b"# the line -----BEGIN CERTIFICATE----- begins it\n",
    "a comment with both markers": b"see -----BEGIN CERTIFICATE----- and -----END CERTIFICATE----- below\n",
    "text in Latin-1": "Zertifikat f\xfcr M\xfcller\n".encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf",
    "NUL bytes": b"\0\0\0\n",
    "many hyphens": b"-" * 500 + b"\n",
    "an end alone": b"-----END CERTIFICATE-----\n",
}


@pytest.mark.parametrize("case", AROUND)
def test_text_around_a_block_does_not_stop_the_reader(case: str, tmp_path: Path) -> None:
    text = AROUND[case]
    (tmp_path / "one.pem").write_bytes(text + pem(GOOD) + text.removeprefix(b"\xef\xbb\xbf") + pem(GOOD))
    remarks: list[str] = []
    assert len(read_certificates(tmp_path / "one.pem", remark=remarks.append)) == 2
    assert remarks == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"\n", b"\r"),
        lambda text: b"".join(b"    " + line + b"  \n" for line in text.splitlines()),
        lambda text: text.replace(b"\n", b" "),
        lambda text: text.replace(b"-----\nM", b"-----\nX-Comment: a\n\nM"),
        lambda text: text.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
    ],
    ids=["CRLF", "CR", "indented", "one line", "headers", "an old label"],
)
def test_pem_in_another_layout_is_read(change: Callable[[bytes], bytes]) -> None:
    (block,) = blocks.read(change(pem(GOOD))).blocks
    assert (block.kind, block.der, block.problem) == (BlockKind.CERTIFICATE, GOOD, "")


def test_a_wrong_label_is_remarked(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one").write_bytes(pem(crl()))
    answer = cli("show", tmp_path / "one")
    assert "CRL" in answer.out
    assert "the label is CERTIFICATE, but the block contains a CRL" in answer.out


# PKCS #7 and TRUSTED CERTIFICATE ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["library PEM", "library DER", "openssl PEM", "openssl DER", "with a CRL"])
def test_the_certificates_in_pkcs7_are_shown_and_used(form: str, certs: Path, tmp_path: Path, cli: Command) -> None:
    target = tmp_path / "chain.p7b"
    encoding = Encoding.DER if form.endswith("DER") else Encoding.PEM
    if form.startswith("library"):
        chain = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
        target.write_bytes(pkcs7.serialize_certificates(chain, encoding))
    else:
        more = ("-in", certs / "crl.pem") if form == "with a CRL" else ("-nocrl",)
        made = run(
            tool("openssl"), "crl2pkcs7", *more, "-certfile", certs / "server.pem",
            "-outform", form.split()[1] if form.startswith("openssl") else "PEM", "-out", target,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    answer = cli("show", target)
    assert answer.code == 0
    assert "certificate CN=localhost" in answer.out
    assert "two certificates" in answer.out
    judged = cli("verify", target, "--trust", certs / "root.pem", "--name", "localhost")
    assert judged.code == 0, judged.out + judged.err
    if form == "with a CRL":
        assert len(read_crls(target)) == 1


@pytest.mark.parametrize(
    ("options", "row", "code"),
    [
        (("-addtrust", "serverAuth"), "trusted for          server", 0),
        (("-addtrust", "emailProtection"), "trusted for          mail", 3),
        (("-addreject", "serverAuth"), "not trusted for      server", 3),
        (("-addreject", "clientAuth", "-setalias", "mine"), "not trusted for      client", 0),
        (("-addtrust", "anyExtendedKeyUsage"), "trusted for          any", 0),
    ],
)
def test_a_trusted_certificate_is_shown_with_its_purposes_and_used_for_them(
    options: tuple[str, ...], row: str, code: int, certs: Path, tmp_path: Path, cli: Command
) -> None:
    target = tmp_path / "trusted.pem"
    made = run(tool("openssl"), "x509", "-in", certs / "root.pem", "-trustout", *options, "-out", target)
    assert made.returncode == 0, made.stderr
    assert b"BEGIN TRUSTED CERTIFICATE" in target.read_bytes()
    answer = cli("show", target)
    assert row in answer.out
    assert "malformed" not in answer.out
    judged = cli("verify", certs / "server.pem", "--trust", target, "--name", "localhost")
    assert judged.code == code, judged.out + judged.err
    theirs = run(
        tool("openssl"), "verify", "-purpose", "sslserver", "-CAfile", target, "-untrusted", certs / "server.pem",
        certs / "server.pem",
    )  # fmt: skip
    assert (theirs.returncode == 0) is (code == 0), theirs.stderr


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("crl.pem", "file", "it contains a CRL\n  hint: pass it with --crl"),
        ("two.crl", "file", "it contains two CRLs\n  hint: pass them with --crl"),
        ("server.key", "file", "it contains a private key\n  hint: give {certs}/server.pem, which is beside it"),
        ("server.pem", "--crl", "it contains two certificates\n  hint: pass them with --trust, --untrusted or --cert"),
        ("request", "file", "it contains a certificate request\n  hint: a request is not a certificate"),
        ("client.key", "--crl", "it contains a private key\n  hint: give the CRL, not a private key"),
        ("crl.pem", "--trust", "it contains a CRL\n  hint: pass it with --crl"),
    ],
)
def test_a_file_of_another_kind_is_named_with_its_option(
    name: str, option: str, words: str, certs: Path, tmp_path: Path, cli: Command
) -> None:
    file = certs / name
    if name == "two.crl":
        file = tmp_path / name
        file.write_bytes(pem(crl(), crl(), label="X509 CRL"))
    elif name == "request":
        file = tmp_path / name
        file.write_bytes(encoded.request(encoded.raw("any policy", der.integer(1))))
    elif name == "crl.pem":
        file = tmp_path / name
        file.write_bytes(pem(crl(), label="X509 CRL"))
    options = {"--trust": certs / "root.pem"} | ({} if option == "file" else {option: file})
    target = file if option == "file" else certs / "server.pem"
    answer = cli("verify", target, *(word for pair in options.items() for word in pair))
    assert answer.code == 3
    assert words.format(certs=certs) in answer.err


# Other formats ------------------------------------------------------------------------------------------------------


def ssh_key(folder: Path) -> Path:
    run(tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / "ssh")
    return folder / "ssh"


def text(words: str, encoding: str = "utf-8") -> Callable[[Path], bytes]:
    return lambda _: words.encode(encoding)


PEM_TEXT = pem(GOOD).decode()
FOREIGN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "utf-16": (text(PEM_TEXT, "utf-16"), "text in UTF-16"),
    "utf-16-le": (text(PEM_TEXT, "utf-16-le"), "text in UTF-16LE"),
    "utf-16-be": (text(PEM_TEXT, "utf-16-be"), "text in UTF-16BE"),
    "utf-32": (text(PEM_TEXT, "utf-32"), "text in UTF-32"),
    "html": (text("\n<!DOCTYPE html><html><body>404</body></html>"), "an HTML page"),
    "html in capitals": (text("<HTML><BODY>log in</BODY></HTML>"), "an HTML page"),
    "base64": (text("\n".join(PEM_TEXT.splitlines()[1:-1])), "base64 without the BEGIN and END lines of PEM"),
    "hex": (text(GOOD.hex()), "DER in hex"),
    "json": (text(json.dumps({"cert": PEM_TEXT})), r"line ends are written as `\n`"),
    "jwk": (text('{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}'), "a JSON Web Key"),
    "jwk set": (text('{"keys": [{"kty": "EC"}]}'), "a JSON Web Key"),
    "dashes": (text(PEM_TEXT.replace("-----", "\u2014\u2014")), "looks like PEM but is not"),
    "four hyphens": (text(PEM_TEXT.replace("-----", "----")), "looks like PEM but is not"),
    "lower case": (text(PEM_TEXT.lower().replace("-----begin", "----- begin")), "looks like PEM but is not"),
    "putty": (text("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"), "a PuTTY key"),
    "jks": (lambda folder: java_store(folder, "JKS"), "a Java key store (JKS)"),
    "ssh public": (lambda folder: ssh_key(folder).with_suffix(".pub").read_bytes(), "an OpenSSH public key"),
    "openssl's text": (
        text("Certificate:\n    Data:\n        Version: 3 (0x2)\n"),
        "the output of `openssl x509 -text`",
    ),
    "mime": (text("MIME-Version: 1.0\nContent-Type: application/pkcs7-mime\n\nMII"), "a MIME message"),
    "http": (text("HTTP/1.1 200 OK\r\n\r\n"), "an HTTP response"),
    "empty": (text(""), "an empty file"),
    "blank": (text("\n \n"), "a file with only white space"),
    "zip": (lambda _: b"PK\x03\x04" + bytes(40), "a ZIP archive"),
    "gzip": (lambda _: b"\x1f\x8b\x08" + bytes(40), "gzip data"),
    "words": (text("hello, world\n"), "text without PEM"),
}


def java_store(folder: Path, kind: str) -> bytes:
    run(
        tool("keytool"), "-genkeypair", "-alias", "a", "-keyalg", "EC", "-dname", "CN=a", "-storetype", kind,
        "-keystore", folder / "store", "-storepass", "changeit", "-keypass", "changeit",
    )  # fmt: skip
    return (folder / "store").read_bytes()


@pytest.mark.parametrize("case", FOREIGN)
def test_another_format_is_named_by_every_command(case: str, certs: Path, tmp_path: Path, cli: Command) -> None:
    make, words = FOREIGN[case]
    (tmp_path / "one").write_bytes(make(tmp_path))
    for command in (
        ("show", tmp_path / "one"),
        ("show", tmp_path / "one", "--der"),
        ("verify", tmp_path / "one", "--trust", certs / "root.pem"),
        ("verify", certs / "server.pem", "--trust", tmp_path / "one"),
        ("verify", certs / "server.pem", "--trust", certs / "root.pem", "--crl", tmp_path / "one"),
        ("diff", tmp_path / "one", certs / "root.pem"),
    ):
        answer = cli(*command)
        assert answer.code == 3, command
        assert words in answer.err, (command, answer.err)
        assert "hint: " in answer.err


def test_a_key_of_ssh_or_pgp_is_named(tmp_path: Path, certs: Path, cli: Command) -> None:
    pgp = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
    (tmp_path / "pgp").write_bytes(pgp)
    for path, kind in ((ssh_key(tmp_path), "an OpenSSH private key"), (tmp_path / "pgp", "a PGP block")):
        answer = cli("verify", path, "--trust", certs / "root.pem")
        assert answer.code == 3
        assert f"it contains {kind}" in answer.err
        assert "no explanation available" in cli("show", path).out


@given(st.binary(max_size=300))
def test_any_bytes_are_named_or_read_without_an_exception(data: bytes) -> None:
    foreign.what_is(data)
    blocks.read(data)
    list(parse.everything(data))


# Work ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        b"-----BEGIN X-----\n",
        b"-----BEGIN CERTIFICATE-----",
        b"-----END X-----\n",
        b"-----BEGIN X-----\n-----END Y-----\n",
    ],
)
def test_the_blocks_of_a_file_are_found_in_one_pass(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pattern looks at each byte once: its matches do not overlap, and there is one search for a file."""
    passes = []
    pattern = blocks.MARKER

    class Counting:
        def finditer(self, data: bytes) -> object:
            passes.append(len(data))
            return pattern.finditer(data)

    monkeypatch.setattr(blocks, "MARKER", Counting())
    data = unit * (61_000 * 18 // len(unit))
    found = blocks.read(data)
    assert passes in ([len(data)], [])
    assert len(found.blocks) <= blocks.MOST_BLOCKS + 1


def test_many_unfinished_blocks_are_one_line() -> None:
    found = blocks.read(b"-----BEGIN X-----\n" * 61_000)
    assert len(found.blocks) == blocks.MOST_REASONS + 1
    assert "60995 more blocks have no END line" in found.blocks[-1].problem


def test_a_long_list_is_cut_on_the_terminal_and_whole_in_json(tmp_path: Path, cli: Command) -> None:
    many = x509.SubjectAlternativeName([x509.DNSName(f"host-{number}.example.test") for number in range(20_000)])
    (tmp_path / "one").write_bytes(certificate(many))
    shown = cli("show", tmp_path / "one").out
    assert "and 19,980 more" in " ".join(shown.split())
    assert len(shown) < 3_000
    whole = json.loads(cli("show", tmp_path / "one", "--json").out)["objects"][0]["rows"]
    assert any(row["value"].count("DNS:") == 20_000 for row in whole)
    judged = cli("verify", tmp_path / "one", "--trust", tmp_path / "one", "--name", "x.test")
    assert judged.code == 1
    assert len(judged.out) < 6_000


def test_a_long_value_is_cut_on_the_terminal(tmp_path: Path, cli: Command) -> None:
    long = der.sequence(
        der.element(der.SET, der.sequence(der.object_identifier("2.5.4.3"), der.element(0x0C, b"a" * 300_000)))
    )
    (tmp_path / "one").write_bytes(
        exchanged(exchanged(certificate(), "tbsCertificate.subject", long), "tbsCertificate.issuer", long)
    )
    for command in (("show",), ("show", "--der")):
        assert len(cli(command[0], tmp_path / "one", *command[1:]).out) < 8_000
    assert len(cli("verify", tmp_path / "one", "--trust", tmp_path / "one").out) < 8_000
    assert len(cli("diff", tmp_path / "one", tmp_path / "one").out) < 8_000


def test_a_number_of_any_length_is_shown(tmp_path: Path, cli: Command) -> None:
    huge = der.element(2, b"\x7f" * 300_000)
    (tmp_path / "one").write_bytes(
        exchanged(certificate(encoded.raw("any policy", huge)), "tbsCertificate.serialNumber", huge)
    )
    answer = cli("show", tmp_path / "one")
    assert answer.code == 0
    assert "the serial number has 300000 bytes" in " ".join(answer.out.split())


def test_the_certificate_of_a_private_key_file_is_still_found(certs: Path, tmp_path: Path) -> None:
    key = encoded.key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (tmp_path / "both.pem").write_bytes(key + (certs / "server.pem").read_bytes())
    assert read_chain(tmp_path / "both.pem")[0] == first(certs / "server.pem")
