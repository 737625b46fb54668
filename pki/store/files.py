"""Read certificates, CRLs and keys from files, with errors that tell the user what to do. EDGE: opens files.

    read_certificates   all readable ones, in the order of the file         read_crls      the same for CRLs
    read_chain          the same; the first certificate must be readable    read_anchors   the same, also for a folder
    crls_beside         the files with CRLs that belong to trust anchors
    read_key            one private key, in any format of `pki.objects.private_keys`
    read_credential     a chain and the private key of its first certificate

Other objects that cannot be read are skipped, and `remark` is called with the reason. `pki.objects.blocks` parses the
bytes.
"""

import os
import re
import shlex
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys
from pki.authority import Credential
from pki.errors import ExitCode, Problem, cannot_read, printable
from pki.keys import PrivateKey
from pki.malformed import guarded
from pki.objects import blocks, private_keys, public_keys, summary
from pki.objects.blocks import Block, BlockKind, Contents, UnreadableBlock, a
from pki.objects.trust_settings import TrustSettings

MAX_CRL_FILE = 1 << 25  # bytes; 72 for each revoked certificate in DER
MAX_FILE = 1 << 20  # bytes; certificate files are shorter, and a wrong path must not fill the memory
EXPECTED = "give a file with a certificate, chain, CRL or key in PEM"
MOST_REMARKS = 5
Remark = Callable[[str], None]
T = TypeVar("T")


def note(text: str) -> None:
    """Print a note to stderr."""
    from pki import console  # here: a program that uses this module need not have a terminal

    console.note(text)


# Bytes --------------------------------------------------------------------------------------------------------------


def open_file(path: Path, hint: str = EXPECTED) -> BinaryIO:
    """A regular file, open for reading. Raises Problem for another kind of file."""
    try:
        # O_NONBLOCK: opening a FIFO without a writer must not hang.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
        mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise cannot_read(path, error, hint) from error
    except ValueError:  # a NUL in the path
        raise Problem(f"{str(path)!r} is not a valid path", hint=hint, code=ExitCode.USAGE) from None
    if not stat.S_ISREG(mode):
        file.close()
        what = "a folder" if stat.S_ISDIR(mode) else "a FIFO or a device"
        raise Problem(f"{path} is not a regular file: it is {what}", hint=hint)
    return file


def read_file(path: Path, hint: str = EXPECTED, most: int = MAX_FILE) -> bytes:
    """The bytes of a regular file. Raises Problem for another kind of file, or more than `most` bytes."""
    with open_file(path, hint) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise cannot_read(path, error, hint) from error
    if len(data) > most:
        raise Problem(f"{path} is longer than {most} bytes", hint=hint)
    return data


def read_stdin() -> bytes:
    """The bytes of standard input. Raises Problem for more than MAX_FILE."""
    data = sys.stdin.buffer.read(MAX_FILE + 1) if sys.stdin else b""
    if len(data) > MAX_FILE:
        raise Problem(f"standard input is longer than {MAX_FILE} bytes", hint=EXPECTED)
    return data


def read_bytes(path: Path, hint: str = EXPECTED) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    return read_stdin() if str(path) == "-" else read_file(path, hint)


def holder(path: Path) -> str:
    """The name of the file in a message."""
    return "standard input" if str(path) == "-" else str(path)


# Certificates and CRLs ----------------------------------------------------------------------------------------------


def read_certificates(path: Path, hint: str = EXPECTED, remark: Remark = note) -> tuple[x509.Certificate, ...]:
    """The readable certificates of a file, in its order. Raises Problem if there are none.

    The file is PEM or DER, PKCS #7, PKCS #12, or OpenSSL's TRUSTED CERTIFICATE; `-` is standard input.
    """
    contents = _opened(path, hint)
    found = _loaded(path, contents, BlockKind.CERTIFICATE, blocks.certificate, remark)
    return _leaf_first(found) if _is_unordered(contents) else found


