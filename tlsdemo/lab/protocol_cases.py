"""Cases about the protocol: the certificate is good, and the server speaks an old version, a weak suite, or no TLS.

Each has a port of its own, since OpenSSL agrees on the version before it looks at the name that is asked for.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from pki.cases import Must, Severity
from pki.errors import Problem
from tlsdemo import net
from tlsdemo.lab.ca import LabCA, Pem
from tlsdemo.lab.case import Case, Declaration, Family, OpenedCase, on_own_port
from tlsdemo.lab.context import LabCiphers, lab_context
from tlsdemo.lab.conversation import Handler, facts, instead, over_tls
from tlsdemo.lab.dh_groups import good_group, weak_group
from tlsdemo.tls.context import Ciphers, Offer
from tlsdemo.tls.server_name import listen_for_names

STALLS = 300.0  # seconds
UNRECOGNIZED_NAME = 112  # RFC 6066 §3


@dataclass(frozen=True)
class RsaServer:
    """A server with a good certificate for an RSA key, which old suites need."""

    ca: LabCA
    case: Case

    @property
    def credential(self) -> Pem:
        """Its certificate chain and key."""
        return self.ca.good_rsa

    def tls(self, ciphers: Offer, dh_parameters: bytes = b"") -> Handler:
        """Speaks these suites and versions alone."""
        credential = None if ciphers is LabCiphers.ANONYMOUS else self.credential
        context = lab_context(credential, ciphers, dh_parameters=dh_parameters)
        listen_for_names(context)
        return self.over(context)

    def over(self, context: ssl.SSLContext) -> Handler:
        """Speaks TLS with this context."""
        return over_tls(context, lambda visit: facts(self.case, visit))


Body = Callable[[RsaServer], Handler]


def _open(body: Body, case: Case, ca: LabCA) -> OpenedCase:
    return on_own_port(case, lambda: body(RsaServer(ca, case)))


protocol_case = Declaration[Body](Family.PROTOCOL, "protocol", _open)


# Versions ------------------------------------------------------------------------------------------------------------


@protocol_case("RFC 8996 §2", Severity.WEAK, aliases=("tls-v1-0",))
def tls_1_0_only(given: RsaServer) -> Handler:
    """It speaks TLS 1.0 of 1999, and nothing newer.

    Its signatures are over MD5 and SHA-1, and its CBC mode leaks (BEAST, 2011). No client may agree to it since 2021.
    """
    return given.tls(LabCiphers.TLS_1_0)


@protocol_case("RFC 8996 §3", Severity.WEAK, aliases=("tls-v1-1",))
def tls_1_1_only(given: RsaServer) -> Handler:
    """It speaks TLS 1.1 of 2006, and nothing newer: SHA-1 still signs the handshake."""
    return given.tls(LabCiphers.TLS_1_1)


@protocol_case("RFC 9325 §3.1.1", Severity.MUST, must=Must.ACCEPT, aliases=("tls-v1-2",))
def tls_1_2_only(given: RsaServer) -> Handler:
    """It speaks TLS 1.2 with forward secrecy and an AEAD cipher: good, if not the newest."""
    return given.tls(Ciphers.GOOD_1_2)


# Suites --------------------------------------------------------------------------------------------------------------


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("static-rsa",))
def static_rsa(given: RsaServer) -> Handler:
    """The client encrypts the secret to the certificate's key: who steals that key reads all that was ever recorded.

    No forward secrecy; and padding oracles came back to it for twenty years (Bleichenbacher 1998, ROBOT 2017). TLS 1.3
    has done away with it; in 1.2 it SHOULD NOT be agreed on.
    """
    return given.tls(Ciphers.STATIC_RSA_FOR_THE_DEMO)


@protocol_case("RFC 7457 §2.3", Severity.INFORMATIONAL, aliases=("cbc",), cve=("CVE-2013-0169",))
def cbc(given: RsaServer) -> Handler:
    """AES in CBC mode, with a MAC that is checked after decryption: the order that padding oracles live on.

    Good implementations take the same time whatever they find (Lucky Thirteen, 2013); AEAD ciphers need no such care.
    """
    return given.tls(LabCiphers.CBC)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("null",))
def null_cipher(given: RsaServer) -> Handler:
    """Signed, and not encrypted: whoever listens, reads."""
    return given.tls(LabCiphers.NULL_RSA)


@protocol_case("RFC 9325 §4.1", Severity.MUST)
def anonymous_dh(given: RsaServer) -> Handler:
    """Nobody shows a certificate: a perfect channel to whoever answered.

    OpenSSL's clients agree to it even if they are told to verify, once their cipher list lets it in.
    """
    return given.tls(LabCiphers.ANONYMOUS, good_group())


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("dh1024",), cve=("CVE-2015-4000",))
def dhe_1024(given: RsaServer) -> Handler:
    """Diffie-Hellman modulo the prime of 1024 bits that most of the world shared.

    One large computation for that prime, and each conversation falls in minutes: within reach of states (Logjam, 2015).
    """
    return given.tls(LabCiphers.DHE, weak_group())


@protocol_case("RFC 7919 §4", Severity.INFORMATIONAL, must=Must.ACCEPT, aliases=("dh2048",))
def dhe_2048(given: RsaServer) -> Handler:
    """Diffie-Hellman in a good group of 2048 bits: right, and many clients offer none of it any more."""
    return given.tls(LabCiphers.DHE, good_group())


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("dh512", "dh480"), cve=("CVE-2015-4000",))
def dhe_512(given: RsaServer) -> Handler:
    """Diffie-Hellman with 512 bits, as it could once be exported: broken within a minute (Logjam, 2015)."""
    raise Problem("OpenSSL loads no group under about 1024 bits, at any security level: `tlsdemo attack` breaks some")


@protocol_case("RFC 7465 §2", Severity.WEAK, aliases=("rc4",))
def rc4(given: RsaServer) -> Handler:
    """RC4: the beginnings of its key streams are biased, and cookies fall out of them."""
    return given.tls(LabCiphers.RC4)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("3des",), cve=("CVE-2016-2183",))
def triple_des(given: RsaServer) -> Handler:
    """Triple DES: its blocks of 64 bits repeat after some gigabytes (Sweet32, 2016)."""
    return given.tls(LabCiphers.TRIPLE_DES)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, cve=("CVE-2015-0204",))
def export_cipher(given: RsaServer) -> Handler:
    """A cipher of 40 bits, made weak by law until 2000, and found in use in 2015 (FREAK)."""
    return given.tls(LabCiphers.EXPORT)


# Servers that misbehave ----------------------------------------------------------------------------------------------

NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
    b"This port speaks no TLS\n"
)


@protocol_case("RFC 8446 §5", Severity.MUST)
def plain_http(given: RsaServer) -> Handler:
    """It answers in plain HTTP: a client that follows sends in the clear what was to be secret."""
    return instead(lambda connection: connection.send(NOT_TLS))


@protocol_case("RFC 8446 §5", Severity.MUST)
def garbage(given: RsaServer) -> Handler:
    """It answers with bytes that mean nothing."""
    return instead(lambda connection: connection.send(bytes(range(255, 127, -1))))


@protocol_case("RFC 8446 §6.1", Severity.MUST)
def end_of_file(given: RsaServer) -> Handler:
    """It hangs up right after the ClientHello."""
    return instead(lambda connection: connection.drain(0.2))


@protocol_case("RFC 8446 §6.1", Severity.MUST)
def connection_reset(given: RsaServer) -> Handler:
    """It resets the connection right after the ClientHello: what a firewall does that dislikes a name in it."""

    async def reset(connection: net.Connection) -> None:
        connection.reset()

    return instead(reset)


def _alert(number: int) -> bytes:
    """A fatal alert in the clear (§6)."""
    return bytes([21, 3, 3, 0, 2, 2, number])


@protocol_case("RFC 8446 §6.2", Severity.MUST)
def alert_handshake_failure(given: RsaServer) -> Handler:
    """It answers with the alert handshake_failure: a client that tries again with less security can be led downwards.

    That is how POODLE brought browsers to SSL 3.0 in 2014.
    """
    return instead(lambda connection: connection.send(_alert(40)))


@protocol_case("RFC 8446 §6.2", Severity.MUST)
def alert_internal_error(given: RsaServer) -> Handler:
    """It answers with the alert internal_error."""
    return instead(lambda connection: connection.send(_alert(80)))


@protocol_case("RFC 6066 §3", Severity.MUST)
def unrecognized_name(given: RsaServer) -> Handler:
    """It says with an alert that it is not the one who was asked for."""
    context = lab_context(given.credential)
    listen_for_names(context, lambda name: UNRECOGNIZED_NAME)
    return given.over(context)


@protocol_case("RFC 8446 §5.1", Severity.MUST)
def record_overflow(given: RsaServer) -> Handler:
    """It sends a record of 65,535 bytes, and 16,384 are allowed: who trusts the number, overflows."""
    return instead(lambda connection: connection.send(b"\x16\x03\x03\xff\xff" + b"\x02" + bytes(65534)))


@protocol_case(
    "RFC 8446 §6",
    Severity.INFORMATIONAL,
    only_named="it lasts as long as --timeout: name it with --case",
)
def stall(given: RsaServer) -> Handler:
    """It takes the ClientHello, and does not answer: a client without a deadline waits for ever."""

    async def wait(connection: net.Connection) -> None:
        connection.deadline += STALLS

    return instead(wait)
