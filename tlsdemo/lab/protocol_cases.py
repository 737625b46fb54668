"""Cases about the protocol: the certificate is valid, but the server uses an old version, a weak suite, or no TLS.

Each has its own port, since OpenSSL negotiates the version before it looks at the server_name.
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
    """A server with a valid certificate for an RSA key, which old cipher suites need."""

    ca: LabCA
    case: Case

    @property
    def credential(self) -> Pem:
        """The certificate chain and the key."""
        return self.ca.good_rsa

    def tls(self, ciphers: Offer, dh_parameters: bytes = b"") -> Handler:
        """Speak TLS with these cipher suites and versions only."""
        credential = None if ciphers is LabCiphers.ANONYMOUS else self.credential
        context = lab_context(credential, ciphers, dh_parameters=dh_parameters)
        listen_for_names(context)
        return self.over(context)

    def over(self, context: ssl.SSLContext) -> Handler:
        """Speak TLS with this context."""
        return over_tls(context, lambda visit: facts(self.case, visit))


Body = Callable[[RsaServer], Handler]


def _open(body: Body, case: Case, ca: LabCA) -> OpenedCase:
    return on_own_port(case, lambda: body(RsaServer(ca, case)))


protocol_case = Declaration[Body](Family.PROTOCOL, "protocol", _open)


# Versions ------------------------------------------------------------------------------------------------------------


@protocol_case("RFC 8996 §2", Severity.WEAK, aliases=("tls-v1-0",))
def tls_1_0_only(given: RsaServer) -> Handler:
    """The server supports only TLS 1.0 (1999).

    Its signatures use MD5 and SHA-1, and its CBC mode leaks plaintext (BEAST, 2011). RFC 8996 (2021) forbids clients to
    negotiate it.
    """
    return given.tls(LabCiphers.TLS_1_0)


@protocol_case("RFC 8996 §3", Severity.WEAK, aliases=("tls-v1-1",))
def tls_1_1_only(given: RsaServer) -> Handler:
    """The server supports only TLS 1.1 (2006).

    Its signatures use MD5 and SHA-1. RFC 8996 (2021) forbids clients to negotiate it.
    """
    return given.tls(LabCiphers.TLS_1_1)


@protocol_case("RFC 9325 §3.1.1", Severity.MUST, must=Must.ACCEPT, aliases=("tls-v1-2",))
def tls_1_2_only(given: RsaServer) -> Handler:
    """The server supports only TLS 1.2, with forward secrecy and an AEAD cipher.

    These suites of TLS 1.2 are secure, and many servers have no newer version.
    """
    return given.tls(Ciphers.GOOD_1_2)


# Suites --------------------------------------------------------------------------------------------------------------


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("static-rsa",))
def static_rsa(given: RsaServer) -> Handler:
    """The server has only suites with RSA key transport, which have no forward secrecy.

    The client encrypts the premaster secret with the server's public key. An attacker who steals the private key can
    decrypt every recorded connection. Padding oracles were found for twenty years (Bleichenbacher 1998, ROBOT 2017).
    TLS 1.3 removed this key transport; RFC 9325 says that clients SHOULD NOT negotiate it in TLS 1.2.
    """
    return given.tls(Ciphers.STATIC_RSA_FOR_THE_DEMO)


@protocol_case("RFC 7457 §2.3", Severity.INFORMATIONAL, aliases=("cbc",), cve=("CVE-2013-0169",))
def cbc(given: RsaServer) -> Handler:
    """The server has only suites with AES in CBC mode, in which the receiver checks the MAC after decryption.

    This order makes padding oracles possible. An implementation must take the same time for every error (Lucky
    Thirteen, 2013); AEAD ciphers do not need this care.
    """
    return given.tls(LabCiphers.CBC)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("null",))
def null_cipher(given: RsaServer) -> Handler:
    """The server has only suites without encryption.

    The server is authenticated, but an eavesdropper reads everything.
    """
    return given.tls(LabCiphers.NULL_RSA)


@protocol_case("RFC 9325 §4.1", Severity.MUST)
def anonymous_dh(given: RsaServer) -> Handler:
    """The server has only suites in which it presents no certificate.

    The channel is encrypted, and its other end can be an attacker. OpenSSL accepts such a suite even if the client
    verifies certificates, once the client's cipher list contains it.
    """
    return given.tls(LabCiphers.ANONYMOUS, good_group())


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("dh1024",), cve=("CVE-2015-4000",))
def dhe_1024(given: RsaServer) -> Handler:
    """The server uses Diffie-Hellman with a 1024-bit prime that many servers shared.

    After one large computation for this prime, each connection can be decrypted within minutes. States may have done it
    (Logjam, 2015).
    """
    return given.tls(LabCiphers.DHE, weak_group())


@protocol_case("RFC 7919 §4", Severity.INFORMATIONAL, must=Must.ACCEPT, aliases=("dh2048",))
def dhe_2048(given: RsaServer) -> Handler:
    """The server uses Diffie-Hellman in the 2048-bit group ffdhe2048.

    The group is strong, but many clients no longer offer suites with finite-field Diffie-Hellman.
    """
    return given.tls(LabCiphers.DHE, good_group())


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("dh512", "dh480"), cve=("CVE-2015-4000",))
def dhe_512(given: RsaServer) -> Handler:
    """The server uses Diffie-Hellman with a 512-bit prime, the size of the export suites.

    Such a prime was broken within a minute (Logjam, 2015).
    """
    raise Problem(
        "OpenSSL refuses groups below about 1024 bits at every security level; see `tlsdemo attack` for weak groups"
    )


@protocol_case("RFC 7465 §2", Severity.WEAK, aliases=("rc4",))
def rc4(given: RsaServer) -> Handler:
    """The server has only suites with the cipher RC4.

    The first bytes of its key streams are biased, so an attacker who sees many connections can compute a cookie.
    """
    return given.tls(LabCiphers.RC4)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, aliases=("3des",), cve=("CVE-2016-2183",))
def triple_des(given: RsaServer) -> Handler:
    """The server has only suites with triple DES.

    Its blocks have 64 bits, so ciphertext blocks repeat after some gigabytes (Sweet32, 2016).
    """
    return given.tls(LabCiphers.TRIPLE_DES)


@protocol_case("RFC 9325 §4.1", Severity.WEAK, cve=("CVE-2015-0204",))
def export_cipher(given: RsaServer) -> Handler:
    """The server has only suites with 40-bit keys, the most that could be exported from the USA until 2000.

    A 40-bit key can be found by trying all keys. Servers still supported the suites in 2015 (FREAK).
    """
    return given.tls(LabCiphers.EXPORT)


# Answers that are not a handshake ------------------------------------------------------------------------------------

NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
    b"This port speaks no TLS\n"
)


@protocol_case("RFC 8446 §5", Severity.MUST)
def plain_http(given: RsaServer) -> Handler:
    """The server answers the ClientHello in plain HTTP.

    A client that goes on without TLS sends its request in the clear.
    """
    return instead(lambda connection: connection.send(NOT_TLS))


@protocol_case("RFC 8446 §5", Severity.MUST)
def garbage(given: RsaServer) -> Handler:
    """The server answers the ClientHello with bytes that are not TLS.

    A client must end the connection and must not send its request.
    """
    return instead(lambda connection: connection.send(bytes(range(255, 127, -1))))


@protocol_case("RFC 8446 §6.1", Severity.MUST)
def end_of_file(given: RsaServer) -> Handler:
    """The server closes the connection after the ClientHello.

    A client must not try again without TLS.
    """
    return instead(lambda connection: connection.drain(0.2))


@protocol_case("RFC 8446 §6.1", Severity.MUST)
def connection_reset(given: RsaServer) -> Handler:
    """The server resets the connection after the ClientHello, as some firewalls do.

    A client must not try again without TLS.
    """

    async def reset(connection: net.Connection) -> None:
        connection.reset()

    return instead(reset)


def _alert(number: int) -> bytes:
    """A fatal alert in a plaintext record (§6)."""
    return bytes([21, 3, 3, 0, 2, 2, number])


@protocol_case("RFC 8446 §6.2", Severity.MUST)
def alert_handshake_failure(given: RsaServer) -> Handler:
    """The server answers the ClientHello with the alert handshake_failure.

    A client that tries again with weaker settings can be downgraded by an attacker, who can send this alert. In this
    way POODLE forced browsers to SSL 3.0 in 2014.
    """
    return instead(lambda connection: connection.send(_alert(40)))


@protocol_case("RFC 8446 §6.2", Severity.MUST)
def alert_internal_error(given: RsaServer) -> Handler:
    """The server answers the ClientHello with the alert internal_error.

    A client must not try again with weaker settings.
    """
    return instead(lambda connection: connection.send(_alert(80)))


@protocol_case("RFC 6066 §3", Severity.MUST)
def unrecognized_name(given: RsaServer) -> Handler:
    """The server answers with the alert unrecognized_name: it does not serve the name that the client asked for.

    The alert is fatal: a client must end the connection and must not send its request.
    """
    context = lab_context(given.credential)
    listen_for_names(context, lambda name: UNRECOGNIZED_NAME)
    return given.over(context)


@protocol_case("RFC 8446 §5.1", Severity.MUST)
def record_overflow(given: RsaServer) -> Handler:
    """The server sends a record of 65,535 bytes; TLS allows 16,384.

    A client that trusts the length may overflow a buffer.
    """
    return instead(lambda connection: connection.send(b"\x16\x03\x03\xff\xff" + b"\x02" + bytes(65534)))


@protocol_case(
    "RFC 8446 §6",
    Severity.INFORMATIONAL,
    only_named="it lasts as long as --timeout; select it with --case",
)
def stall(given: RsaServer) -> Handler:
    """The server reads the ClientHello and does not answer.

    A client without a timeout waits forever.
    """

    async def wait(connection: net.Connection) -> None:
        connection.deadline += STALLS

    return instead(wait)