def read_chain(path: Path, hint: str = EXPECTED, remark: Remark = note) -> tuple[x509.Certificate, ...]:
    """The same. Raises Problem also if the first certificate of the file cannot be read."""
    contents = _opened(path, hint)
    first = next(iter(contents.of(BlockKind.CERTIFICATE)), None)
    if first is not None and not _is_unordered(contents):
        try:
            blocks.certificate(first)
        except UnreadableBlock as error:
            only = len(contents.of(BlockKind.CERTIFICATE)) == 1
            raise Problem(
                f"{holder(path)} contains no readable certificate"
                if only
                else f"the first certificate in {holder(path)} cannot be read",
                f"{first.where}: {error}" if first.where else str(error),
                hint="`pki show` shows the fields that can be read",
            ) from None
    found = _loaded(path, contents, BlockKind.CERTIFICATE, blocks.certificate, remark)
    return _leaf_first(found) if _is_unordered(contents) else found


def read_first(path: Path, hint: str = EXPECTED) -> x509.Certificate:
    """The first certificate of a file; quick for the files that `pki` writes. Raises Problem as `read_chain` does."""
    data = read_file(path, hint)
    if data.startswith(b"-----BEGIN CERTIFICATE-----"):
        certificate = guarded(lambda: blocks.probed(x509.load_pem_x509_certificate(data)))
        if certificate is not None and guarded(certificate.public_key) is not None:
            return certificate
    return read_chain(path, hint)[0]


def first_certificate(path: Path, hint: str = EXPECTED) -> bytes:
    """The first certificate of a file in DER, even if the library does not load it. Raises Problem without one."""
    contents = _opened(path, hint)
    if _is_unordered(contents):
        return read_certificates(path, hint)[0].public_bytes(Encoding.DER)
    first = next(iter(contents.of(BlockKind.CERTIFICATE)), None)
    if first is None or first.problem:
        raise _nothing(path, contents, BlockKind.CERTIFICATE)
    return first.der


def read_anchors(
    path: Path, hint: str = EXPECTED, remark: Remark = note, purpose: str | None = None
) -> tuple[x509.Certificate, ...]:
    """The certificates of a file, or of all files of a folder. Raises Problem if there are none.

    A TRUSTED CERTIFICATE is skipped if its trust settings exclude `purpose`, an object identifier.
    """
    if not path.is_dir():
        return _anchors(path, hint, remark, purpose)
    found: dict[x509.Certificate, None] = {}
    try:
        names = sorted(path.iterdir())
    except OSError as error:
        raise cannot_read(path, error, hint) from error
    for name in names:
        try:
            contents = blocks.read(read_file(name))
        except Problem as problem:
            if name.is_file():
                remark(f"{name} was ignored: {(*problem.evidence, problem.fact)[0]}")
            continue
        if contents.of(BlockKind.CERTIFICATE):
            try:
                found |= dict.fromkeys(_anchors(name, hint, remark, purpose))
            except Problem as problem:
                remark(f"{name} was ignored: {(*problem.evidence, problem.fact)[0]}")
    if not found:
        raise Problem(f"no file in {path} contains a certificate", hint=hint)
    return tuple(found)


def _anchors(path: Path, hint: str, remark: Remark, purpose: str | None) -> tuple[x509.Certificate, ...]:
    contents = _opened(path, hint)
    left_out = [
        block
        for block in contents.of(BlockKind.CERTIFICATE)
        if purpose and block.trust_settings and not TrustSettings.read(block.trust_settings).allow(purpose)
    ]
    for block in left_out[:MOST_REMARKS]:
        remark(f"{_place(path, block)} was ignored: its trust settings exclude this purpose (see `pki show`)")
    used = Contents(tuple(block for block in contents.flat() if block not in left_out), contents.foreign)
    if left_out and not used.of(BlockKind.CERTIFICATE):
        raise Problem(
            f"{holder(path)} contains no certificate that is trusted for this purpose",
            hint="`pki show` lists the purposes; `openssl x509 -in FILE` removes the trust settings",
        )
    return _loaded(path, used, BlockKind.CERTIFICATE, blocks.certificate, remark)


def read_crls(path: Path, remark: Remark = note) -> tuple[x509.CertificateRevocationList, ...]:
    """The readable CRLs of a file, in its order. Raises Problem if there are none."""
    contents = blocks.read(read_file(path, most=MAX_CRL_FILE))
    return _loaded(path, contents, BlockKind.CRL, blocks.crl, remark)


