"""OpenSSL's trust settings: the purposes for which a certificate is a trust anchor (openssl-x509(1), -addtrust)."""

from dataclasses import dataclass

from pki.asn1 import ber, der


@dataclass(frozen=True)
class TrustSettings:
    """The settings that follow the certificate in a TRUSTED CERTIFICATE block."""

    trusted: tuple[str, ...] | None
    """Object identifiers of purposes; None if the list is absent."""
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
        """Whether OpenSSL accepts the certificate as trust anchor for the purpose, an object identifier."""
        either = {purpose, "2.5.29.37.0"}
        return not either & set(self.rejected) and (self.trusted is None or bool(either & set(self.trusted)))
