"""Certificates and keys in the formats of other programs, for `pki export`. EDGE: reads and writes files.

Source.find("server")   the certificate that a name means, and its chain without the root
pkcs12, trust_store     PKCS #12 (RFC 7292): key and chain, or a trust anchor for Java
pkcs7, der              certificates alone (RFC 2315 §9.1; X.690)
write_hashed            a folder for OpenSSL's -CApath
"""

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, KeySerializationEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)

from pki import names
from pki.authority import Credential
from pki.budget import Exhausted
from pki.errors import ExitCode, Problem, cannot
from pki.malformed import guarded
from pki.objects import blocks, private_keys, subject_hash
from pki.objects.blocks import BlockKind
from pki.objects.distinguished_names import same_name, subject
from pki.objects.issuers import Pool
from pki.objects.pkcs12_mac import with_mac
from pki.objects.secrecy import holds_a_private_key
from pki.objects.signatures import key_signed_list
from pki.store import files
from pki.store.bundle import described_issuer, is_earlier_chain
from pki.store.ca import init_hint
from pki.store.folder import Folder

ANCHOR = "root"  # the name that trust stores export unless another is given


# The certificate that a name means ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A certificate of the folder, or of another file."""

    name: str
    file: Path
    chain: tuple[x509.Certificate, ...]
    """The certificate and its issuers, without the root; a root alone if it is one."""
    missing: str | None
    """`subject CN=..., key identifier ...` of the issuer of the last certificate, if it was not found."""
    is_self_signed: bool
    is_authority: bool

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that the name means."""
        return self.chain[0]

    @property
    def subject(self) -> str:
        """A short name of the certificate."""
        return subject(self.certificate)

    @classmethod
    def find(cls, directory: Path, name: str) -> "Source":
        """The certificate `name`: a file stem, the first name of a certificate, or a path. Raises Problem.

        Issuers are searched in the same file, and in root.pem and intermediate.pem of the folder.
        """
        file = _file(directory, name)
        own = files.read_chain(file)
        authorities = [each for one in ("intermediate.pem", "root.pem") for each in _readable(directory / one)]
        pool = Pool((*own, *authorities))
        try:
            found = pool.chain(own[0])
            self_signed = pool.is_self_signed(own[0])
        except Exhausted:
            raise Problem(f"{file} contains too many certificates that could be issuers of one another") from None
        is_path = os.sep in name or file.name == name
        missing = None if found.root else described_issuer(found.certificates[-1])
        shown = file.stem if is_path else name
        return cls(shown, file, found.certificates, missing, self_signed, pool.is_authority(own[0]))

    def credential(self, key: Path | None) -> Credential:
        """The chain with its private key: from `key`, the `.key` file beside it, or the same file. Raises Problem."""
        beside = self.file.with_name(f"{self.file.stem}.key")
        if key is None and not os.path.lexists(beside) and holds_a_private_key(files.read_file(self.file)):
            key = self.file
        hint = "name the private key with --key FILE"
        credential = files.read_credential(self.file, key or beside, hint)
        return Credential(credential.key, self.certificate, self.chain[1:])


def _file(directory: Path, name: str) -> Path:
    if "\0" in name:
        raise Problem(f"{name!r} is not a valid name", hint="`pki list` lists the names", code=ExitCode.USAGE)
    for path in _places(directory, name):
        if os.path.lexists(path) and not path.is_dir():
            return path
    tops = sorted(directory.glob("*.pem"))
    found = [path for path in tops if name and _first_name(path) == name.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise Problem(
            f"{len(found)} certificates have the first name {name!r}",
            *map(str, found),
            hint="give the name of one file, without .pem",
            code=ExitCode.USAGE,
        )
    stems = [path.stem for path in tops if path.name != "crl.pem"]
    if not stems:
        raise Problem(f"{directory} contains no certificates", hint=init_hint(directory))
    raise Problem(
        f"{directory} contains no certificate named {name!r}",
        f"its certificates: {names.cut(stems)}",
        hint="give one of these names, or the path of a certificate",
    )


def _places(directory: Path, name: str) -> Iterator[Path]:
    """Yield the files that a name can mean, the likeliest first."""
    if not name:
        return
    if os.sep in name:
        yield Path(name)
    yield directory / f"{name}.pem"
    with suppress(names.InvalidName):
        yield directory / f"{names.file_stem(names.parse(name))}.pem"
    yield directory / name
    yield Path(name)


def _first_name(path: Path) -> str | None:
    """The first SAN of the first certificate in a file, in lower case; None if it cannot be read."""
    found = _readable(path)
    alternatives = names.readable(found[0]) if found else ()
    return names.plain(alternatives[0]).lower() if alternatives else None


def _readable(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return files.read_certificates(path, remark=lambda _: None)
    except Problem:
        return ()


# Passwords ----------------------------------------------------------------------------------------------------------

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters, so 5 bits each. No l, o, 0 and 1: they look like others."""
GROUPS, GROUP = 4, 5  # 20 characters: 100 bits