HASHED_CRL = re.compile(r"[0-9a-f]{8}\.r[0-9]+")


def crls_beside(anchors: Path) -> list[Path]:
    """The files with CRLs that belong to trust anchors: crl.pem in the same folder.

    Of a folder of trust anchors also the CRLs by which OpenSSL names them for -CApath, such as 9d66eef0.r0.
    """
    folder = anchors if anchors.is_dir() else anchors.parent
    found = [folder / "crl.pem"] if os.path.lexists(folder / "crl.pem") else []
    if folder != anchors:
        return found
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise cannot_read(folder, error) from error
    return [*found, *(folder / name for name in names if HASHED_CRL.fullmatch(name))]


def _loaded(
    path: Path, contents: Contents, kind: BlockKind, load: Callable[[Block], T], remark: Remark
) -> tuple[T, ...]:
    found: list[T] = []
    reasons: list[str] = []
    for block in contents.of(kind, BlockKind.OTHER):
        if block.kind is BlockKind.OTHER and not block.problem:
            continue
        try:
            found.append(load(block))
        except UnreadableBlock as error:
            reasons.append(f"{_place(path, block)} was ignored: {error}")
    if not found:
        raise _nothing(path, contents, kind)
    for reason in reasons[:MOST_REMARKS]:
        remark(reason)
    if len(reasons) > MOST_REMARKS:
        remark(f"{len(reasons) - MOST_REMARKS} more objects of {holder(path)} were ignored")
    return tuple(found)


def _place(path: Path, block: Block) -> str:
    kind = f"the {block.kind.value}" if block.kind is not BlockKind.OTHER else "a block"
    where = f" in {block.where}" if block.where.startswith("line") else f" ({block.where})" if block.where else ""
    return f"{kind}{where} of {holder(path)}"


def _opened(path: Path, hint: str) -> Contents:
    """The objects of a file; the certificates of a PKCS #12 replace it."""
    contents = blocks.read(read_bytes(path, hint))
    if not contents.of(BlockKind.PKCS12):
        return contents
    found: list[Block] = []
    for block in contents.flat():
        if block.kind is not BlockKind.PKCS12:
            found.append(block)
            continue
        try:
            inside = private_keys.open_pkcs12(block.der, passphrase_for(path)).certificates
        except private_keys.Locked as error:
            raise Problem(f"cannot use {holder(path)}: {error}", hint=error.hint) from None
        if not inside:
            found.append(block)
        for number, each in enumerate(inside, start=1):
            encoded = each.public_bytes(Encoding.DER)
            found.append(Block(BlockKind.CERTIFICATE, "PKCS12", encoded, f"certificate {number} in PKCS #12"))
    return Contents(tuple(found))


def _is_unordered(contents: Contents) -> bool:
    """Whether the certificates are a PKCS #7 set, whose order does not tell which is the leaf (RFC 2315 §9.1)."""
    return bool(contents.blocks) and all(block.label == "PKCS7" for block in contents.of(BlockKind.CERTIFICATE))


