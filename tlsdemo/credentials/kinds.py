"""The credentials that a server presents and that an attacker can obtain, each declared once.

    Source: a CA, a server, a client  --  Kind.mint  -->  Credential

A recipe uses nothing but a Source. `minted.Mint` is a Source in memory, and
`folder.Folder` reads one from a CA's folder. Pure: the clock, new keys and serial numbers come from the Source.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509

from pki import Credential, names
from pki.authority import Authority, Validity, authority_name
from pki.cases import CertificateCase, Ingredients
from pki.cases import chain as chain_cases
from pki.cases.signature import rogue_same_name_forged_aki
from pki.copied import Copied
from pki.keys import PrivateKey, from_pem
from pki.profiles import CLIENT, ROOT, SERVER, Profile

ATTACKER_HOST = "evil.example"
"""The attacker's own host."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIFETIME = 90 * DAY
"""Of the certificates that are minted here, counted from now."""


class Source(Protocol):
    """The input of recipes. A recipe that uses a private key of the CA or of the server has stolen it."""

    @property
    def now(self) -> datetime:
        """The time of minting, in UTC."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that certificates for the server hold."""

    @property
    def root_certificate(self) -> x509.Certificate:
        """The client's trust anchor."""

    @property
    def issuing_ca(self) -> Authority:
        """The CA that issues to servers and clients, with its key."""

    @property
    def server(self) -> Credential:
        """The server's own certificate and key."""

    @property
    def server_chain(self) -> tuple[x509.Certificate, ...]:
        """What the server presents, its own certificate first."""

    @property
    def client(self) -> Credential:
        """The client's own certificate and key. The attacker's recipes use only its certificates."""

    @property
    def attacker_root(self) -> Authority:
        """The attacker's root CA. Its name differs from the name of the client's root CA."""

    def attacker_key(self) -> PrivateKey:
        """A key of the attacker."""

    def attacker_key_like(self, certificate: x509.Certificate) -> PrivateKey:
        """A key of the attacker with the type and size of that certificate's key. Problem if not EC or RSA."""

    def new_serial(self) -> int:
        """A serial number for one certificate."""


@dataclass(frozen=True)
class Kind:
    """One kind of credential, and the texts that commands print about it."""

    id: str
    """The value of --credential."""
    mint: Callable[[Source], Credential]
    file: str | None = None
    """Its files in a CA's folder, without `.pem` and `.key`; None if the folder has none, and it must be minted."""
    per_client: bool = False
    """Whether `mitm` mints one for the name that each client asks for."""
    serve: str = ""
    """What `serve` prints in its banner; empty if it does not offer this kind."""
    mitm: str = ""
    """What `mitm` prints in its banner; empty if it does not offer this kind."""
    attack: str = ""
    """Its name in the story of an attack; empty if no attack in memory uses it."""


# Recipes -------------------------------------------------------------------------------------------------------------


def _server(source: Source) -> Credential:
    return source.server


def _copied(source: Source) -> Credential:
    return _copy(source, source.server_chain)


def _copied_client(source: Source) -> Credential:
    return _copy(source, source.client.chain)


def _copy(source: Source, chain: Sequence[x509.Certificate]) -> Credential:
    return Copied(source.attacker_key_like(chain[0]), chain[0], tuple(chain[1:]))


def _self_signed(source: Source) -> Credential:
    return _case(source, chain_cases.self_signed, validity(source, age=HOUR))


def _rogue(source: Source) -> Credential:
    return _case(source, rogue_same_name_forged_aki, validity(source))


def _case(source: Source, case: CertificateCase[Ingredients], dates: Validity) -> Credential:
    """A test certificate of `pki.cases` that can be made from public data."""
    ingredients = Ingredients(
        root=source.root_certificate,
        alternative_names=parsed(source.names),
        validity=dates,
        new_key=source.attacker_key,
        new_serial=source.new_serial,
    )
    return case.mint(ingredients).credential


def _self_signed_client(source: Source) -> Credential:
    return Authority.self_signed(
        CLIENT,
        subject=source.client.certificate.subject,
        key=source.attacker_key(),
        validity=validity(source),
        serial=source.new_serial(),
    ).credential


def _untrusted_ca(source: Source) -> Credential:
    return by_untrusted_ca(source.names)[0]


def by_untrusted_ca(wanted: Sequence[str]) -> tuple[Credential, bytes]:
    """A valid certificate from a CA that the client does not trust, made by trustme, and that CA's certificate in PEM.

    trustme generates the keys and reads the clock itself.
    """
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert(*wanted)
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    credential = Credential(from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:]))
    return credential, authority.cert_pem.bytes()


def _other_host(source: Source) -> Credential:
    return issued(source, SERVER, (ATTACKER_HOST,), source.attacker_key())


def _leaf_as_ca(source: Source) -> Credential:
    leaf = _other_host(source)
    forged = issued(source, SERVER, source.names, leaf.key, by=Authority(leaf))
    return Credential(leaf.key, forged.certificate, leaf.chain)