@dataclass(frozen=True)
class Password:
    """The password of a PKCS #12 file."""

    text: str
    generated: bool

    @property
    def encoded(self) -> bytes:
        """The password in UTF-8."""
        return self.text.encode()


def password(file: Path | None) -> Password:
    """The password in the first line of `file`, or of the file in PKI_PASSPHRASE_FILE; a new one without either.

    Raises Problem if it is empty, or not printable UTF-8.
    """
    if file is not None:
        hint = "--password-file takes a file with the password in its first line"
        lines = files.read_bytes(file, hint).splitlines()
        if str(file) != "-":
            files.note_if_exposed(file)
        given, where = (lines[0] if lines else b""), files.holder(file)
    else:
        found = files.read_passphrase()
        if found is None:
            return Password(_new_password(), generated=True)
        given, where = found, "the file in PKI_PASSPHRASE_FILE"
    try:
        text = given.decode()
    except UnicodeDecodeError:
        raise Problem(f"the password in {where} is not UTF-8", hint="use UTF-8", code=ExitCode.USAGE) from None
    if not text or not text.isprintable():
        what = "contains control characters" if text else "is empty"
        hint = "put it into the first line; without a password file, `pki export` generates one"
        raise Problem(f"the password in {where} {what}", hint=hint, code=ExitCode.USAGE)
    return Password(text, generated=False)


def _new_password() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


# PKCS #12 -----------------------------------------------------------------------------------------------------------


class Strength(Enum):
    """The algorithms of a PKCS #12 file."""

    MODERN = ("sha256", hashes.SHA256(), PBES.PBESv2SHA256AndAES256CBC, "AES-256, PBKDF2 and a MAC with SHA-256")
    LEGACY = ("sha1", hashes.SHA1(), PBES.PBESv1SHA1And3KeyTripleDESCBC, "3DES and a MAC with SHA-1")
    """For importers without AES: Windows before 2019, macOS before 14, Java 8 before update 301."""

    def __init__(self, digest: str, algorithm: hashes.HashAlgorithm, encryption: PBES, words: str) -> None:
        self.digest = digest
        self.algorithm = algorithm
        self.encryption = encryption
        self.words = words

    def protection(self, secret: Password, iterations: int) -> KeySerializationEncryption:
        """The encryption, for the library."""
        builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(iterations)
        return builder.key_cert_algorithm(self.encryption).hmac_hash(self.algorithm).build(secret.encoded)

    def sealed(self, pfx: bytes, secret: Password, iterations: int) -> bytes:
        """The file with as many iterations of the MAC."""
        salt = secrets.token_bytes(16)
        return with_mac(pfx, secret.text, digest=self.digest, salt=salt, iterations=iterations)


ITERATIONS = {Strength.MODERN: 600_000, Strength.LEGACY: 2_048}
"""What OWASP recommends for PBKDF2-HMAC-SHA256; and what OpenSSL writes with -legacy, since old importers are slow."""
PUBLIC_ITERATIONS = {Strength.MODERN: 10_000, Strength.LEGACY: 2_048}
"""Of a trust store, which contains no secret: as many as Java writes, since each program opens it at its start."""


