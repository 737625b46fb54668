"""OpenSSL's trust settings: for what a certificate may be a trust anchor (openssl-x509(1), -addtrust)."""

from dataclasses import dataclass

from pki.asn1 import ber, der


@dataclass(frozen=True)
class TrustSettings:
    """What OpenSSL writes behind the certificate of a TRUSTED CERTIFICATE block (openssl-x509(1), -addtrust)."""

    trusted: tuple[str, ...] | None
    """Object identifiers of purposes; None where the list is missing."""
    rejected: tuple[str, ...]
    alias: str

    @classmethod
    def read(cls, encoded: bytes) -> "TrustSettings":
        """The settings in DER: trusted purposes, [0] rejected purposes, alias."""
        tree = ber.parse(encoded)
        trusted, rejected, alias = None, tuple[str, ...](), ""
        for each in tree.roots[0].children if tree.roots else ():
            oids = tuple(ber.oid(tree.data[inner.content]) or "?" for inner in each.children)
            if each.tag == der.SEQUENCE and trusted is None:
                trusted = oids
            elif each.tag == 0xA0:
                rejected = oids
            elif each.tag == der.UTF8_STRING:
                alias = ber.text_of(each.tag, tree.content(each)) or ""
        return cls(trusted, rejected, alias)

    def allow(self, purpose: str) -> bool:
        """Whether a certificate may be an anchor for the purpose, an object identifier, as OpenSSL decides it."""
        either = {purpose, "2.5.29.37.0"}
        return not either & set(self.rejected) and (self.trusted is None or bool(either & set(self.trusted)))
