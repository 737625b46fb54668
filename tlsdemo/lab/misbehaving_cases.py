"""Cases about the handshake of TLS 1.3: the certificate is valid, but the server violates RFC 8446 in one respect.

    a proof of the server is forged or missing                             must
    an attacker gains only if the server errs, too                         weak
    an attacker gains nothing, but the standard requires an error          informational

Each case is one deviation of the server of our TLS 1.3 (`misbehaving`). The last sentence of a case to reject names the
alert of a strict client. The control is the same server without the deviation.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki.cases import Must, Severity
from tlsdemo import net
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Declaration, Family, OpenedCase, ServedBy, control_of, on_own_port
from tlsdemo.lab.conversation import Handler, facts
from tlsdemo.lab.deviation import PADDING_TYPE, Deviation, instead, without
from tlsdemo.lab.visit import Visit
from tlsdemo.protocol import Side
from tlsdemo.tls13 import signatures
from tlsdemo.wire import extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import (
    NUMBERS,
    Certificate,
    CertificateEntry,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
)
from tlsdemo.wire.records import HANDSHAKE

if TYPE_CHECKING:
    from tlsdemo.lab.misbehaving import Misbehaving

Body = Callable[[], Deviation]


def _open(body: Body, case: Case, ca: LabCA) -> OpenedCase:
    deviation = body()
    opened = on_own_port(case, lambda: _handler(deviation, case, ca))
    if case.must == Must.ACCEPT.value:
        return opened
    control = control_of(case)
    return replace(opened, mint_control=lambda: OpenedCase(control, _handler(_strict(deviation), control, ca)))


def _strict(deviation: Deviation) -> Deviation:
    """The server with the same version and type of key, and without the deviation."""
    marker = None if deviation.tls12_marker is None else b""
    return Deviation(has_rsa_key=deviation.has_rsa_key, tls12_marker=marker)


def _handler(deviation: Deviation, case: Case, ca: LabCA) -> Handler:
    credential = ca.good_rsa_credential if deviation.has_rsa_key else ca.good_credential

    def handle(connection: net.Connection) -> net.Handling[Visit]:
        from tlsdemo.lab.misbehaving import converse  # here, since it imports the whole handshake

        return converse(connection, deviation, credential, lambda visit: facts(case, visit))

    return handle


misbehaving_case = Declaration[Body](Family.MISBEHAVING, "handshake", _open, served_by=ServedBy.TLS13)


# CertificateVerify: the proof that the server has the key of its certificate -----------------------------------------


def _signed(
    server: "Misbehaving", message: CertificateVerify, *, signer: Side = Side.SERVER, over: bytes | None = None
) -> CertificateVerify:
    """CertificateVerify by the server's key, for that side and over that transcript hash."""
    assert server.party.credential
    content = signatures.signed_content(signer, server.transcript_hash() if over is None else over)
    signature = signatures.sign(server.party.credential.key, message.algorithm, content)
    return replace(message, signature=signature)


def _by(key: ec.EllipticCurvePrivateKey, server: "Misbehaving") -> CertificateVerify:
    """CertificateVerify by this key, as if it were that of the certificate."""
    content = signatures.signed_content(Side.SERVER, server.transcript_hash())
    return CertificateVerify(signatures.ECDSA_P256, signatures.sign(key, signatures.ECDSA_P256, content))