def pkcs12(credential: Credential, name: str, secret: Password, strength: Strength) -> bytes:
    """Key, certificate and chain in PKCS #12, with the friendlyName `name`."""
    rounds = ITERATIONS[strength]
    friendly = name.encode("utf-8", "replace")
    protection = strength.protection(secret, rounds)
    data = serialize_key_and_certificates(
        friendly, credential.key, credential.certificate, credential.issuers or None, protection
    )
    return strength.sealed(data, secret, rounds)


def same_key(credential: Credential, secret: Password) -> Callable[[bytes], bool]:
    """Whether a PKCS #12 file opens with the password, and has the same key and this chain or an earlier one."""

    def ours(content: bytes) -> bool:
        found = _opened(content, secret)
        if found is None or found.key is None:
            return False
        same = guarded(lambda: found.key.public_key() == credential.key.public_key())
        return bool(same) and is_earlier_chain(map(_der, found.certificates), credential.chain)

    return ours


def trust_store(anchor: x509.Certificate, name: str, secret: Password, strength: Strength) -> bytes:
    """One trust anchor in PKCS #12, with the attribute by which Java knows that it is trusted."""
    rounds = PUBLIC_ITERATIONS[strength]
    entry = PKCS12Certificate(anchor, name.encode("utf-8", "replace"))
    data = serialize_java_truststore([entry], strength.protection(secret, rounds))
    return strength.sealed(data, secret, rounds)


def only_the_anchor(anchor: x509.Certificate, secret: Password) -> Callable[[bytes], bool]:
    """Whether a PKCS #12 file opens with the password, and contains only certificates with the anchor's subject."""

    def ours(content: bytes) -> bool:
        found = _opened(content, secret)
        if found is None or found.key is not None or not found.certificates:
            return False
        return all(guarded(lambda each=each: same_name(each.subject, anchor.subject)) for each in found.certificates)  # type: ignore[misc]  # mypy does not infer the default

    return ours


def _opened(content: bytes, secret: Password) -> private_keys.Pkcs12 | None:
    if blocks.kind_of(content) is not BlockKind.PKCS12:
        return None
    try:
        return private_keys.open_pkcs12(content, secret.encoded)
    except private_keys.Locked:
        return None


def check_anchor(source: Source, option: str) -> None:
    """Raises Problem unless the certificate can be a trust anchor: a CA, or self-signed."""
    if source.is_self_signed or source.is_authority:
        return
    raise Problem(
        f"{source.file} is not the certificate of a CA: {source.subject}",
        hint=f"clients trust the root: `pki export {ANCHOR} {option} ...`",
        code=ExitCode.USAGE,
    )


# PKCS #7 and DER ----------------------------------------------------------------------------------------------------


def pkcs7(source: Source) -> bytes:
    """The chain in PKCS #7, in PEM. It is a set: the order of the certificates is that of their bytes."""
    return serialize_certificates(list(source.chain), Encoding.PEM)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def der(source: Source) -> bytes:
    """The certificate alone, in DER."""
    return _der(source.certificate)


# A folder for -CApath -----------------------------------------------------------------------------------------------

OF_A_CERTIFICATE = re.compile(r"[0-9a-f]{8}\.[0-9]+")
PUBLIC = 0o644
PUBLIC_FOLDER = 0o755


@dataclass(frozen=True)
class HashedFolder:
    """The files in a folder for -CApath that a call wrote, or found there with the same content."""

    certificates: tuple[str, ...]
    crls: tuple[str, ...]
    others: tuple[str, ...]
    """Further certificates in the folder, which are trusted too."""


def crls_of(source: Source, directory: Path) -> tuple[x509.CertificateRevocationList, ...]:
    """The CRLs in crl.pem of the folder that the CA issued, or a CA below it."""
    file = directory / "crl.pem"
    if not os.path.lexists(file):
        return ()
    pool = Pool((source.certificate, *_readable(directory / "intermediate.pem")))
    below = [each for each in pool.certificates if source.certificate in pool.issuers(each)]
    signers = {source.certificate, *below}
    return tuple(crl for crl in files.read_crls(file) if any(_issued(crl, each) for each in signers))


