"""Whose certificate is shown: the server's, or one of those that an attacker can come by. EDGE: reads files."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import Credential, keys, names
from pki.authority import Validity
from pki.cases import Ingredients
from pki.cases import chain as broken_chains
from pki.console import note
from pki.copied import Copied
from pki.errors import Problem, printable
from pki.keys import KeyType, PrivateKey
from pki.malformed import MALFORMED
from pki.profiles import SERVER
from pki.store import ca
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo import peer


def credential(name: str, certs: Path) -> Credential:
    """By the name of the option: one of KINDS."""
    return KINDS[name](certs)


def from_files(certificate: Path, key: Path | None, hint: str, tell: Callable[[str], None] = note) -> Credential:
    """A certificate and its key, which lies beside it unless it is named; `tell` is told if its dates are over."""
    found = read_credential(certificate, key or certificate.with_suffix(".key"), hint)
    dates = peer.attempt(lambda: Validity.of(found.certificate))
    if isinstance(dates, peer.Unreadable):
        tell(f"the validity of {certificate} cannot be read: {dates.why}; clients refuse it (RFC 5280 §4.1.2.5)")
    elif not dates.not_before <= datetime.now(UTC) <= dates.not_after:
        tell(f"{certificate} is valid from {dates.not_before:%Y-%m-%d} to {dates.not_after:%Y-%m-%d} only:")
        tell("clients that check the validity period refuse it")
    return found


def _server(certs: Path) -> Credential:
    return from_files(certs / "server.pem", None, _mint(certs))


def _rogue(certs: Path) -> Credential:
    return from_files(certs / "rogue/server.pem", None, _mint(certs))


def _self_signed(certs: Path) -> Credential:
    root = read_certificates(certs / "root.pem", _mint(certs))[0]
    return self_signed(root, _names_to_imitate(certs))


def self_signed(root: x509.Certificate, wanted: Iterable[str]) -> Credential:
    """It vouches for itself; `root` is that of the one who is imitated."""
    now = datetime.now(UTC).replace(microsecond=0)
    ingredients = Ingredients(
        root=root,
        alternative_names=tuple(map(names.parse, wanted)),
        validity=Validity(now - ca.CLOCK_SKEW, now + timedelta(90)),
        new_key=lambda: keys.generate(KeyType.EC_P256),
        new_serial=x509.random_serial_number,
    )
    return broken_chains.self_signed.mint(ingredients).credential


def _stranger(certs: Path) -> Credential:
    return stranger(_names_to_imitate(certs))[0]


def stranger_to_be_trusted(certs: Path) -> Credential:
    """His authority is kept in the folder, so that somebody can trust it on purpose."""
    found, authority_pem = stranger(_names_to_imitate(certs))
    ca.keep(certs, "stranger/ca.pem", authority_pem, _is_strangers)
    return found


def _is_strangers(content: bytes) -> bool:
    """Whether a file holds the certificate of an earlier such CA."""
    try:
        found = x509.load_pem_x509_certificates(content)
        makers = [each.subject.rfc4514_string() for each in found]
    except MALFORMED:
        return False
    return content.count(b"-----BEGIN ") == len(found) and all("O=trustme v" in each for each in makers)


def stranger(wanted: Iterable[str]) -> tuple[Credential, bytes]:
    """A perfectly good certificate by a perfectly good authority that nobody here trusts (trustme's), and that one."""
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert(*wanted)
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    return Credential(
        keys.from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:])
    ), authority.cert_pem.bytes()


def _names_to_imitate(certs: Path) -> tuple[str, ...]:
    if not os.path.lexists(certs / "server.pem"):
        return ca.DEFAULT_SAN
    presented = map(names.plain, peer.alternative_names(read_certificates(certs / "server.pem")[0]))
    return tuple(each for each in presented if _is_a_name(each)) or ca.DEFAULT_SAN


def _is_a_name(text: str) -> bool:
    """Whether this program would put it into a certificate: others put anything there."""
    try:
        names.parse(text)
    except names.InvalidName:
        return False
    return True


def _copied(certs: Path) -> Credential:
    shown = read_certificates(certs / "server.pem", _mint(certs))
    public = shown[0].public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        hint = "`pki init --key-type ec-p256` in a new folder"
        raise Problem("a copied certificate is shown with EC and RSA keys only", hint=hint)
    key: PrivateKey
    if isinstance(public, rsa.RSAPublicKey):
        key = rsa.generate_private_key(65537, public.key_size)
    else:
        key = ec.generate_private_key(public.curve)
    return Copied(key, shown[0], shown[1:])


HIS_HOST = "evil.example"
DAY = timedelta(days=1)


def _other_host(certs: Path) -> Credential:
    return _issued(certs, (HIS_HOST,), 90 * DAY)


def _expired(certs: Path) -> Credential:
    return _issued(certs, _names_to_imitate(certs), -timedelta(minutes=1))


def _stolen_authority(certs: Path) -> Credential:
    return stolen_authority(certs, None)


def stolen_authority(certs: Path, name: str | None) -> Credential:
    """Minted with the CA's key for a name that is asked for, whatever it is; for the server's own names without one.

    A Problem if no certificate can hold that name.
    """
    try:
        wanted = _names_to_imitate(certs) if name is None else (names.plain(names.reference(name)),)
    except names.InvalidName as error:
        raise Problem(f"no certificate can be minted for {printable(repr(name))}", str(error)) from None
    return _issued(certs, wanted, 90 * DAY)


def _issued(certs: Path, wanted: Iterable[str], left: timedelta) -> Credential:
    """By the authority of this folder: it was asked honestly, or not asked at all."""
    now = datetime.now(UTC).replace(microsecond=0)
    return ca.load_authority(certs, now).issue(
        SERVER,
        alternative_names=tuple(map(names.parse, wanted)),
        key=keys.generate(KeyType.EC_P256),
        validity=Validity(now - DAY, now + left),
        serial=x509.random_serial_number(),
    )


KINDS: Mapping[str, Callable[[Path], Credential]] = {
    "server": _server,
    "rogue": _rogue,
    "self-signed": _self_signed,
    "stranger": _stranger,
    "stolen": _server,
    "copied": _copied,
    "other-host": _other_host,
    "expired": _expired,
    "stolen-authority": _stolen_authority,
}


def server_name(certs: Path) -> str:
    """A name that the server's certificate of this folder covers."""
    return _names_to_imitate(certs)[0].replace("*", "www")


def covers(certs: Path, host: str) -> bool:
    """Whether the server's certificate of this folder covers that host."""
    try:
        wanted = names.reference(host)
    except names.InvalidName:
        return False
    return any(names.matches(names.parse(each), wanted) for each in _names_to_imitate(certs))


def trust(certs: Path) -> tuple[x509.Certificate, ...]:
    """The anchors of this folder."""
    return read_certificates(certs / "root.pem", _mint(certs))


def revocation_lists(certs: Path) -> tuple[x509.CertificateRevocationList, ...]:
    """The lists of this folder; none if there is no file."""
    path = certs / "crl.pem"
    return read_crls(path) if os.path.lexists(path) else ()


def _mint(certs: Path) -> str:
    return f"`pki init --dir {shlex.quote(str(certs))}` makes what is needed here"
