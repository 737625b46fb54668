"""What the parties have, and what an attacker may have come by: a small PKI in memory, each part minted when asked for.

    root -> intermediate -> server, client           the honest ones
                         -> evil.example             his own, honestly bought: and he uses it as if it were an authority
                         -> expired, revoked         the server's of yesterday, whose keys he has
    his root -> ...                                  whatever he likes

Pure: the clock, keys and serials come in as arguments. All keys of his are one key, which changes nothing here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509

from pki import Authority, Credential, names
from pki.authority import Validity, authority_name
from pki.cases import CertificateCase, Ingredients
from pki.cases.chain import self_signed
from pki.cases.signature import rogue_same_name_forged_aki
from pki.copied import Copied
from pki.keys import PrivateKey
from pki.profiles import CLIENT, INTERMEDIATE, ROOT, SERVER, Profile

HOST, HIS_HOST = "localhost", "evil.example"
NAMES = (HOST, "127.0.0.1", "::1")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Mint:
    """Everything that is certified in a World."""

    now: datetime
    new_key: Callable[[], PrivateKey]
    new_serial: Callable[[], int]

    # The honest ones -------------------------------------------------------------------------------------------------

    @cached_property
    def root(self) -> Authority:
        """Whom the client trusts."""
        return self._root("tlsdemo", self.new_key())

    @cached_property
    def intermediate(self) -> Authority:
        """Who issues in its name."""
        subject, key = authority_name("tlsdemo", "intermediate"), self.new_key()
        return self.root.subordinate(
            INTERMEDIATE, subject=subject, key=key, validity=self._dates(), serial=self.new_serial()
        )

    @cached_property
    def server(self) -> Credential:
        """The server's own."""
        return self._issue(SERVER, NAMES, self.new_key())

    @cached_property
    def client(self) -> Credential:
        """The client's own."""
        return self._issue(CLIENT, ("client.example",), self.new_key())

    @cached_property
    def crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """Of the root and of the intermediate; one certificate is on it."""
        revoked = [self.revoked.certificate.serial_number]
        return self._crl(self.root, []), self._crl(self.intermediate, revoked)

    # What he has -----------------------------------------------------------------------------------------------------

    @cached_property
    def his_key(self) -> PrivateKey:
        """With it he does all that he does."""
        return self.new_key()

    @cached_property
    def copied(self) -> Credential:
        """The server's certificate, as anybody can see it; not its key."""
        return Copied(self.his_key, self.server.certificate, self.server.issuers)

    @cached_property
    def self_signed(self) -> Credential:
        """All names are right, and he vouches for himself."""
        return self._minted(self_signed)

    @cached_property
    def rogue(self) -> Credential:
        """By an authority that calls itself as the root does."""
        return self._minted(rogue_same_name_forged_aki)

    @cached_property
    def other_host(self) -> Credential:
        """A good certificate, for his own host."""
        return self._issue(SERVER, (HIS_HOST,), self.his_key)

    @cached_property
    def leaf_as_authority(self) -> Credential:
        """Signed with the key of his good certificate, which is not an authority's."""
        leaf = Authority(self.other_host)
        forged = leaf.issue(
            SERVER,
            alternative_names=_names(NAMES),
            key=self.his_key,
            validity=self._dates(),
            serial=self.new_serial(),
        )
        return Credential(self.his_key, forged.certificate, self.other_host.chain)

    @cached_property
    def expired(self) -> Credential:
        """The server's of last year; its key was lost since."""
        return self._issue(SERVER, NAMES, self.his_key, Validity(self.now - 90 * DAY, self.now - DAY))

    @cached_property
    def revoked(self) -> Credential:
        """The server's of last month; its key was stolen, and that was reported."""
        return self._issue(SERVER, NAMES, self.his_key)

    @cached_property
    def minted_with_stolen_authority(self) -> Credential:
        """He has the key of the authority: there is no certificate that he cannot have."""
        return self._issue(SERVER, NAMES, self.his_key)

    @cached_property
    def his_root(self) -> Authority:
        """An authority of his own, under his own name."""
        return self._root("Helpful Software", self.his_key)

    @cached_property
    def by_his_root(self) -> Credential:
        """A certificate for the server's names, by his own authority."""
        return self.his_root.issue(
            SERVER,
            alternative_names=_names(NAMES),
            key=self.his_key,
            validity=self._dates(),
            serial=self.new_serial(),
        )

    @cached_property
    def his_crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """His authority has a list, too, as a good one should."""
        return (self._crl(self.his_root, []),)

    @cached_property
    def self_signed_client(self) -> Credential:
        """He says that he is the client."""
        return Authority.self_signed(
            CLIENT,
            subject=self.client.certificate.subject,
            key=self.his_key,
            validity=self._dates(),
            serial=self.new_serial(),
        ).credential

    @cached_property
    def copied_client(self) -> Credential:
        """The client's certificate, not its key."""
        return Copied(self.his_key, self.client.certificate, self.client.issuers)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _dates(self) -> Validity:
        return Validity(self.now - DAY, self.now + 90 * DAY)

    def _root(self, name: str, key: PrivateKey) -> Authority:
        validity = Validity(self.now - 400 * DAY, self.now + 3650 * DAY)
        subject = authority_name(name, "root")
        return Authority.self_signed(ROOT, subject=subject, key=key, validity=validity, serial=self.new_serial())

    def _issue(
        self, profile: Profile, wanted: tuple[str, ...], key: PrivateKey, dates: Validity | None = None
    ) -> Credential:
        return self.intermediate.issue(
            profile,
            alternative_names=_names(wanted),
            key=key,
            validity=dates or self._dates(),
            serial=self.new_serial(),
        )

    def _crl(self, authority: Authority, revoked: list[int]) -> x509.CertificateRevocationList:
        return authority.crl(number=1, this_update=self.now - DAY, next_update=self.now + 30 * DAY, revoked=revoked)

    def _minted(self, case: CertificateCase[Ingredients]) -> Credential:
        ingredients = Ingredients(
            root=self.root.certificate,
            alternative_names=_names(NAMES),
            validity=self._dates(),
            new_key=lambda: self.his_key,
            new_serial=self.new_serial,
        )
        return case.mint(ingredients).credential


def _names(wanted: tuple[str, ...]) -> tuple[x509.GeneralName, ...]:
    return tuple(map(names.parse, wanted))