def _leaf_first(found: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The certificates, those first that issued none of the others."""
    issuers = {each.issuer for each in found if each.issuer != each.subject}
    return tuple(sorted(found, key=lambda each: each.subject in issuers or each.issuer == each.subject))


# A file without the object -----------------------------------------------------------------------------------------

OPTIONS = {
    BlockKind.CRL: "--crl",
    BlockKind.CERTIFICATE: "--trust, --untrusted or --cert",
}
SUFFIXES = {BlockKind.CERTIFICATE: ".pem", BlockKind.PRIVATE_KEY: ".key"}
"""How `pki` names the files of a certificate and of its key, which lie side by side."""
A_KEY = "give the certificate for the key; `tlsdemo serve` and `tlsdemo connect` take keys with --key"
ADVICE = {
    BlockKind.PRIVATE_KEY: A_KEY,
    BlockKind.ENCRYPTED_KEY: A_KEY,
    BlockKind.REQUEST: "a request is not a certificate; a CA issues a certificate for it",
    BlockKind.OPENSSH_KEY: "convert it to PKCS #8 with `ssh-keygen -p -m PKCS8 -f FILE`",
    BlockKind.PGP: "a PGP key is not a certificate",
    BlockKind.PUBLIC_KEY: "a public key is not a certificate; give the certificate for it",
    BlockKind.PARAMETERS: "parameters are not a key",
}


def _nothing(path: Path, contents: Contents, wanted: BlockKind) -> Problem:
    """The Problem for a file without `wanted`: its format, its unreadable objects, or the option that takes it."""
    noun = wanted.value
    if contents.foreign:
        return Problem(
            f"{holder(path)} contains no {noun}", f"this is {contents.foreign.what}", hint=contents.foreign.hint
        )
    damaged = [block for block in contents.of(wanted, BlockKind.OTHER) if block.problem or block.kind is wanted]
    if damaged:
        reasons = [f"{_place(path, block)}: {_reason(block, wanted)}" for block in damaged[:MOST_REMARKS]]
        hint = "`pki show` shows the fields that can be read"
        return Problem(f"{holder(path)} contains no readable {noun}", *reasons, hint=hint)
    counts = dict[BlockKind, int]()
    for block in contents.flat():
        counts[block.kind] = counts.get(block.kind, 0) + 1
    known = {kind: count for kind, count in counts.items() if kind is not BlockKind.OTHER}
    if not known:
        what = "no PEM block and no DER object of a known type" if not counts else "an object of an unknown type"
        return Problem(f"{holder(path)} contains no {noun}", f"it has {what}", hint="`pki show --der` shows the bytes")
    stated = " and ".join(a(kind, count) for kind, count in known.items())
    kind, count = next(iter(known.items()))
    pass_it = f"pass {'it' if count == 1 else 'them'} with"
    beside = path.with_suffix(SUFFIXES.get(wanted, path.suffix))
    if beside != path and os.path.lexists(beside):
        hint = f"give {beside}, which is beside it"
    elif kind in (BlockKind.PRIVATE_KEY, BlockKind.ENCRYPTED_KEY):
        hint = f"give the {noun}, not a private key"
    else:
        hint = f"{pass_it} {OPTIONS[kind]}" if kind in OPTIONS else ADVICE.get(kind, "`pki show` shows what it is")
    return Problem(f"{holder(path)} contains no {noun}; it contains {stated}", hint=hint)


def _reason(block: Block, wanted: BlockKind) -> str:
    try:
        (blocks.crl if wanted is BlockKind.CRL else blocks.certificate)(block)
    except UnreadableBlock as error:
        return str(error)
    return "unreadable"


# Keys ---------------------------------------------------------------------------------------------------------------


def read_key(path: Path, hint: str = "give a file with a private key in PEM") -> PrivateKey:
    """The first private key of a file: PKCS #8, traditional PEM or PKCS #12, encrypted or not.

    PKI_PASSPHRASE_FILE names the file with the passphrase. The Problem distinguishes a missing passphrase, a wrong
    passphrase and a damaged key.
    """
    contents = blocks.read(read_file(path, hint))
    found = contents.of(BlockKind.PRIVATE_KEY, BlockKind.ENCRYPTED_KEY, BlockKind.PKCS12)
    if not found:
        raise _nothing(path, contents, BlockKind.PRIVATE_KEY)
    note_if_exposed(path)
    try:
        secret = passphrase_for(path) if found[0].kind is not BlockKind.PRIVATE_KEY else None
        return private_keys.private_key(found[0], secret)
    except private_keys.Locked as error:
        raise Problem(f"cannot use {path}: {error}", hint=error.hint) from None


def is_encrypted(path: Path) -> bool:
    """Whether the first private key of a file is encrypted. Raises Problem without a key."""
    contents = blocks.read(read_file(path))
    found = contents.of(BlockKind.PRIVATE_KEY, BlockKind.ENCRYPTED_KEY, BlockKind.PKCS12)
    if not found:
        raise _nothing(path, contents, BlockKind.PRIVATE_KEY)
    return found[0].kind is not BlockKind.PRIVATE_KEY


def read_credential(certificate: Path, key: Path, hint: str = EXPECTED) -> Credential:
    """A chain and its private key from two files. Raises Problem unless the key is that of the first certificate."""
    chain = read_chain(certificate, hint)
    private_key = read_key(key, hint)
    if _belongs(private_key, chain[0]):
        return Credential(private_key, chain[0], chain[1:])
    others = [number for number, each in enumerate(chain[1:], start=2) if _belongs(private_key, each)]
    own = keys.fingerprint(private_key.public_key())
    if others:
        raise Problem(
            f"{key} does not belong to the first certificate in {certificate}",
            f"first: {summary.of_certificate(chain[0]).subject}",
            f"match: the key belongs to the {_ordinal(others[0])} certificate in that file, "
            f"{summary.of_certificate(chain[others[0] - 1]).subject}",
            hint="the server's own certificate comes first (RFC 8446 §4.4.2)",
        )
    if guarded(chain[0].public_key) is None:
        raise Problem(f"the public key in {certificate} cannot be read", hint="`pki show` shows the reason")
    raise Problem(
        f"{key} does not belong to {certificate}",
        f"certificate: public key {public_keys.certificate_fingerprint(chain[0])[:16]}… (SHA-256)",
        f"key file:    public key {own[:16]}…",
        hint="use the key that was generated for this certificate",
    )


def _belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Whether they are a pair; compared as numbers, since a key has several encodings."""
    stated: PublicKeyTypes | None = guarded(certificate.public_key)
    return stated is not None and stated == key.public_key()


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{suffix}"


def note_if_exposed(secret: Path) -> None:
    """Print a note if other users may read or change a file that contains a secret."""
    try:
        mode = os.stat(secret).st_mode
    except OSError:  # deleted since it was read
        return
    if stat.S_ISREG(mode) and mode & EXPOSED:
        fact = f"other users may read or change {secret} (mode {stat.S_IMODE(mode):04o})"
        note(f"{fact}; run `chmod 600 {shlex.quote(str(secret))}`")


EXPOSED = stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH


def read_passphrase(file: Path | None = None) -> bytes | None:
    """The first line of `file`, or of the file that PKI_PASSPHRASE_FILE names; None without both."""
    named = file or os.environ.get("PKI_PASSPHRASE_FILE")
    if not named:
        return None
    hint = "--passphrase-file must name" if file else "PKI_PASSPHRASE_FILE must name"
    lines = read_file(Path(named), hint=f"{hint} the file with the passphrase").splitlines()
    note_if_exposed(Path(named))
    return lines[0] if lines else b""


def passphrase_for(path: Path) -> bytes | None:
    """The passphrase of an encrypted file, from PKI_PASSPHRASE_FILE or typed. None without a terminal to ask on."""
    found = read_passphrase()
    if found is None and _is_interactive():
        return typed_passphrase(f"Passphrase of {printable(str(path))}: ")
    return found


def new_passphrase(file: Path | None, purpose: str) -> bytes:
    """The passphrase for something new: from a file, from PKI_PASSPHRASE_FILE, or typed twice. Raises Problem.

    `purpose` is what it protects, such as "the new key".
    """
    found = read_passphrase(file)
    if found is None:
        if not _is_interactive():
            hint = "use --passphrase-file, or set PKI_PASSPHRASE_FILE to the path of a file"
            raise Problem(f"{purpose} needs a passphrase, and standard input is not a terminal", hint=hint)
        found = typed_passphrase(f"Passphrase for {purpose}: ")
        if found and found != typed_passphrase("Again: "):
            raise Problem("the two passphrases differ", hint="repeat the command")
    if not found:
        raise Problem(f"the passphrase for {purpose} is empty", hint="use at least one character")
    if len(found) > MAX_PASSPHRASE:
        raise Problem(f"the passphrase has {len(found)} bytes", hint=f"OpenSSL reads at most {MAX_PASSPHRASE}")
    return found


MAX_PASSPHRASE = 1023  # bytes; the buffer of the library


def typed_passphrase(prompt: str) -> bytes | None:
    """What the user types, without showing it; None at the end of the input."""
    from getpass import getpass

    try:
        return getpass(prompt, sys.stderr).encode()
    except EOFError:
        return None


def _is_interactive() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
