"""Recognise a file that is neither PEM nor DER by its bytes, before any parser runs.

bytes -> Foreign (what it is, what to do)         None if the bytes could be PEM or DER
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass


@dataclass(frozen=True)
class Foreign:
    """Another format: what it is, to follow "this is", and what to do."""

    what: str
    hint: str


UTF16 = "PEM is ASCII (RFC 7468 §3); convert it with `iconv -f {} -t UTF-8`"
KEYTOOL = "export PEM with `keytool -exportcert -rfc -keystore FILE -alias NAME`"
SSH = "an SSH key is not a certificate; convert it with `ssh-keygen -e -m PKCS8 -f FILE`"
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\xfe\xed\xfe\xed", "a Java key store (JKS)", KEYTOOL),
    (b"\xce\xce\xce\xce", "a Java key store (JCEKS)", KEYTOOL),
    (b"PuTTY-User-Key-File-", "a PuTTY key", "it is for SSH, not TLS; `puttygen FILE -O private-openssh` converts it"),
    (b"ssh-", "an OpenSSH public key", SSH),
    (b"ecdsa-sha2-", "an OpenSSH public key", SSH),
    (b"sk-ssh-", "an OpenSSH public key", "an SSH key is not a certificate"),
    (b"sk-ecdsa-", "an OpenSSH public key", "an SSH key is not a certificate"),
    (b"---- BEGIN SSH2", "an SSH2 public key (RFC 4716)", SSH),
    (b"%PDF", "a PDF document", "give the certificate itself, in PEM or DER"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"\x1f\x8b", "gzip data", "decompress it with `gunzip` first"),
    (b"BZh", "bzip2 data", "decompress it first"),
    (b"\xfd7zXZ", "xz data", "decompress it first"),
    (b"(\xb5/\xfd", "zstd data", "decompress it first"),
    (b"\x7fELF", "a program", "give a certificate, in PEM or DER"),
    (b"\x89PNG", "a PNG image", "give a certificate, in PEM or DER"),
    (b"\xff\xd8\xff", "a JPEG image", "give a certificate, in PEM or DER"),
    (b"SQLite format 3\0", "an SQLite database, possibly of NSS", "export PEM with `certutil -L -d FOLDER -n NAME -a`"),
    (b"bplist", "a property list", "export the certificate in PEM"),
)  # fmt: skip
PEM_HINT = "PEM begins with a line `-----BEGIN CERTIFICATE-----` (RFC 7468 §2)"


def what_is(data: bytes) -> Foreign | None:
    """The format of the bytes if it is not PEM or DER; None if it may be one of them.

    Text with a PEM block in it is PEM.
    """
    if not data.strip():
        return Foreign("an empty file" if not data else "a file with only white space", "the file may be truncated")
    if encoding := _wide(data):
        return Foreign(f"text in {encoding}, as `>` in PowerShell writes it", UTF16.format(encoding.split(" ")[0]))
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:4096]
    if b"-----BEGIN " in data:
        return _broken_lines(data)
    for magic, what, hint in MAGIC:
        if start.startswith(magic):
            return Foreign(what, hint)
    if data[:1] == b"0" and not _is_text(data[:64]):  # also the tag of a SEQUENCE
        return None
    return _of_text(data, start) if _is_text(data[:4096]) else _of_bytes(data)


MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),  # before UTF-16: it begins with the mark of UTF-16
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def _wide(data: bytes) -> str | None:
    """`UTF-16` or `UTF-32`, with a byte order mark or without; None for other bytes."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    start = data[:256]
    for step, name, spot in ((4, "UTF-32LE", 0), (4, "UTF-32BE", 3), (2, "UTF-16LE", 0), (2, "UTF-16BE", 1)):
        letters = start[spot::step]
        zeros = [byte for place in range(step) if place != spot for byte in start[place::step]]
        if len(letters) >= 8 and _is_text(letters) and not any(zeros):
            return name
    return None


def _is_text(data: bytes) -> bool:
    """Whether the bytes are text in ASCII or UTF-8; the last character may be cut."""
    if any((byte < 32 and byte not in b"\t\n\r\f\x1b") or byte == 127 for byte in data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3
    return True


ESCAPED = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----\\r?\\?n")


def _broken_lines(data: bytes) -> Foreign | None:
    r"""PEM in a string of JSON or of a shell script, with `\n` instead of line ends."""
    if ESCAPED.search(data.replace(b"\\\\n", b"\\n")):
        what = "PEM whose line ends are written as `\\n`, as in a string of JSON"
        return Foreign(what, "convert it with `jq -r` or `printf '%b'`")
    return None


DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
BEGIN = re.compile(rf"[-{DASHES}]{{2,}}\s*BEGIN [A-Za-z0-9 ]+", re.IGNORECASE)


def _of_text(data: bytes, start: bytes) -> Foreign:
    text = start.decode("utf-8", "replace")
    lower = text.lower()
    if lower.startswith(("<!doctype html", "<html")) or "<html" in lower[:1024]:
        return Foreign("an HTML page, not a certificate", "the download may be an error page or a login page")
    if lower.startswith(("<?xml", "<")):
        return Foreign("XML", PEM_HINT)
    if lower.startswith(("{", "[")):
        if '"kty"' in text:
            return Foreign("a JSON Web Key (RFC 7517)", "convert it to PEM; a JWK is not a certificate")
        return Foreign("JSON", "extract the PEM text from it, for example with `jq -r`")
    if found := BEGIN.search(text):
        first = found[0].split("\n")[0][:40]
        return Foreign(f"text that looks like PEM but is not: {first!r}", PEM_HINT + ", with five hyphens on each side")
    if lower.startswith(("mime-version:", "content-type:")) or "\nmime-version:" in lower:
        return Foreign(
            "a MIME message (S/MIME)", "extract the certificates with `openssl cms -verify` or `openssl smime -pk7out`"
        )
    if lower.startswith("http/"):
        return Foreign("an HTTP response with its header", "save only the body, for example with `curl -o FILE`")
    if lower.startswith("certificate:") and "data:" in lower[:200]:
        return Foreign(
            "the output of `openssl x509 -text` without the PEM block", "write PEM with `openssl x509 -in CERT`"
        )
    packed = b"".join(data.removeprefix(b"\xef\xbb\xbf").split())
    if re.fullmatch(rb"(?:[0-9A-Fa-f]{2}:?){8,}", packed) and packed[:2] == b"30":
        return Foreign("DER in hex", "convert it with `xxd -r -p FILE`")
    if _is_base64_of_der(packed):
        return Foreign(
            "base64 without the BEGIN and END lines of PEM",
            "put `-----BEGIN CERTIFICATE-----` before it and `-----END CERTIFICATE-----` after it (RFC 7468 §2),"
            " or decode it with `base64 -d`",
        )
    return Foreign("text without PEM", PEM_HINT)


def _is_base64_of_der(packed: bytes) -> bool:
    if len(packed) < 16 or not packed.startswith((b"MI", b"MD", b"ME", b"MF", b"MG", b"MH", b"MC", b"MB", b"MA")):
        return False
    alphabet = packed.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        return b64decode(alphabet[: len(alphabet) // 4 * 4], validate=True)[:1] == b"\x30"
    except binascii.Error:
        return False


def _of_bytes(data: bytes) -> Foreign | None:
    if data[0] in (0x95, 0x98, 0x99, 0xC5, 0xC6) and data[3:4] in (b"\x03", b"\x04", b"\x06"):
        return Foreign("a PGP key (RFC 9580)", "a PGP key is not a certificate")
    return None
