"""The chain that a TLS server sends, from certificates and keys in any files (RFC 8446 §4.4.2). EDGE: reads files.

    files -> Material: certificates, keys -> the leaf -> issuers up to below the root -> Bundle

Each certificate directly certifies the one before it: names and signatures are both checked. The root is left out,
since a client must have it already. Validity, constraints and revocation are not checked; `pki verify` does that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys
from pki.budget import Exhausted
from pki.errors import ExitCode, Problem, printable
from pki.malformed import guarded
from pki.objects import blocks, private_keys, public_keys
from pki.objects.blocks import Block, BlockKind, UnreadableBlock
from pki.objects.distinguished_names import issuer, subject
from pki.objects.fields import CertificateFields
from pki.objects.issuers import Chain, Pool
from pki.objects.signatures import Answer, SignatureStatus, encoded
from pki.store import files

MOST_LISTED = 8
EXPECTED = "give certificates and keys, in PEM, DER, PKCS #7 or PKCS #12"


@dataclass(frozen=True)
class Found:
    """A certificate and the file that it comes from."""

    certificate: x509.Certificate
    file: str


@dataclass(frozen=True)
class FoundKey:
    """A private key and the file that it comes from."""

    key: Any
    file: str


@dataclass(frozen=True)
class LeftOut:
    """A certificate that is not part of the chain, and the reason."""

    certificate: x509.Certificate
    file: str
    why: str


@dataclass(frozen=True)
class Bundle:
    """A chain, leaf first, and what was left out of it."""

    chain: tuple[Found, ...]
    left_out: tuple[LeftOut, ...]
    top_issuer: str | None
    """`subject CN=..., key identifier ...` of the issuer of the last certificate, if it is not among the files."""
    key_file: str | None
    """The file whose key chose the leaf."""
    is_self_signed: bool
    """Whether the chain is a single self-signed certificate."""

    @property
    def pem(self) -> bytes:
        """The chain in PEM."""
        return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in self.chain)


def bundle(paths: Sequence[Path], key: Path | None, remark: files.Remark = files.note) -> Bundle:
    """The chain of the leaf among the certificates in the files; `key` is the file with its private key.

    Raises Problem (no) if an issuer is missing, several certificates could be the leaf, or the key belongs to none.
    """
    material = Material.read(paths, with_keys=key is None, remark=remark)
    given = (FoundKey(files.read_key(key), str(key)),) if key else material.keys
    pool = Pool(each.certificate for each in material.certificates)
    origin: Origin = {}
    for each in material.certificates:
        origin.setdefault(each.certificate, each)
    try:
        leaf, chosen_by = _leaf(pool, origin, given)
        path = pool.chain(leaf)
        missing = _missing_issuer(pool, path, origin)
        left_out = tuple(_left_out(pool, path, material.certificates))
    except Exhausted:
        raise Problem(
            "search limit reached: too many certificates could be issuers of one another",
            hint="give fewer files: the leaf and the CAs above it",
        ) from None
    members = tuple(origin[one] for one in path.certificates)
    return Bundle(members, left_out, missing, chosen_by, is_self_signed=path.root == leaf)


# Reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Material:
    """All certificates and keys of some files, in their order."""

    certificates: tuple[Found, ...]
    keys: tuple[FoundKey, ...]

    @classmethod
    def read(cls, paths: Iterable[Path], *, with_keys: bool, remark: files.Remark) -> "Material":
        """Read the files; `-` is standard input. Without `with_keys`, encrypted keys need no passphrase.

        Raises Problem for a file without certificate or key, and for a key that cannot be read.
        """
        certificates: list[Found] = []
        found_keys: list[FoundKey] = []
        for path in paths:
            some, more = _read_file(path, with_keys, remark)
            certificates += some
            found_keys += more
        if not certificates:
            raise Problem("the files contain no certificate", hint=EXPECTED)
        return cls(tuple(certificates), tuple(found_keys))


def _read_file(path: Path, with_keys: bool, remark: files.Remark) -> tuple[list[Found], list[FoundKey]]:
    contents = blocks.read(files.read_bytes(path, EXPECTED))
    name = files.holder(path)
    if contents.foreign:
        fact = f"{name} contains no certificate or key"
        raise Problem(fact, f"this is {contents.foreign.what}", hint=contents.foreign.hint)
    certificates: list[Found] = []
    found_keys: list[FoundKey] = []
    unreadable: list[str] = []
    others: dict[BlockKind, int] = {}
    has_keys = False
    for block in contents.flat():
        try:
            match block.kind:
                case BlockKind.CERTIFICATE:
                    certificates.append(Found(blocks.certificate(block), name))
                case BlockKind.PRIVATE_KEY | BlockKind.ENCRYPTED_KEY:
                    has_keys = True
                    if with_keys:
                        found_keys.append(FoundKey(private_keys.any_private_key(block, files.read_passphrase()), name))
                case BlockKind.PKCS12:
                    inside = private_keys.open_pkcs12(block.der, files.read_passphrase())
                    certificates += (Found(each, name) for each in inside.certificates)
                    if inside.key is not None:
                        has_keys = True
                        found_keys.append(FoundKey(inside.key, name))
                case BlockKind.OTHER:
                    unreadable.append(f"{_place(block)}{block.problem or 'it is not an object of a known type'}")
                case _:
                    others[block.kind] = others.get(block.kind, 0) + 1
        except UnreadableBlock as error:
            unreadable.append(f"{_place(block)}{error}")
        except private_keys.Locked as error:
            raise Problem(f"cannot use {name}: {error}", hint=error.hint) from None
    if has_keys and str(path) != "-":
        files.note_if_exposed(path)
    _report(name, bool(certificates or has_keys), unreadable, others, remark)
    return certificates, found_keys if with_keys else []


def _place(block: Block) -> str:
    return f"{block.where}: " if block.where else ""


def _report(
    name: str, useful: bool, unreadable: Sequence[str], others: dict[BlockKind, int], remark: files.Remark
) -> None:
    """Say what of a file is not used. Raises Problem if that is damage, and nothing in the file is of use."""
    if not useful and unreadable:
        hint = "`pki show` shows the fields that can be read"
        raise Problem(f"{name} contains no readable certificate or key", *unreadable[: files.MOST_REMARKS], hint=hint)
    if not useful and not others:
        raise Problem(f"{name} contains no certificate or key", hint="`pki show --der` shows the bytes")
    for reason in unreadable[: files.MOST_REMARKS]:
        remark(f"an object of {name} was ignored: {reason}")
    if others and not useful:
        remark(f"{name} was ignored: it contains {' and '.join(blocks.a(*each) for each in others.items())}")


# The leaf -----------------------------------------------------------------------------------------------------------

Origin = dict[x509.Certificate, Found]


def _leaf(pool: Pool, origin: Origin, given: Sequence[FoundKey]) -> tuple[x509.Certificate, str | None]:
    """The leaf, and the file of the key that chose it. Raises Problem unless there is exactly one."""
    candidates = list(origin)
    chosen_by = None
    if given:
        owners = {each: key for each in candidates for key in reversed(given) if _belongs(key.key, each)}
        if not owners:
            raise _belongs_to_none(given, list(origin.values()))
        candidates = list(owners)
    ends = _newest_of_each(_ends(pool, candidates))
    if not ends:
        listed = [_listed(origin[each]) for each in candidates[:MOST_LISTED]]
        raise Problem(
            "no certificate is the leaf: each of them issued another one",
            *listed,
            hint="give the server's certificate too, or choose one of these with --key",
            code=ExitCode.NO,
        )
    if len(ends) > 1:
        listed = [_listed(origin[each]) for each in ends[:MOST_LISTED]]
        more = [f"and {len(ends) - MOST_LISTED} more"] if len(ends) > MOST_LISTED else []
        raise Problem(
            f"{len(ends)} certificates could be the leaf",
            *listed,
            *more,
            hint="give the files of one, or its private key with --key",
            code=ExitCode.NO,
        )
    if given:
        chosen_by = owners[ends[0]].file
    return ends[0], chosen_by


def _ends(pool: Pool, candidates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates that can be a leaf; a CA certificate or a root only if there is nothing else."""
    signed = [each for each in candidates if not pool.is_self_signed(each)]
    if ends := [each for each in signed if not pool.is_authority(each)]:
        return ends
    if signed:
        return signed if len(signed) == 1 else [each for each in signed if not pool.issued_another(each)]
    return [each for each in candidates if not pool.is_authority(each)] or list(candidates)