def _issued(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    same = guarded(lambda: same_name(crl.issuer, authority.subject))
    return bool(same) and key_signed_list(crl, authority)


def write_hashed(
    directory: Path, anchor: x509.Certificate, crls: Sequence[x509.CertificateRevocationList]
) -> HashedFolder:
    """Write the certificate and the CRLs under the names by which OpenSSL finds them. Raises Problem.

    They are regular files and not links, so that the folder can be copied, and does not depend on other files. A CRL
    replaces an earlier one with the same name and signer; all other files stay, and the next free number is used.
    """
    try:
        with suppress(FileExistsError, FileNotFoundError):
            os.mkdir(directory, PUBLIC_FOLDER)  # public, unlike other folders: servers of other users read it
        with Folder.made(directory) as folder:
            written = tuple(_place_crl(folder, crl) for crl in crls)
            name = _place_certificate(folder, anchor)
            present = sorted(filter(OF_A_CERTIFICATE.fullmatch, os.listdir(folder.descriptor)))
    except OSError as error:
        hint = "use --hashed-dir DIR with a folder that you can write to"
        raise cannot(f"write {error.filename or directory}", error, hint=hint) from error
    return HashedFolder((name,), written, tuple(each for each in present if each != name))


def _place_certificate(folder: Folder, certificate: x509.Certificate) -> str:
    hashed = subject_hash.of_subject(certificate)
    for number in count():
        name = f"{hashed}.{number}"
        if folder.status(name) is None:
            _create(folder, name, certificate.public_bytes(Encoding.PEM))
        if _der(certificate) in _objects(folder, name, BlockKind.CERTIFICATE):
            folder.sync()
            return name
    raise AssertionError("unreachable")


def _place_crl(folder: Folder, crl: x509.CertificateRevocationList) -> str:
    hashed = subject_hash.of_issuer(crl)
    encoded = crl.public_bytes(Encoding.DER)
    for number in count():
        name = f"{hashed}.r{number}"
        if folder.status(name) is None:
            _create(folder, name, crl.public_bytes(Encoding.PEM))
        found = _objects(folder, name, BlockKind.CRL)
        if encoded in found:
            return name
        if len(found) == 1 and not (folder.path / name).is_symlink() and _is_earlier(found[0], crl):
            folder.replace(name, crl.public_bytes(Encoding.PEM), PUBLIC)
            return name
    raise AssertionError("unreachable")


def _create(folder: Folder, name: str, data: bytes) -> None:
    """Create a file with its whole content in one step; a file that another process created meanwhile stays."""
    draft = f".{secrets.token_hex(8)}.part"
    at = folder.descriptor
    try:
        folder.create(draft, data, PUBLIC)
        with suppress(FileExistsError):
            os.link(draft, name, src_dir_fd=at, dst_dir_fd=at)  # unlike a rename, it never replaces a file
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        folder.rename(draft, folder, name)
    finally:
        with suppress(FileNotFoundError):
            folder.remove(draft)


NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""A file system without hard links, such as FAT."""


def _objects(folder: Folder, name: str, kind: BlockKind) -> list[bytes]:
    """The objects of that kind in a file, in DER; empty if it cannot be read, or if it has other content too."""
    try:
        found = tuple(blocks.read(files.read_file(folder.path / name)).flat())
    except Problem:
        return []
    return [each.der for each in found] if all(each.kind is kind for each in found) else []


def _is_earlier(earlier: bytes, crl: x509.CertificateRevocationList) -> bool:
    """Whether a CRL in DER has the same issuer, key identifier and number or a lower one."""
    found = guarded(lambda: x509.load_der_x509_crl(earlier))
    if found is None:
        return False
    same = guarded(lambda: same_name(found.issuer, crl.issuer) and _signer(found) == _signer(crl))
    return bool(same) and bool(guarded(lambda: _number(found) <= _number(crl)))


def _signer(crl: x509.CertificateRevocationList) -> bytes | None:
    return crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
