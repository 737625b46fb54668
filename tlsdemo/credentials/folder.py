"""A CA's folder: the credentials in it, and those that are minted from what is in it. EDGE: reads files."""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import Credential, keys, names
from pki.authority import Authority, Validity
from pki.console import note
from pki.errors import Problem, printable
from pki.keys import KeyType, PrivateKey
from pki.malformed import MALFORMED
from pki.store import ca
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo import peer
from tlsdemo.credentials import kinds
from tlsdemo.credentials.kinds import Kind


@dataclass(frozen=True)
class Folder:
    """The folder that `pki init` made; a `kinds.Source`.

    Each property reads its files again. It raises Problem if a file cannot be read.
    """

    certs: Path
    asked_for: tuple[str, ...] | None = None
    """The names to mint for, instead of those of `server.pem`."""

    # Credentials ------------------------------------------------------------------------------------------------------

    def credential(self, kind: Kind) -> Credential:
        """The credential of that kind: read from its files if the folder has them, else minted."""
        files = self.files(kind)
        return from_files(*files, self._hint) if files else kind.mint(self)

    def files(self, kind: Kind) -> tuple[Path, Path] | None:
        """The certificate file and the key file of that kind; None if the folder has none."""
        return (self.certs / f"{kind.file}.pem", self.certs / f"{kind.file}.key") if kind.file else None

    def with_untrusted_ca(self) -> Credential:
        """A credential of kind UNTRUSTED_CA; writes its CA to `untrusted-ca/ca.pem`, so that a client can trust it."""
        found, ca_pem = kinds.by_untrusted_ca(self.names)
        ca.keep(self.certs, "untrusted-ca/ca.pem", ca_pem, _is_of_trustme)
        return found

    def minting_for(self, name: str) -> "Folder":
        """This folder, minting for the name that a client asks for. Problem if a certificate cannot contain it."""
        try:
            return replace(self, asked_for=(names.plain(names.reference(name)),))
        except names.InvalidName as error:
            raise Problem(f"no certificate can be minted for {printable(repr(name))}", str(error)) from None

    # What clients check -----------------------------------------------------------------------------------------------

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        """The trust anchors in `root.pem`."""
        return read_certificates(self.certs / "root.pem", self._hint)

    @property
    def crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """The CRLs in `crl.pem`; () without that file."""
        path = self.certs / "crl.pem"
        return read_crls(path) if os.path.lexists(path) else ()

    @property
    def server_name(self) -> str:
        """A name that the server's certificate covers."""
        return self.names[0].replace("*", "www")

    def covers(self, host: str) -> bool:
        """Whether the server's certificate covers that host."""
        try:
            wanted = names.reference(host)
        except names.InvalidName:
            return False
        return any(names.matches(names.parse(each), wanted) for each in self.names)

    # The Source -------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The current time, in whole seconds."""
        return datetime.now(UTC).replace(microsecond=0)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in `server.pem` that a certificate can be minted for; the default names if there are none."""
        if self.asked_for is not None:
            return self.asked_for
        if not os.path.lexists(self.certs / "server.pem"):
            return ca.DEFAULT_SAN
        presented = map(names.plain, peer.alternative_names(read_certificates(self.certs / "server.pem")[0]))
        return tuple(each for each in presented if _is_a_name(each)) or ca.DEFAULT_SAN

    @property
    def root_certificate(self) -> x509.Certificate:
        """The first certificate in `root.pem`."""
        return self.anchors[0]

    @property
    def issuing_ca(self) -> Authority:
        """The intermediate CA of the folder, with its key."""
        return ca.load_authority(self.certs, self.now)

    @property
    def server(self) -> Credential:
        """The certificate in `server.pem`, and its key."""
        return self.credential(kinds.SERVER_OWN)

    @property
    def server_chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates in `server.pem`."""
        return read_certificates(self.certs / "server.pem", self._hint)

    @property
    def client(self) -> Credential:
        """The certificate in `client.pem`, and its key."""
        return from_files(self.certs / "client.pem", None, self._hint)

    @property
    def attacker_root(self) -> Authority:
        """A new root CA at each call."""
        return kinds.attacker_root(self)

    def attacker_key(self) -> PrivateKey:
        """A new P-256 key."""
        return keys.generate(KeyType.EC_P256)

    def attacker_key_like(self, certificate: x509.Certificate) -> PrivateKey:
        """A new key of that certificate's type and size. Problem if it is neither EC nor RSA."""
        match certificate.public_key():
            case rsa.RSAPublicKey() as public:
                return rsa.generate_private_key(65537, public.key_size)
            case ec.EllipticCurvePublicKey() as public:
                return ec.generate_private_key(public.curve)
        hint = "`pki init --key-type ec-p256` in a new folder"
        raise Problem("the credential `copied` needs a server certificate with an EC or RSA key", hint=hint)

    def new_serial(self) -> int:
        """A random serial number."""
        return x509.random_serial_number()

    @property
    def _hint(self) -> str:
        return f"`pki init --dir {shlex.quote(str(self.certs))}` creates the missing files"


def from_files(certificate: Path, key: Path | None, hint: str, tell: Callable[[str], None] = note) -> Credential:
    """The credential in these files (default key file: the certificate's name with the suffix `.key`).

    Calls `tell` with a warning if the certificate is outside its validity period, or if that cannot be read.
    """
    found = read_credential(certificate, key or certificate.with_suffix(".key"), hint)
    dates = peer.attempt(lambda: Validity.of(found.certificate))
    if isinstance(dates, peer.Unreadable):
        tell(f"the validity of {certificate} cannot be read: {dates.why}; clients reject it (RFC 5280 §4.1.2.5)")
    elif not dates.not_before <= datetime.now(UTC) <= dates.not_after:
        tell(f"{certificate} is valid from {dates.not_before:%Y-%m-%d} to {dates.not_after:%Y-%m-%d} only:")
        tell("clients that check validity reject it")
    return found


def _is_of_trustme(content: bytes) -> bool:
    """Whether the file contains nothing but the certificate of a CA that trustme made."""
    try:
        found = x509.load_pem_x509_certificates(content)
        makers = [each.subject.rfc4514_string() for each in found]
    except MALFORMED:
        return False
    return content.count(b"-----BEGIN ") == len(found) and all("O=trustme v" in each for each in makers)


def _is_a_name(text: str) -> bool:
    """Whether `names` accepts the text as a name; certificates of other programs may contain anything."""
    try:
        names.parse(text)
    except names.InvalidName:
        return False
    return True
