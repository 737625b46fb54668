"""Certificate requests (RFC 2986) as files: make one, sign one in the folder of a CA. EDGE."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki import csr, keys, names
from pki.authority import Extensions, Validity
from pki.csr import Copied
from pki.errors import ExitCode, Problem
from pki.keys import KeyType, PrivateKey
from pki.malformed import Malformed, guarded, read_field
from pki.objects import blocks
from pki.objects.blocks import BlockKind
from pki.profiles import Profile
from pki.store.ca import Existing, Minted, check_permitted, load_authority, old_folder, present
from pki.store.ca import shortened as is_shortened
from pki.store.files import holder, read_bytes
from pki.store.issue import check_key_beside, check_stem, check_subject_key, check_validity, replaceable
from pki.store.transaction import PUBLIC, SECRET, recover, transaction

LEAST_RSA = 2048  # bits; verifiers refuse shorter keys


@dataclass(frozen=True)
class Requested:
    """The result of `request`; paths are relative to the directory."""

    directory: Path
    request: x509.CertificateSigningRequest
    files: tuple[str, ...]


def request(
    directory: Path,
    wanted: Sequence[x509.GeneralName],
    *,
    profile: Profile,
    key_type: KeyType,
    subject: x509.Name | None,
    key: PrivateKey | None,
    passphrase: bytes | None,
    now: datetime,
) -> Requested:
    """Make a key and a request for the names, in `<first name>.key` and `.csr`. Raises Problem if they exist.

    An existing `key` is used and not written. No CA is needed. With a passphrase the new key is encrypted.
    """
    stem = names.file_stem(wanted[0])
    check_stem(stem)
    files = (f"{stem}.key", f"{stem}.csr") if key is None else (f"{stem}.csr",)
    recover(directory)
    new = key or keys.generate(key_type)
    made = csr.make(profile, wanted, new, subject)
    with transaction(directory) as change:
        if found := present(directory, files):
            raise Problem(
                f"{directory / found[0]} already exists",
                hint="move it away, or use another --dir",
                code=ExitCode.NO,
            )
        if key is None:
            change.write(files[0], keys.to_pem(new, passphrase), SECRET)
        change.write(files[-1], made.public_bytes(Encoding.PEM), PUBLIC)
        change.commit(old=old_folder(directory, now))
    return Requested(directory, made, files)


@dataclass(frozen=True)
class Signed:
    """The result of `sign`."""

    minted: Minted
    request: x509.CertificateSigningRequest
    copied: Copied


def sign(
    directory: Path,
    file: Path,
    *,
    more_names: Sequence[x509.GeneralName],
    copy: Collection[str],
    profile: Profile,
    validity: Validity,
    subject: x509.Name | None,
    extensions: Extensions,
    now: datetime,
    existing: Existing,
) -> Signed:
    """Issue a certificate for the key of a request, into `<first name>.pem`. Raises Problem if it cannot.

    Its names are `more_names` and, if `copy` has subjectAltName, those of the request.
    """
    now = now.replace(microsecond=0)
    asked = read_request(file)
    try:
        copied = csr.copied(asked, copy, profile)
    except Malformed as error:
        raise Problem(
            f"the extensions of {holder(file)} cannot be read: {error}", hint="`pki show` shows them"
        ) from None
    check_subject_key(directory, asked.public_key())
    wanted = names.unique([*more_names, *copied.names])
    if not wanted:
        stated = [f"{each.what} {each.reason}" for each in copied.left_out]
        hint = "give names with --san, or take those of the request: --copy subjectAltName"
        raise Problem("no name is left for the certificate", *stated[:4], hint=hint, code=ExitCode.USAGE)
    stem = names.file_stem(wanted[0])
    check_stem(stem)
    recover(directory)
    with transaction(directory) as change:
        authority = load_authority(directory, now)
        if authority.name_constraints:
            check_permitted(authority.name_constraints, wanted)
        check_validity(validity, authority)
        certificate = authority.certify(
            profile,
            subject=authority.subject_for(wanted) if subject is None else subject,
            alternative_names=wanted,
            public_key=_public_key(asked, file),
            validity=validity,
            serial=x509.random_serial_number(),
            extensions=(*copied.extensions, *extensions),
        )
        check_key_beside(directory / f"{stem}.key", asked.public_key())
        replaced = replaceable(directory, (f"{stem}.pem",), authority, existing)
        chain = (certificate, *authority.issuers)
        change.write(f"{stem}.pem", b"".join(each.public_bytes(Encoding.PEM) for each in chain), PUBLIC)
        old = old_folder(directory, now)
        change.commit(aside=replaced, old=old)
    minted = Minted(
        directory,
        chain,
        (f"{stem}.pem",),
        moved_to=directory / old if replaced else None,
        shortened=is_shortened(certificate, validity.not_after),
    )
    return Signed(minted, asked, copied)


def read_request(path: Path) -> x509.CertificateSigningRequest:
    """The request of a file, PEM or DER; `-` is standard input. Raises Problem unless its signature holds."""
    hint = "make a request with `pki request NAME`, or with `openssl req -new`"
    contents = blocks.read(read_bytes(path, hint))
    found = contents.of(BlockKind.REQUEST)
    if not found:
        raise Problem(f"{holder(path)} contains no certificate request", hint=hint)
    if len(found) > 1:
        raise Problem(
            f"{holder(path)} contains {len(found)} certificate requests",
            hint="one certificate is issued for one request; use a file for each",
            code=ExitCode.USAGE,
        )
    try:
        asked = read_field(lambda: x509.load_der_x509_csr(found[0].der))
    except Malformed as error:
        reason = found[0].problem or str(error)
        raise Problem(f"the request in {holder(path)} cannot be read: {reason}", hint="`pki show` shows it") from None
    try:
        valid = read_field(lambda: asked.is_signature_valid)
    except Malformed as error:
        raise Problem(
            f"the signature of the request in {holder(path)} cannot be checked: {error}",
            hint="use an EC, Ed25519 or RSA key",
            code=ExitCode.NO,
        ) from None
    if not valid:
        raise Problem(
            f"the signature of the request in {holder(path)} is not valid",
            "it does not prove that its author has the private key (RFC 2986 §4.2)",
            hint="ask for a new request",
            code=ExitCode.NO,
        )
    return asked


def _public_key(asked: x509.CertificateSigningRequest, file: Path) -> keys.CertifiedKey:
    """The key of the request. Raises Problem for a type that TLS does not use, and for a short RSA key."""
    key = guarded(asked.public_key)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA:
        raise Problem(
            f"the RSA key of {holder(file)} has {key.key_size} bits; verifiers reject fewer than {LEAST_RSA}",
            hint="make a new request with `pki request`",
            code=ExitCode.NO,
        )
    if isinstance(key, keys.CertifiedKey) and not (
        isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, keys.CURVES)
    ):
        return key
    raise Problem(
        f"the key of {holder(file)} is not one for TLS" + (f": {keys.describe(key)}" if key else ""),
        hint="use an EC, Ed25519 or RSA key",
        code=ExitCode.NO,
    )