def _newest_of_each(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Of those with equal subject, SANs and key, the one that was issued last: a renewal replaces the earlier one."""
    newest: dict[object, x509.Certificate] = {}
    for each in sorted(certificates, key=lambda each: each.not_valid_before_utc):
        fields = CertificateFields(each)
        same = guarded(lambda fields=fields: (fields.identity, frozenset(fields.names)))  # type: ignore[misc]  # mypy does not infer the default
        newest[same or each] = each
    kept = set(newest.values())
    return [each for each in certificates if each in kept]


def _belongs(key: Any, certificate: x509.Certificate) -> bool:
    stated = guarded(certificate.public_key)
    return stated is not None and bool(guarded(lambda: stated == key.public_key()))


def _belongs_to_none(given: Sequence[FoundKey], found: Sequence[Found]) -> Problem:
    where = " and ".join(dict.fromkeys(printable(each.file) for each in given))
    several = len(given) > 1
    certificates = [
        f"certificate: public key {public_keys.certificate_fingerprint(each.certificate)[:16]}… {_listed(each)}"
        for each in found[:MOST_LISTED]
        if guarded(each.certificate.public_key) is not None
    ]
    return Problem(
        f"the key{'s' if several else ''} in {where} belong{'' if several else 's'} to none of the certificates",
        *(f"key:         public key {keys.fingerprint(each.key.public_key())[:16]}… (SHA-256)" for each in given),
        *certificates,
        hint="give the certificate that was issued for this key",
        code=ExitCode.NO,
    )


def _listed(found: Found) -> str:
    certificate = found.certificate
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    return f"{subject(certificate)}, serial {certificate.serial_number:x}, until {until}, in {found.file}"


# What is missing, and what is left out ------------------------------------------------------------------------------


def described_issuer(certificate: x509.Certificate) -> str:
    """`subject CN=..., key identifier ...` of the issuer that a certificate names."""
    stated = guarded(lambda: CertificateFields(certificate).value(x509.AuthorityKeyIdentifier))
    identifier = stated.key_identifier.hex() if stated and stated.key_identifier else "not stated"
    return f"subject {issuer(certificate)}, key identifier {identifier}"


def _missing_issuer(pool: Pool, path: Chain, origin: Origin) -> str | None:
    """The issuer of the last certificate, if it may be a root that is not among the files; None if nothing is missing.

    Raises Problem if it cannot be one, or if the path has a loop.
    """
    if path.root:
        return None
    last = path.certificates[-1]
    if path.loop:
        raise Problem(
            f"the chain of {subject(path.certificates[0])} has a loop: "
            f"{subject(last)} is issued by {subject(path.loop)}, which is already in the chain",
            *(_listed(origin[each]) for each in path.certificates[:MOST_LISTED]),
            hint="add the certificate of one of them that a root issued",
            code=ExitCode.NO,
        )
    wrong = [
        f"{_listed(origin[each])} has that name, but {_why_not(pool.answer(last, each), last)}"
        for each in pool.named(last)
        if each != last
    ]
    has_root = any(pool.is_self_signed(each) for each in origin)
    if len(path.certificates) > 1 and not wrong and not has_root:
        return described_issuer(last)
    places = guarded(lambda: list(_places(last))) or []
    hint = "add its certificate to the files; if it is a root, it is left out of the chain again"
    raise Problem(
        f"issuer of {subject(last)} is missing: {described_issuer(last)}",
        *wrong[:MOST_LISTED],
        *(f"the certificate says that it is at {place}" for place in places[:1]),
        hint=hint,
        code=ExitCode.NO,
    )


def _why_not(answer: Answer, signed: x509.Certificate) -> str:
    if answer.outcome is SignatureStatus.UNKNOWN:
        return f"the signature on {subject(signed)} cannot be checked: {answer.why}"
    return f"its key did not sign {subject(signed)}"


def _places(certificate: x509.Certificate) -> Iterator[str]:
    """Yield the addresses of the issuer's certificate (caIssuers, RFC 5280 §4.2.2.1)."""
    access = CertificateFields(certificate).value(x509.AuthorityInformationAccess)
    for each in access or ():
        if each.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS:
            yield str(each.access_location.value)


def _left_out(pool: Pool, path: Chain, found: Iterable[Found]) -> Iterator[LeftOut]:
    members = {pool.identity(each): each for each in reversed(path.certificates)}
    first_of: dict[x509.Certificate, str] = {}
    for each in found:
        certificate = each.certificate
        if certificate in first_of:
            again = (
                "it occurs twice" if first_of[certificate] == each.file else f"it is also in {first_of[certificate]}"
            )
            yield LeftOut(certificate, each.file, f"a duplicate: {again}")
            continue
        first_of[certificate] = each.file
        if certificate in path.certificates:
            continue
        yield LeftOut(certificate, each.file, _why_left_out(pool, path, members, certificate))


def _why_left_out(
    pool: Pool, path: Chain, members: dict[object, x509.Certificate], certificate: x509.Certificate
) -> str:
    if certificate == path.root:
        return "the root, which a client must have already (RFC 8446 §4.4.2)"
    if pool.identity(certificate) in members:
        return f"another certificate for the key of {subject(members[pool.identity(certificate)])} is used"
    for each in path.certificates:
        if certificate in pool.named(each):
            if not pool.signed(each, certificate):
                why_not = _why_not(pool.answer(each, certificate), each)
                return f"it has the name of the issuer of {subject(each)}, but {why_not}"
            return f"another issuer of {subject(each)} is used"
    return f"it does not belong to the chain of {subject(path.certificates[0])}"


# Existing files -----------------------------------------------------------------------------------------------------


def only_replaces(chain: Sequence[x509.Certificate]) -> Callable[[bytes], bool]:
    """Whether a file holds only an earlier chain for the same names and from the same CA: it may be replaced.

    Its certificates are those of `chain`, in any order, except that it may have an earlier leaf.
    """

    def ours(content: bytes) -> bool:
        found = tuple(blocks.read(content).flat())
        return all(each.kind is BlockKind.CERTIFICATE for each in found) and is_earlier_chain(
            (each.der for each in found), chain
        )

    return ours


def is_earlier_chain(certificates: Iterable[bytes], chain: Sequence[x509.Certificate]) -> bool:
    """Whether certificates in DER are those of `chain`, in any order, except that the leaf may be an earlier one."""
    leaves = set(certificates) - {encoded(each) for each in chain[1:]}
    return len(leaves) == 1 and _is_earlier(leaves.pop(), chain)


def _is_earlier(leaf: bytes, chain: Sequence[x509.Certificate]) -> bool:
    """Whether it is the first of the chain; or has its subject and names, and the second of the chain issued both."""
    certificate = guarded(lambda: x509.load_der_x509_certificate(leaf))
    if certificate is None or certificate == chain[0]:
        return certificate is not None
    one, other = CertificateFields(certificate), CertificateFields(chain[0])
    same = guarded(lambda: one.subject == other.subject and set(one.names) == set(other.names))
    return bool(same) and len(chain) > 1 and chain[1] in Pool((certificate, chain[1])).issuers(certificate)