def _expired(source: Source) -> Credential:
    dates = validity(source, left=-timedelta(minutes=1))
    return issued(source, SERVER, source.names, source.attacker_key(), dates=dates)


def _issued(source: Source) -> Credential:
    return issued(source, SERVER, source.names, source.attacker_key())


def _by_installed_root(source: Source) -> Credential:
    return issued(source, SERVER, source.names, source.attacker_key(), by=source.attacker_root)


def issued(
    source: Source,
    profile: Profile,
    wanted: Sequence[str],
    key: PrivateKey,
    *,
    by: Authority | None = None,
    dates: Validity | None = None,
) -> Credential:
    """A certificate for these names, issued by the CA `by` (default: the issuing CA of the source)."""
    return (by or source.issuing_ca).issue(
        profile,
        alternative_names=parsed(wanted),
        key=key,
        validity=dates or validity(source),
        serial=source.new_serial(),
    )


def root_ca(source: Source, name: str, key: PrivateKey) -> Authority:
    """A root CA of that name, valid since 400 days ago."""
    return Authority.self_signed(
        ROOT,
        subject=authority_name(name, "root"),
        key=key,
        validity=Validity(source.now - 400 * DAY, source.now + 3650 * DAY),
        serial=source.new_serial(),
    )


def attacker_root(source: Source) -> Authority:
    """A new root CA with a key of the attacker's."""
    return root_ca(source, "Helpful Software", source.attacker_key())


def validity(source: Source, *, age: timedelta = DAY, left: timedelta = LIFETIME) -> Validity:
    """From `age` ago until `left` from now."""
    now = source.now
    return Validity(now - age, now + left)


def parsed(wanted: Sequence[str]) -> tuple[x509.GeneralName, ...]:
    """The names as they are encoded in a certificate. Raises InvalidName for text that is not a name."""
    return tuple(map(names.parse, wanted))


# The kinds -----------------------------------------------------------------------------------------------------------

SERVER_OWN = Kind("server", _server, file="server", serve="the server's own certificate")
ROGUE = Kind(
    "rogue",
    _rogue,
    file="rogue/server",
    serve="the ROGUE certificate: the right names, but not signed by the CA that it names as its issuer",
    mitm="the rogue certificate: the right names, signed by a rogue CA that has the root's name",
    attack="a certificate from a rogue CA that has the root's name",
)
SELF_SIGNED = Kind(
    "self-signed",
    _self_signed,
    mitm="a self-signed certificate",
    attack="a self-signed certificate",
)
UNTRUSTED_CA = Kind(
    "untrusted-ca",
    _untrusted_ca,
    serve="a valid certificate from an UNTRUSTED CA",
    mitm="a valid certificate from an untrusted CA",
)
STOLEN = Kind(
    "stolen",
    _server,
    mitm="the server's certificate and its STOLEN KEY: a client cannot tell the attacker from the server",
    attack="the server's certificate and its stolen key",
)
COPIED = Kind(
    "copied",
    _copied,
    mitm="a copy of the server's certificate, without its key",
    attack="a copy of the server's certificate",
)
OTHER_HOST = Kind(
    "other-host",
    _other_host,
    mitm=f"a valid certificate from the same CA, for the attacker's own host, {ATTACKER_HOST}",
    attack="a valid certificate for the attacker's own host",
)
EXPIRED = Kind(
    "expired",
    _expired,
    mitm="a certificate from the same CA for the server's names, expired a minute ago",
    attack="an expired certificate of the server, and its key",
)
STOLEN_CA = Kind(
    "stolen-ca",
    _issued,
    per_client=True,
    mitm="a certificate for the name that each client asks for, signed with the CA's stolen key",
    attack="a certificate signed with the CA's stolen key",
)
LEAF_AS_CA = Kind(
    "leaf-as-ca",
    _leaf_as_ca,
    attack="a certificate signed with the key of a server certificate, which is not a CA certificate",
)
REVOKED = Kind("revoked", _issued, attack="a revoked certificate, and its key")
"""The Source's CRL must list it, as that of `minted.Mint` does."""
BY_INSTALLED_ROOT = Kind(
    "by-installed-root",
    _by_installed_root,
    attack="a certificate from the attacker's root CA, which the client has installed",
)
COPIED_CLIENT = Kind("copied-client", _copied_client, attack="a copy of the client's certificate")
SELF_SIGNED_CLIENT = Kind(
    "self-signed-client",
    _self_signed_client,
    attack="a self-signed certificate in the client's name",
)

KINDS = (
    SERVER_OWN,
    ROGUE,
    SELF_SIGNED,
    UNTRUSTED_CA,
    STOLEN,
    COPIED,
    OTHER_HOST,
    EXPIRED,
    STOLEN_CA,
    LEAF_AS_CA,
    REVOKED,
    BY_INSTALLED_ROOT,
    COPIED_CLIENT,
    SELF_SIGNED_CLIENT,
)
BY_ID: Mapping[str, Kind] = {kind.id: kind for kind in KINDS}
