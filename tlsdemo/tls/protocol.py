"""Real TLS as a Protocol: an SSLContext built from a set of protections, and endpoints over it.

`ssl` provides most protections by default, but not four: an SSLSocket reports a missing close_notify as a normal end
(CLOSURE), revocation is checked only with CRLs (REVOCATION), clients present a certificate only if the server asks
(CLIENT_IDENTITY), and this OpenSSL has no ML-KEM (POST_QUANTUM). A set that OpenSSL cannot provide is a ValueError.
"""

import ssl
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

from pki.keys import KeyType
from pki.names import plain
from tlsdemo.protocol import Hooks, Party, Protection, Protocol, Side
from tlsdemo.tls.context import Ciphers, Verify, client_context, server_context
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.wire.framing import RECORDS, decipher, rename, weakest_offer, without_tls_1_3
from tlsdemo.wire.visible import visible

NAME = frozenset({Protection.NAME})
VALIDITY = frozenset({Protection.VALIDITY})
CHAIN = frozenset({Protection.CHAIN}) | NAME | VALIDITY
POSSESSION = frozenset({Protection.POSSESSION}) | CHAIN
CLOSURE = frozenset({Protection.CLOSURE})
SECRECY = frozenset({Protection.SECRECY})
FORWARD_SECRECY = frozenset({Protection.FORWARD_SECRECY})
REVOCATION = frozenset({Protection.REVOCATION})
CLIENT_IDENTITY = frozenset({Protection.CLIENT_IDENTITY})

EXTRA = REVOCATION | CLIENT_IDENTITY
CLAIMS = frozenset(Protection) - EXTRA - CLOSURE - {Protection.POST_QUANTUM}
"""The protections that `ssl` provides by default."""

VERIFY: Mapping[frozenset[Protection], Verify] = {
    CHAIN: Verify.EVERYTHING,
    CHAIN - NAME: Verify.ANY_NAME_FOR_THE_DEMO,
    CHAIN - VALIDITY: Verify.ANY_TIME_FOR_THE_DEMO,
    frozenset(): Verify.NOTHING_FOR_THE_DEMO,
}

WEAK_CIPHERS: Mapping[frozenset[Protection], Ciphers] = {
    SECRECY: Ciphers.NULL_FOR_THE_DEMO,
    FORWARD_SECRECY: Ciphers.STATIC_RSA_FOR_THE_DEMO,
    frozenset({Protection.POSSESSION}): Ciphers.ANONYMOUS_FOR_THE_DEMO,
}

CONFIGURATIONS: Mapping[str, frozenset[Protection]] = {
    "tls": CLAIMS,
    "tls12": CLAIMS,
    "tls12-rsa": CLAIMS - FORWARD_SECRECY,
    "tls-noverify": CLAIMS - CHAIN,
    "tls-nohostname": CLAIMS - NAME,
    "tls-notime": CLAIMS - VALIDITY,
    "tls-strict-close": CLAIMS | CLOSURE,
    "tls-crl": CLAIMS | REVOCATION,
    "tls-mutual": CLAIMS | CLIENT_IDENTITY,
    "tls-null": CLAIMS - SECRECY,
    "tls-anon": CLAIMS - POSSESSION,
}


def configuration(name: str) -> Protocol:
    """One of `CONFIGURATIONS`, under its name."""
    version = ssl.TLSVersion.TLSv1_2 if name == "tls12" else None
    return tls(CONFIGURATIONS[name], version=version, name=name)