def _with_signature(signature: Callable[[bytes], bytes]) -> Deviation:
    """CertificateVerify with a signature that is computed from the right one."""
    return instead(
        CertificateVerify, lambda server, message: [replace(message, signature=signature(message.signature))]
    )


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST, aliases=("goto-fail",), cve=("CVE-2014-1266",))
def certificate_verify_other_key() -> Deviation:
    """The server's CertificateVerify is signed by a key other than that of its certificate.

    A certificate is public, so an attacker can present a copy of it. Only this signature shows that the server has the
    private key. In 2014, a duplicated `goto fail` made Apple's TLS skip the check. The client must abort the handshake
    with the alert decrypt_error.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return instead(CertificateVerify, lambda server, message: [_by(key, server)])


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST, cve=("CVE-2022-21449",))
def certificate_verify_zeros() -> Deviation:
    """The server's CertificateVerify is an ECDSA signature whose two numbers are zero.

    ECDSA requires both numbers to be at least 1. Java 15 to 18 did not check this, and accepted the signature for every
    key and every content (2022). The client must abort the handshake with the alert decrypt_error.
    """
    return _with_signature(lambda right: bytes.fromhex("3006020100020100"))  # DER: SEQUENCE { INTEGER 0, INTEGER 0 }


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST)
def certificate_verify_garbage() -> Deviation:
    """The server's CertificateVerify has bytes that are not a signature.

    A client that cannot parse a signature must not treat it as valid. The client must abort the handshake with the
    alert decrypt_error.
    """
    return _with_signature(lambda right: bytes(range(len(right))))


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST)
def certificate_verify_empty() -> Deviation:
    """The server's CertificateVerify has an empty signature.

    A client must not treat a signature of zero bytes as valid. The client must abort the handshake with the alert
    decrypt_error.
    """
    return _with_signature(lambda right: b"")


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST)
def certificate_verify_as_client() -> Deviation:
    """The server's CertificateVerify has the context string of a client.

    An attacker who gets a client to sign a handshake could present that signature as a server's, if the context string
    were not compared. The client must abort the handshake with the alert decrypt_error.
    """
    return instead(CertificateVerify, lambda server, message: [_signed(server, message, signer=Side.CLIENT)])


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST)
def certificate_verify_replayed() -> Deviation:
    """The server's CertificateVerify is a signature over another transcript hash.

    An attacker can get such a signature in a connection of its own to the real server, and replay it to a client. The
    client must abort the handshake with the alert decrypt_error.
    """
    return instead(
        CertificateVerify,
        lambda server, message: [_signed(server, message, over=bytes(len(server.transcript_hash())))],
    )


@misbehaving_case("RFC 8446 §4.4", Severity.MUST)
def certificate_verify_missing() -> Deviation:
    """The server sends Certificate and Finished without CertificateVerify.

    An attacker can send a copy of a certificate, and needs no key for it. The client must abort the handshake with the
    alert unexpected_message.
    """
    return without(CertificateVerify)


@misbehaving_case("RFC 8446 §4.4.3", Severity.MUST)
def copied_certificate() -> Deviation:
    """The server presents a copy of a certificate, and after it a certificate of its own, whose key signs.

    A client must verify the signature with the key of the first certificate, the one whose name and chain it has
    checked. The client must abort the handshake with the alert decrypt_error.
    """
    key = ec.generate_private_key(ec.SECP256R1())

    def add_own(server: "Misbehaving", message: Certificate) -> Iterable[Certificate]:
        assert server.party.credential
        own = _self_signed(key, server.party.credential.certificate)
        return [replace(message, certificate_list=(*message.certificate_list, CertificateEntry(own)))]

    return Deviation(instead={Certificate: add_own, CertificateVerify: lambda server, message: [_by(key, server)]})


def _self_signed(key: ec.EllipticCurvePrivateKey, copied: x509.Certificate) -> bytes:
    """A self-signed certificate in DER with the name and the validity of another one."""
    builder = x509.CertificateBuilder(copied.subject, copied.subject, key.public_key(), copied.serial_number)
    builder = builder.not_valid_before(copied.not_valid_before_utc).not_valid_after(copied.not_valid_after_utc)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@misbehaving_case("RFC 8446 §4.4.2.4", Severity.MUST)
def certificate_empty() -> Deviation:
    """The server's Certificate has no certificate.

    Then the client has no name and no key to check, and anyone could be the server. The client must abort the handshake
    with the alert decode_error.
    """
    return instead(Certificate, lambda server, message: [replace(message, certificate_list=())])


@misbehaving_case("RFC 8446 §4.4.2", Severity.MUST, cve=("CVE-2021-3336",))
def certificate_missing() -> Deviation:
    """The server sends CertificateVerify without Certificate.

    A client without a certificate has no key to verify the signature with. wolfSSL up to 4.6.0 continued (2021). The
    client must abort the handshake with the alert unexpected_message.
    """
    return without(Certificate)


@misbehaving_case("RFC 8446 §4.4.2", Severity.MUST, cve=("CVE-2020-24613",))
def unauthenticated() -> Deviation:
    """The server sends neither Certificate nor CertificateVerify: Finished follows EncryptedExtensions.

    This is the flight of a server that resumes a session. wolfSSL before 4.5.0 also accepted it in a full handshake, so
    that any server could be impersonated (2020). The client must abort the handshake with the alert unexpected_message.
    """
    return without(Certificate, CertificateVerify)


@misbehaving_case("RFC 8446 §4.4.3", Severity.WEAK)
def certificate_verify_sha1() -> Deviation:
    """The server's CertificateVerify is a signature over SHA-1 (ecdsa_sha1).

    An attacker who finds collisions of the hash can reuse a signature (SLOTH, 2016). TLS 1.3 forbids SHA-1 in this
    message. The client must abort the handshake with the alert illegal_parameter.
    """

    def sign(server: "Misbehaving", message: CertificateVerify) -> Iterable[CertificateVerify]:
        assert server.party.credential
        key = server.party.credential.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        content = signatures.signed_content(Side.SERVER, server.transcript_hash())
        return [CertificateVerify(ECDSA_SHA1, key.sign(content, ec.ECDSA(hashes.SHA1())))]

    return instead(CertificateVerify, sign)


ECDSA_SHA1 = 0x0203
"""§4.2.3: only for certificates, and only for old peers."""


@misbehaving_case("RFC 8446 §4.4.3", Severity.INFORMATIONAL)
def certificate_verify_pkcs1() -> Deviation:
    """The server's CertificateVerify is an RSA signature with the padding of PKCS #1 v1.5.

    TLS 1.3 requires RSASSA-PSS, whose security has a proof; PKCS #1 v1.5 had many faulty implementations. The server
    has the key. The client must abort the handshake with the alert illegal_parameter.
    """

    def sign(server: "Misbehaving", message: CertificateVerify) -> Iterable[CertificateVerify]:
        assert server.party.credential
        key = server.party.credential.key
        assert isinstance(key, rsa.RSAPrivateKey)
        content = signatures.signed_content(Side.SERVER, server.transcript_hash())
        return [CertificateVerify(RSA_PKCS1_SHA256, key.sign(content, padding.PKCS1v15(), hashes.SHA256()))]

    return instead(CertificateVerify, sign, has_rsa_key=True)


RSA_PKCS1_SHA256 = 0x0401


@misbehaving_case("RFC 8446 §4.4.3", Severity.INFORMATIONAL)
def certificate_verify_scheme() -> Deviation:
    """The server's CertificateVerify names an RSA scheme, but its certificate and its signature are for ECDSA.

    The signature is valid, so an attacker gains nothing, but the client must not guess the algorithm from the key. The
    client must abort the handshake with the alert illegal_parameter.
    """
    return instead(CertificateVerify, lambda server, message: [replace(message, algorithm=signatures.RSA_PSS_SHA256)])


# Finished: the proof of the same keys and the same messages ----------------------------------------------------------


@misbehaving_case("RFC 8446 §4.4.4", Severity.MUST)
def finished_wrong() -> Deviation:
    """The server's Finished has a wrong MAC.

    Finished confirms that both sides have the same keys and saw the same messages. In a resumed session, which has no
    signature, it authenticates the handshake. The client must abort the handshake with the alert decrypt_error.
    """
    return instead(
        Finished,
        lambda server, message: [replace(message, verify_data=bytes(each ^ 1 for each in message.verify_data))],
    )


@misbehaving_case("RFC 8446 §4.4.4", Severity.MUST)
def finished_empty() -> Deviation:
    """The server's Finished is empty.

    A client that compares only as many bytes as it has received accepts it. The client must abort the handshake with
    the alert decode_error.
    """
    return instead(Finished, lambda server, message: [replace(message, verify_data=b"")])


@misbehaving_case("RFC 8446 §4.4.4", Severity.MUST)
def finished_missing() -> Deviation:
    """The server sends no Finished, and closes the connection after a second.

    The client must wait for Finished before it sends application data. No message violates the protocol, so the client
    sends no alert.
    """
    return without(Finished, silence=SILENCE)


SILENCE = 1.0  # seconds


@misbehaving_case("RFC 8446 §4.4.4", Severity.MUST)
def finished_skipped() -> Deviation:
    """The server sends application data instead of Finished.

    Until Finished, the client opens records with the handshake keys. With them, it cannot open this record. The client
    must abort the handshake with the alert bad_record_mac.
    """
    return without(
        Finished, afterwards=lambda server: server.seal_data(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    )


# ServerHello: what the server selects --------------------------------------------------------------------------------


def _in_server_hello(**changes: Any) -> Deviation:
    """ServerHello with other values in these fields."""
    return instead(ServerHello, lambda server, message: [replace(message, **changes)])


def _with_extension(message: Any, number: int, data: bytes | None) -> Any:
    """The message with this content of that extension, or without the extension if the content is None."""
    changed = [] if data is None else [Extension(number, data)]
    kept = [each for each in message.extensions if each.extension_type != number]
    return replace(message, extensions=(*kept, *changed))


def _with_share(message: ServerHello, group: int, share: bytes) -> ServerHello:
    entry = extensions.KeyShareServerHello(extensions.KeyShareEntry(group, share))
    found: ServerHello = _with_extension(message, extensions.KEY_SHARE, encode(entry))
    return found


def _offered(hello: ClientHello, number: int) -> Any:
    """The content of an extension of ClientHello; None without it."""
    data = hello.extension(number)
    return None if data is None else extensions.decode_extension(ClientHello, number, data)


@misbehaving_case("RFC 8446 §4.2.1", Severity.INFORMATIONAL)
def version_not_offered() -> Deviation:
    """The server selects version 0x0305, which does not exist yet.

    The client must abort the handshake with the alert illegal_parameter.
    """
    return instead(
        ServerHello,
        lambda server, message: [_with_extension(message, extensions.SUPPORTED_VERSIONS, b"\x03\x05")],
    )


@misbehaving_case("RFC 8446 §4.1.3", Severity.INFORMATIONAL)
def suite_not_offered() -> Deviation:
    """The server selects a cipher suite that the client does not offer, and uses it.

    The first choice is TLS_AES_128_CCM_8_SHA256, whose tags have 8 bytes only. The client must abort the handshake with
    the alert illegal_parameter.
    """
    return instead(
        ServerHello,
        lambda server, message: [replace(message, cipher_suite=server.select_suite_not_offered())],
    )


@misbehaving_case("RFC 8446 §4.2.8", Severity.INFORMATIONAL)
def group_not_offered() -> Deviation:
    """The server's key share names a group that the client does not offer; its content is for x25519.

    The client must abort the handshake with the alert illegal_parameter.
    """

    def rename(server: "Misbehaving", message: ServerHello) -> Iterable[ServerHello]:
        offered = _offered(server.hello, extensions.SUPPORTED_GROUPS).named_group_list
        group = next(each for each in UNUSUAL_GROUPS if each not in offered)
        return [_with_share(message, group, _share(message).key_exchange)]

    return instead(ServerHello, rename)


UNUSUAL_GROUPS = range(0x001F, 0x10000)
"""From brainpoolP256r1tls13 on (RFC 8734); most of them have no name."""


def _share(message: ServerHello) -> extensions.KeyShareEntry:
    data = message.extension(extensions.KEY_SHARE)
    assert data is not None
    found = extensions.decode_extension(ServerHello, extensions.KEY_SHARE, data)
    assert isinstance(found, extensions.KeyShareServerHello)
    return found.server_share


@misbehaving_case("RFC 8446 §7.4.2", Severity.WEAK)
def key_share_zeros() -> Deviation:
    """The server's x25519 key share is zero, so the shared secret is zero, too, whatever the client's share is.

    An eavesdropper can compute the keys of a connection with such a server. The client must check the shared secret,
    and abort the handshake with the alert illegal_parameter.
    """

    def select(server: "Misbehaving", message: ServerHello) -> Iterable[ServerHello]:
        server.shared_instead = bytes(POINT)
        return [_with_share(message, _share(message).group, bytes(POINT))]

    return instead(ServerHello, select)


POINT = 32  # bytes of an x25519 key share


@misbehaving_case("RFC 8446 §4.2.8.2", Severity.INFORMATIONAL)
def key_share_short() -> Deviation:
    """The server's x25519 key share has 31 bytes; 32 are required.

    The server chooses a share whose last byte is zero and omits this byte. A client that adds it gets the right secret.
    The client must abort the handshake with the alert illegal_parameter.
    """

    def shorten(server: "Misbehaving", message: ServerHello) -> Iterable[ServerHello]:
        assert server.group
        group, theirs = _share(message).group, _offered(server.hello, extensions.KEY_SHARE).client_shares
        secret = server.group.group.draw(server.party.random)
        while (share := server.group.public(secret))[-1]:
            secret = server.group.group.draw(server.party.random)
        server.shared_instead = server.group.shared(
            secret, next(each.key_exchange for each in theirs if each.group == group)
        )
        return [_with_share(message, group, share[:-1])]

    return instead(ServerHello, shorten)


@misbehaving_case("RFC 8446 §9.2", Severity.WEAK)
def key_share_missing() -> Deviation:
    """ServerHello has no key share, as in a resumption without Diffie-Hellman.

    The handshake keys then come from zeros and from the hellos, which an eavesdropper knows. The client must abort the
    handshake with the alert missing_extension.
    """

    def omit(server: "Misbehaving", message: ServerHello) -> Iterable[ServerHello]:
        assert server.suite
        server.shared_instead = bytes(hashlib.new(server.suite.hash).digest_size)  # §7.1: zeros where a value is absent
        return [_with_extension(message, extensions.KEY_SHARE, None)]

    return instead(ServerHello, omit)


@misbehaving_case("RFC 8446 §4.1.3", Severity.INFORMATIONAL)
def session_id_not_echoed() -> Deviation:
    """ServerHello does not repeat the client's legacy_session_id.

    The client must abort the handshake with the alert illegal_parameter.
    """
    return _in_server_hello(legacy_session_id_echo=bytes(32))


@misbehaving_case("RFC 8446 §4.1.3", Severity.INFORMATIONAL)
def compression_selected() -> Deviation:
    """ServerHello selects a compression method; TLS 1.3 has none.

    The client must abort the handshake with the alert illegal_parameter.
    """
    return _in_server_hello(legacy_compression_method=1)


@misbehaving_case("RFC 8446 §4.2", Severity.INFORMATIONAL)
def alpn_in_server_hello() -> Deviation:
    """ServerHello selects an application protocol; this extension belongs in EncryptedExtensions.

    The client must abort the handshake with the alert illegal_parameter, or unsupported_extension if it did not offer
    the extension.
    """
    return instead(ServerHello, lambda server, message: [_with_extension(message, extensions.ALPN, PROTOCOL)])


@misbehaving_case("RFC 8446 §4.1.4", Severity.INFORMATIONAL)
def second_hello_retry_request() -> Deviation:
    """The server answers the second ClientHello with a HelloRetryRequest, too.

    A client that continues could be kept busy without end. The client must abort the handshake with the alert
    unexpected_message.
    """
    return Deviation(retries=2)


@misbehaving_case("RFC 8446 §4.1.3", Severity.WEAK)
def downgrade_sentinel() -> Deviation:
    """The server selects TLS 1.2, and its random value says that it supports TLS 1.3.

    A server writes this value if the client seems to offer TLS 1.2 only. So the client learns that an attacker has
    removed TLS 1.3 from its ClientHello. The client must abort the handshake with the alert illegal_parameter.
    """
    return Deviation(tls12_marker=b"DOWNGRD\x01")


# EncryptedExtensions --------------------------------------------------------------------------------------------------


def _in_encrypted_extensions(*added: Extension) -> Deviation:
    """EncryptedExtensions with these extensions at the end."""
    return instead(
        EncryptedExtensions,
        lambda server, message: [replace(message, extensions=(*message.extensions, *added))],
    )


PROTOCOL = encode(extensions.ProtocolNameList((extensions.ProtocolName(b"tlsdemo"),)))
UNKNOWN = 0xFF5A  # of the range for private use (§11)
GROUPS = Extension(extensions.SUPPORTED_GROUPS, encode(extensions.NamedGroupList((0x001D,))))
"""Allowed in EncryptedExtensions, and offered by every client."""


@misbehaving_case("RFC 8446 §4.2", Severity.INFORMATIONAL)
def extension_not_offered() -> Deviation:
    """EncryptedExtensions has an extension that the client did not offer.

    The client must abort the handshake with the alert unsupported_extension.
    """
    return _in_encrypted_extensions(Extension(UNKNOWN, b""))


@misbehaving_case("RFC 8446 §4.2", Severity.INFORMATIONAL)
def extension_twice() -> Deviation:
    """EncryptedExtensions has the extension supported_groups twice.

    RFC 8446 forbids it. The message can be parsed, but it is invalid, so the general rule of §6 applies. The client
    must abort the handshake with the alert illegal_parameter.
    """
    return _in_encrypted_extensions(GROUPS, GROUPS)


@misbehaving_case("RFC 7301 §3.2", Severity.INFORMATIONAL)
def alpn_not_offered() -> Deviation:
    """The server selects an application protocol that the client does not offer.

    A client that offers other protocols must abort the handshake with the alert illegal_parameter; a client that offers
    none, with the alert unsupported_extension.
    """
    return instead(EncryptedExtensions, lambda server, message: [_with_extension(message, extensions.ALPN, PROTOCOL)])


@misbehaving_case("RFC 6066 §3", Severity.INFORMATIONAL)
def server_name_with_content() -> Deviation:
    """The server's answer to server_name is not empty.

    The client must abort the handshake with the alert decode_error, or unsupported_extension if it did not offer the
    extension.
    """
    return instead(
        EncryptedExtensions,
        lambda server, message: [_with_extension(message, extensions.SERVER_NAME, b"localhost")],
    )


@misbehaving_case("RFC 8446 §4.3.1", Severity.INFORMATIONAL)
def encrypted_extensions_twice() -> Deviation:
    """The server sends EncryptedExtensions twice.

    The client must abort the handshake with the alert unexpected_message.
    """
    return instead(EncryptedExtensions, lambda server, message: [message, message])


# Records --------------------------------------------------------------------------------------------------------------


def _begins_encrypted_extensions(content_type: int, content: bytes) -> bool:
    return content_type == HANDSHAKE and content[0] == NUMBERS[EncryptedExtensions]


def _is_protected(content_type: int, content: bytes) -> bool:
    """Whether a handshake message is sent in a protected record."""
    return content_type == HANDSHAKE and content[0] != NUMBERS[ServerHello]


def _padded_to(length: int, content_type: int, content: bytes) -> tuple[int, bytes]:
    """A record whose content, type and padding have that length."""
    inner = content + bytes([content_type])
    return PADDING_TYPE, inner + bytes(length - len(inner) - 1)


LONGEST_INNER = 2**14 + 1  # bytes: content, type and padding (§5.2)
TAG = 16  # bytes
TOO_LONG = 2**14 + 257  # bytes of a protected record


@misbehaving_case("RFC 8446 §5.4", Severity.INFORMATIONAL)
def record_of_padding() -> Deviation:
    """The server sends a protected record that has only padding, and no content type.

    The client must abort the handshake with the alert unexpected_message.
    """

    def add(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
        before = [(PADDING_TYPE, bytes(16))] if _begins_encrypted_extensions(content_type, content) else []
        return [*before, (content_type, content)]

    return Deviation(frame=add)


@misbehaving_case("RFC 8446 §5.2", Severity.INFORMATIONAL)
def record_too_long() -> Deviation:
    """The server sends a protected record of 2^14 + 257 bytes, one more than TLS 1.3 allows.

    A client that does not check the length may overflow a buffer. The client must abort the handshake with the alert
    record_overflow.
    """

    def lengthen(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
        is_first = _begins_encrypted_extensions(content_type, content)
        return [_padded_to(TOO_LONG - TAG, content_type, content) if is_first else (content_type, content)]

    return Deviation(frame=lengthen)


@misbehaving_case("RFC 8446 §5.1", Severity.INFORMATIONAL, must=Must.ACCEPT)
def records_of_one_byte() -> Deviation:
    """The server sends its handshake in records of one byte each.

    A message may span any number of records. The client must accept the handshake.
    """

    def cut(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
        return (
            [(content_type, bytes([each])) for each in content]
            if content_type == HANDSHAKE
            else [(content_type, content)]
        )

    return Deviation(frame=cut)


@misbehaving_case("RFC 8446 §5.4", Severity.INFORMATIONAL, must=Must.ACCEPT)
def padded_records() -> Deviation:
    """The server pads each protected record of its handshake to the greatest length.

    Padding hides the length of a message. The client must remove it, and must accept the handshake.
    """

    def pad(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
        fits = _is_protected(content_type, content)
        return [_padded_to(LONGEST_INNER, content_type, content) if fits else (content_type, content)]

    return Deviation(frame=pad)


@misbehaving_case("RFC 8446 §4.1.4", Severity.MUST, must=Must.ACCEPT)
def hello_retry_request() -> Deviation:
    """The server asks for a second ClientHello, with a key share of another group.

    A server that supports none of the groups of the key shares sends this message, HelloRetryRequest. The client must
    accept it.
    """
    return Deviation(retries=1)
