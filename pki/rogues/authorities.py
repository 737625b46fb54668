"""Rogues of authority: signed by somebody who may not sign (RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4)."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.authority import authority_name
from pki.profiles import INTERMEDIATE, SERVER
from pki.rogues.case import Specimen, accepted, refused, rogue
from pki.rogues.draft import Draft
from pki.rogues.workshop import GALLERY, Workshop, as_is, but, having, usage, without

CONSTRAINTS, KEY_USAGE = ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE


@rogue("RFC 5280 §6.1.4 (k)", refused(79), cve=("CVE-2002-0862", "CVE-2011-0228"))
def leaf_signs_leaf(given: Workshop) -> Specimen:
    """The owner of an ordinary certificate signs another one with it, for whatever host he likes.

    The chain leads to the trusted root without a gap. Internet Explorer (2002) and iOS (2011) did not look whether
    the one in between may vouch for anybody.
    """

    def ordinary(authority: Draft) -> Draft:
        mine = x509.SubjectAlternativeName([x509.DNSName(f"attacker.{given.domain}")])
        no_authority = authority.having(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return no_authority.having(SERVER.key_usage(given.root_key.public_key()), critical=True).having(mine)

    return given.specimen(intermediates=(ordinary,))


@rogue("RFC 5280 §6.1.4 (k)", refused(79))
def intermediate_no_bc(given: Workshop) -> Specimen:
    """The authority's key may sign certificates, but nowhere does it say that it is an authority."""
    return given.specimen(intermediates=(without(CONSTRAINTS),))


@rogue("RFC 5280 §6.1.4 (k)", refused(79))
def intermediate_no_bc_no_ku(given: Workshop) -> Specimen:
    """The authority says nothing at all of what it may do; what is not said is not allowed."""
    return given.specimen(intermediates=(without(CONSTRAINTS, KEY_USAGE),))


@rogue("RFC 5280 §6.1.4 (n)", refused(79))
def intermediate_no_keycertsign(given: Workshop) -> Specimen:
    """It says that it is an authority, and that its key may not sign certificates, only revocation lists."""
    return given.specimen(intermediates=(usage("crl_sign"),))


@rogue("RFC 5280 §6.1.4 (l)", refused(25))
def pathlen_exceeded(given: Workshop) -> Specimen:
    """An authority that may have no authority below itself has made one."""
    none_below = having(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return given.specimen(intermediates=(none_below, as_is))


@rogue("RFC 5280 §6.1.4 (k)", refused(79))
def intermediate_v1(given: Workshop) -> Specimen:
    """An authority of version 1, from before 1996: it has no extensions, so it cannot say that it may sign."""
    return given.specimen(intermediates=(but(version=1, extensions=()),))


@rogue("CA/B Forum BR §7.1.2.7.8", accepted(), disputed=True)
def ca_as_leaf(given: Workshop) -> Specimen:
    """A server shows the certificate of an authority: whoever breaks into the server can vouch for everybody.

    RFC 5280 does not forbid it, the web's rules do.
    """

    def authority(leaf: Draft) -> Draft:
        with_name = leaf.but(subject=authority_name(GALLERY, "server").public_bytes())
        may_sign = usage("digital_signature", *INTERMEDIATE.usages)(with_name)
        return may_sign.having(x509.BasicConstraints(ca=True, path_length=0), critical=True)

    return given.specimen(leaf=authority)
