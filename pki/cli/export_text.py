"""What `pki export` prints: what the file contains, and which command of each program reads it. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pki.errors import printable
from pki.objects import summary
from pki.objects.distinguished_names import subject
from pki.store.export import HashedFolder, Password, Source, Strength

LEGACY = (
    "--legacy is weak: 3DES has blocks of 64 bits, SHA-1 is broken for signatures, and 2,048 iterations make guessing "
    "the password cheap; use it only for Windows before 2019, macOS before 14 and Java 8 before update 301"
)


@dataclass(frozen=True)
class Exported:
    """The result of one export."""

    source: Source
    option: str
    target: Path
    strength: Strength = Strength.MODERN
    iterations: int | None = None
    """Of each key derivation and of the MAC; None without a password."""
    secret: Password | None = None
    hashed: HashedFolder | None = None
    streamed: bool = False
    """Whether stdout is the file, so that nothing else may be printed on it."""


def summary_lines(done: Exported) -> Iterator[str]:
    """Lines for stdout. A generated password is the last line."""
    yield f"Exported {_what(done)} to {printable(str(done.target))}."
    yield ""
    rows = list(_readers(done))
    width = max(len(program) for program, _ in rows)
    for program, command in rows:
        yield f"  {program.ljust(width)}  {printable(command)}"
    if done.hashed:
        yield ""
        yield "The names are hashes of subject and issuer, by which OpenSSL finds the files. They"
        yield "are copies: export again when a certificate is revoked."
    if done.iterations:
        yield ""
        yield f"Encrypted with {done.strength.words}, {done.iterations:,} iterations each."
    if done.option == "--p12":
        yield "Only you can read the file."
    if done.secret and done.secret.generated:
        yield "Its password, which is stored nowhere else:"
        yield done.secret.text


def _what(done: Exported) -> str:
    name, count = done.source.subject, len(done.source.chain)
    certificates = f"{count} certificate{'' if count == 1 else 's'}"
    match done.option:
        case "--p12":
            return f"the key of {name} and {certificates}"
        case "--trust-p12":
            return f"{name} as a trust store for Java"
        case "--p7b":
            return f"the chain of {name}, {certificates},"
        case "--hashed-dir":
            assert done.hashed
            crls = len(done.hashed.crls)
            return f"{name} and {crls} CRL{'' if crls == 1 else 's'}"
    return f"the certificate of {name}"


def _readers(done: Exported) -> Iterator[tuple[str, str]]:
    """Yield each program, and the command with which it reads the file."""
    file = shlex.quote(str(done.target))
    match done.option:
        case "--p12":
            yield "OpenSSL", f"openssl pkcs12 -info -nokeys -in {file}"
            yield "curl", f"curl --cert-type P12 --cert {file} https://..."
            yield "Java", f"keytool -list -keystore {file}"
            yield "Chromium", f"pk12util -d sql:$HOME/.pki/nssdb -i {file}"
            yield "Firefox", "Settings, View Certificates, Your Certificates, Import"
            yield "macOS", f"security import {file}"
            yield "Windows", f"certutil -user -importpfx {file}"
            if done.strength is Strength.MODERN:
                yield ".NET", "X509CertificateLoader with Pkcs12LoaderLimits of 600,000 iterations"
        case "--trust-p12":
            yield "Java", f"java -Djavax.net.ssl.trustStore={file} -Djavax.net.ssl.trustStorePassword=..."
            yield "keytool", f"keytool -list -keystore {file}"
        case "--hashed-dir":
            yield "OpenSSL", f"openssl verify -CApath {file} ..."
            yield "curl", f"curl --capath {file} https://..."
            yield "Python", f"context.load_verify_locations(capath={str(done.target)!r})"
            yield "pki", f"pki verify FILE --trust {file}"
            yield "tlsdemo", f"tlsdemo connect --trust {file}"
        case "--p7b":
            yield "OpenSSL", f"openssl pkcs7 -print_certs -noout -in {file}"
            yield "Java", f"keytool -printcert -file {file}"
            yield "GnuTLS", f"certtool --p7-info --infile {file}"
            yield "Windows", f"certutil -dump {file}"
        case _:
            yield "OpenSSL", f"openssl x509 -inform DER -noout -text -in {file}"
            yield "Java", f"keytool -printcert -file {file}"
            yield "Windows", f"certutil -dump {file}"


def notes(done: Exported) -> Iterator[str]:
    """Notes for stderr."""
    source = done.source
    if done.option == "--p12" and source.is_authority:
        yield f"{done.target} contains the private key of a CA: with it, certificates for any name can be issued"
    if done.option in ("--trust-p12", "--hashed-dir") and not source.is_self_signed:
        yield (
            f"{source.subject} is not self-signed: OpenSSL accepts it as a trust anchor only with -partial_chain; "
            "Java, and Python from 3.13 on, always do"
        )
    if done.hashed and done.hashed.others:
        several = len(done.hashed.others) > 1
        yield (
            f"{done.target} also contains {', '.join(done.hashed.others)}, "
            f"which {'are' if several else 'is'} trusted too"
        )
    if done.option in ("--p12", "--p7b") and source.missing and len(source.chain) == 1:
        yield f"{done.target} lacks the issuer of {subject(source.certificate)}, which was not found: {source.missing}"


def as_data(done: Exported) -> dict[str, Any]:
    """The result for --json."""
    source = done.source
    hashed = done.hashed
    return {
        "format": done.option.removeprefix("--"),
        "name": source.name,
        "subject": summary.of_certificate(source.certificate).whole_subject,
        "serial": f"{source.certificate.serial_number:x}",
        "source": str(source.file),
        "target": str(done.target),
        "certificates": len(source.chain) if done.option in ("--p12", "--p7b") else 1,
        "files": [*hashed.certificates, *hashed.crls] if hashed else [],
        "other_certificates": list(hashed.others) if hashed else [],
        "iterations": done.iterations,
        "legacy": done.strength is Strength.LEGACY,
        "password": done.secret.text if done.secret and done.secret.generated else None,
    }
