"""Reading certificates, CRLs and keys from files, with errors that a person can act on. EDGE: opens files."""

import os
import stat
import sys
from pathlib import Path

from cryptography import x509

from pki import keys
from pki.authority import Credential
from pki.errors import ExitCode, Problem, cannot
from pki.malformed import MALFORMED, why

MAX_FILE = 1 << 20  # bytes; no certificate file is this long, and a wrong path shall not fill the memory


EXPECTED = "a certificate, a chain, a CRL or a key, in PEM, is expected here"


def read_file(path: Path, hint: str = EXPECTED) -> bytes:
    """The bytes of a regular file of at most MAX_FILE; a Problem for anything else, a FIFO or a device included."""
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Problem(f"{path} is not a regular file", hint=hint)
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise cannot(f"read {path}", error, hint=hint) from error
    except ValueError:  # a NUL in the path
        raise Problem(f"{str(path)!r} is not a path", hint=hint, code=ExitCode.USAGE) from None
    if len(data) > MAX_FILE:
        raise Problem(f"{path} is longer than {MAX_FILE} bytes: no certificate is", hint=hint)
    return data


def read_certificates(path: Path, hint: str = EXPECTED) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM file or of standard input (`-`), in its order, at least one; or that of a DER file."""
    data = read_stdin() if str(path) == "-" else read_file(path, hint)
    try:
        if b"-----BEGIN" in data:
            return tuple(x509.load_pem_x509_certificates(data))
        return (x509.load_der_x509_certificate(data),)
    except MALFORMED as error:
        holder = "standard input" if str(path) == "-" else path
        damage = [why(error)] if b"-----BEGIN" not in data or b"-----BEGIN CERTIFICATE-----" in data else []
        hint = "`pki show` says what is in it, as far as it can"
        raise Problem(f"{holder} holds no certificate that can be read", *damage, hint=hint) from None


def read_anchors(path: Path, hint: str = EXPECTED) -> tuple[x509.Certificate, ...]:
    """All certificates of a file; or of all files of a folder, of which some must hold one."""
    if not path.is_dir():
        return read_certificates(path, hint)
    found: dict[x509.Certificate, None] = {}
    try:
        names = sorted(path.iterdir())
    except OSError as error:
        raise cannot(f"list {path}", error, hint=hint) from error
    for name in names:
        try:
            found |= dict.fromkeys(read_certificates(name))
        except Problem:  # a key, a list, another folder
            continue
    if not found:
        raise Problem(f"no file in {path} holds a certificate", hint=hint)
    return tuple(found)


def read_crls(path: Path) -> tuple[x509.CertificateRevocationList, ...]:
    """All CRLs of a PEM file, in its order; at least one. Or the one of a DER file."""
    data = read_file(path)
    end = b"-----END X509 CRL-----"
    blocks = [block + end for block in data.split(end) if b"-----BEGIN X509 CRL-----" in block]
    try:
        if b"-----BEGIN" not in data:
            return (x509.load_der_x509_crl(data),)
        crls = tuple(x509.load_pem_x509_crl(block) for block in blocks)
    except MALFORMED:
        crls = ()
    if not crls:
        raise Problem(f"{path} holds no CRL that can be read", hint="`pki init` writes one to crl.pem")
    return crls


def read_credential(certificate: Path, key: Path, hint: str = EXPECTED) -> Credential:
    """A chain and its private key from two PEM files; a Problem when the two do not belong together."""
    chain = read_certificates(certificate, hint)
    try:
        private_key = keys.from_pem(read_file(key, hint))
    except ValueError as error:
        raise Problem(f"{key} cannot be used", str(error), hint="a private key in PEM is expected here") from None
    try:
        stated, own = keys.fingerprint(chain[0].public_key()), keys.fingerprint(private_key.public_key())
    except MALFORMED as error:
        raise Problem(f"the public key in {certificate} cannot be read", str(error), hint="see `pki show`") from None
    if stated != own:
        raise Problem(
            f"{key} does not belong to {certificate}",
            f"the certificate is for the public key {stated[:16]}…",
            f"this private key has the public key  {own[:16]}…",
            hint="give the key that was minted with this certificate",
        )
    return Credential(private_key, chain[0], chain[1:])


def read_passphrase() -> bytes | None:
    """What opens encrypted keys: the first line of the file of PKI_PASSPHRASE_FILE; None where that is not set."""
    named = os.environ.get("PKI_PASSPHRASE_FILE")
    if not named:
        return None
    lines = read_file(Path(named), hint="PKI_PASSPHRASE_FILE names the file with the passphrase").splitlines()
    return lines[0] if lines else b""


def read_stdin() -> bytes:
    """Standard input, under the same limit as a file."""
    data = sys.stdin.buffer.read(MAX_FILE + 1) if sys.stdin else b""
    if len(data) > MAX_FILE:
        raise Problem(f"standard input is longer than {MAX_FILE} bytes: no certificate is", hint=EXPECTED)
    return data
