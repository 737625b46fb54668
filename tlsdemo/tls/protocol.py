"""Real TLS as a Protocol: an SSLContext built from a set of protections, and endpoints over it.

What `ssl` gives by itself is all but three: a cut line is a normal end for a default SSLSocket (CLOSURE), revocation is
looked at only with lists at hand (REVOCATION), and clients stay anonymous unless they are asked (CLIENT_IDENTITY).
What OpenSSL cannot leave out is a ValueError.
"""

import ssl
from pathlib import Path

from pki.names import plain
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls.context import Verify, client_context, server_context
from tlsdemo.tls.endpoint import TlsEndpoint

EXTRA = frozenset({Protection.REVOCATION, Protection.CLIENT_IDENTITY})
CLAIMS = frozenset(Protection) - EXTRA - {Protection.CLOSURE}
"""What `ssl` gives by itself."""
NAME = frozenset({Protection.NAME})
CHAIN = frozenset({Protection.CHAIN, Protection.NAME, Protection.VALIDITY})

VERIFY = {
    CLAIMS: Verify.EVERYTHING,
    CLAIMS - NAME: Verify.ANY_NAME_FOR_THE_DEMO,
    CLAIMS - CHAIN: Verify.NOTHING_FOR_THE_DEMO,
}


def tls(claims: frozenset[Protection] = CLAIMS, *, keylog: Path | None = None) -> Protocol:
    """TLS with these protections; ValueError for a set that OpenSSL cannot be brought to."""
    if claims - EXTRA not in VERIFY:
        raise ValueError("OpenSSL cannot be brought to these protections")
    verify = VERIFY[claims - EXTRA]
    contexts: dict[tuple[Side, Party], ssl.SSLContext] = {}

    def client(party: Party) -> TlsEndpoint:
        if Protection.REVOCATION in claims and not party.crls:
            raise ValueError("REVOCATION is claimed, and there is no list to look at")
        if (Side.CLIENT, party) not in contexts:
            crls = party.crls if Protection.REVOCATION in claims else ()
            contexts[Side.CLIENT, party] = client_context(
                party.anchors, crls=crls, credential=party.credential, verify=verify, keylog=keylog
            )
        return TlsEndpoint(Side.CLIENT, contexts[Side.CLIENT, party], plain(party.name) if party.name else None)

    def server(party: Party) -> TlsEndpoint:
        if party.credential is None:
            raise ValueError("a TLS server needs a certificate")
        if (Side.SERVER, party) not in contexts:
            asked = party.anchors if Protection.CLIENT_IDENTITY in claims else ()
            if Protection.CLIENT_IDENTITY in claims and not asked:
                raise ValueError("CLIENT_IDENTITY is claimed, and nobody is trusted to vouch for a client")
            crls = party.crls if asked and Protection.REVOCATION in claims else ()
            contexts[Side.SERVER, party] = server_context(
                party.credential, client_trust=asked, crls=crls, keylog=keylog
            )
        return TlsEndpoint(Side.SERVER, contexts[Side.SERVER, party])

    return Protocol("tls", claims, client, server)