def tls(
    claims: frozenset[Protection] = CLAIMS,
    *,
    version: ssl.TLSVersion | None = None,
    name: str = "tls",
    keylog: Path | None = None,
) -> Protocol:
    """TLS with these protections; ValueError for a set that OpenSSL cannot provide.

    `version` limits the newest version to TLS 1.2. Without SECRECY, FORWARD_SECRECY or POSSESSION, TLS 1.2 is the
    newest in any case.
    """
    ciphers, verify = _ciphers(claims, version), _verify(claims)
    closing = Closing.STRICT if Protection.CLOSURE in claims else Closing.AS_PYTHON_DOES
    looked_at = Protection.REVOCATION in claims
    asked = Protection.CLIENT_IDENTITY in claims
    contexts = _Cache()

    def client(party: Party) -> TlsEndpoint:
        if looked_at and not party.crls:
            raise ValueError("REVOCATION is claimed, but no CRL was given")

        def build() -> ssl.SSLContext:
            crls = party.crls if looked_at else ()
            credential = party.credential if asked else None
            return client_context(
                party.anchors, crls=crls, credential=credential, verify=verify, ciphers=ciphers, keylog=keylog
            )

        asked_for = plain(party.name) if party.name else None
        return TlsEndpoint(Side.CLIENT, contexts.get(Side.CLIENT, party, build), asked_for, closing)

    def server(party: Party) -> TlsEndpoint:
        shows = ciphers is not Ciphers.ANONYMOUS_FOR_THE_DEMO
        if shows and party.credential is None:
            raise ValueError("a TLS server needs a certificate")
        if asked and not party.anchors:
            raise ValueError("CLIENT_IDENTITY is claimed, but no trust anchor for client certificates was given")

        def build() -> ssl.SSLContext:
            trust = party.anchors if asked else ()
            crls = party.crls if asked and looked_at else ()
            credential = party.credential if shows else None
            return server_context(credential, client_trust=trust, crls=crls, ciphers=ciphers, keylog=keylog)

        return TlsEndpoint(Side.SERVER, contexts.get(Side.SERVER, party, build), closing=closing)

    key_type = KeyType.RSA_2048 if ciphers is Ciphers.STATIC_RSA_FOR_THE_DEMO else KeyType.EC_P256
    return Protocol(name, claims, client, server, _hooks(ciphers), "tls", key_type)


def _ciphers(claims: frozenset[Protection], version: ssl.TLSVersion | None) -> Ciphers:
    fixed = CLAIMS - SECRECY - FORWARD_SECRECY - POSSESSION
    if not fixed <= claims or Protection.POST_QUANTUM in claims:
        cannot = [each.readable for each in Protection if each in fixed - claims]
        raise ValueError(f"OpenSSL cannot leave out {', '.join(cannot)}" if cannot else "this OpenSSL has no ML-KEM")
    missing = frozenset().union(*WEAK_CIPHERS) - claims
    if missing:
        if missing not in WEAK_CIPHERS:
            raise ValueError("OpenSSL has no cipher suite that leaves out all of these together")
        return WEAK_CIPHERS[missing]
    return Ciphers.GOOD_1_2 if version is ssl.TLSVersion.TLSv1_2 else Ciphers.GOOD


def _verify(claims: frozenset[Protection]) -> Verify:
    wanted = claims & CHAIN if Protection.CHAIN in claims and Protection.POSSESSION in claims else frozenset()
    if wanted not in VERIFY:
        raise ValueError("ssl can leave out the name or the validity, but not both")
    return VERIFY[wanted]


def _hooks(ciphers: Ciphers) -> Hooks:
    """The hooks for attackers. There is none for computing the shared secret: OpenSSL refuses weak groups."""
    downgrades = {
        Ciphers.GOOD: (weakest_offer, without_tls_1_3),
        Ciphers.GOOD_1_2: (weakest_offer,),
    }
    return Hooks(framing=RECORDS, visible=visible, downgrades=downgrades.get(ciphers), rename=rename, decipher=decipher)


class _Cache:
    """Keeps contexts: one takes a millisecond to build, and serves any number of conversations."""

    def __init__(self) -> None:
        self._contexts: dict[Hashable, tuple[ssl.SSLContext, Party]] = {}

    def get(self, side: Side, party: Party, build: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The context for a party with that credential, those anchors and CRLs."""
        key = side, id(party.credential), tuple(map(id, party.anchors)), tuple(map(id, party.crls))
        if key not in self._contexts:
            self._contexts[key] = build(), party  # the party is kept, so that no other gets its id
        return self._contexts[key][0]
