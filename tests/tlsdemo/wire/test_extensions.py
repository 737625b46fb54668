"""The structures of extensions, against RFC 8446 and RFC 8448. Falsehood caught: a structure under a wrong message."""

from typing import Any

import pytest

from tests.tlsdemo.wire.support import Capture, Trace
from tests.tlsdemo.wire.test_first_flight import genuine, hello_of, sent
from tlsdemo.wire import extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import (
    EXTENSIONS,
    ApplicationSettings,
    ApplicationSettingsSupport,
    CertificateAuthorities,
    CertificateStatus,
    CertificateStatusFollows,
    CertificateStatusRequest,
    CertificateStatusWanted,
    CertificateType,
    CertificateTypes,
    CompressCertificate,
    Cookie,
    EarlyDataAccepted,
    EarlyDataIndication,
    EcPointFormats,
    EncryptedClientHello,
    EncryptedClientHelloConfigurations,
    EncryptedClientHelloRetry,
    EncryptThenMac,
    EncryptThenMacAccepted,
    ExtendedMasterSecret,
    ExtendedMasterSecretAccepted,
    KeyShareClientHello,
    KeyShareEntry,
    KeyShareHelloRetryRequest,
    KeyShareServerHello,
    MaxFragmentLength,
    NamedGroupList,
    OfferedPsks,
    OidFilter,
    OidFilterExtension,
    Padding,
    PostHandshakeAuth,
    ProtocolName,
    ProtocolNameList,
    PskIdentity,
    PskKeyExchangeModes,
    RecordSizeLimit,
    RenegotiationInfo,
    SelectedIdentity,
    SelectedVersion,
    ServerName,
    ServerNameAcknowledgement,
    ServerNameList,
    SessionTicketFollows,
    SessionTicketTls12,
    SignatureSchemeList,
    SignedCertificateTimestamps,
    SignedCertificateTimestampsWanted,
    SupportedVersions,
    TicketEarlyDataIndication,
    decode_extension,
)
from tlsdemo.wire.fields import WireError, encode
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import (
    CertificateEntry,
    CertificateRequest,
    EncryptedExtensions,
    HelloRetryRequest,
    NewSessionTicket,
    decode_message,
)

CH, SH, HRR, EE = ClientHello, ServerHello, HelloRetryRequest, EncryptedExtensions
CR, CT, NST = CertificateRequest, CertificateEntry, NewSessionTicket
H2 = (ProtocolName(b"h2"),)

BY_HAND: list[tuple[list[type], int, str, object]] = [  # messages, number, the bytes as the RFCs describe them, value
    ([CH], 0, "0006 00 0003 612e62", ServerNameList((ServerName(0, b"a.b"),))),
    ([EE, SH], 0, "", ServerNameAcknowledgement()),
    ([CH, EE, SH], 1, "04", MaxFragmentLength(4)),
    ([CH], 5, "01 0000 0000", CertificateStatusRequest(1, b"", b"")),
    ([CR], 5, "", CertificateStatusWanted()),
    ([SH], 5, "", CertificateStatusFollows()),
    ([CT], 5, "01 000002 3000", CertificateStatus(1, b"\x30\0")),
    ([CH, EE], 10, "0004 001d 0017", NamedGroupList((0x1D, 0x17))),
    ([CH, SH], 11, "01 00", EcPointFormats(b"\0")),
    ([CH, CR], 13, "0004 0403 0804", SignatureSchemeList((0x0403, 0x0804))),
    ([CH, EE, SH], 16, "0003 02 6832", ProtocolNameList(H2)),
    ([CH, CR], 18, "", SignedCertificateTimestampsWanted()),
    ([CT, SH], 18, "0003 0001 ff", SignedCertificateTimestamps((b"\xff",))),
    ([CH], 19, "01 02", CertificateTypes(b"\2")),
    ([CH], 20, "02 0200", CertificateTypes(b"\2\0")),
    ([EE], 19, "02", CertificateType(2)),
    ([EE], 20, "00", CertificateType(0)),
    ([CH], 21, "0000", Padding(b"\0\0")),
    ([CH], 22, "", EncryptThenMac()),
    ([SH], 22, "", EncryptThenMacAccepted()),
    ([CH], 23, "", ExtendedMasterSecret()),
    ([SH], 23, "", ExtendedMasterSecretAccepted()),
    ([CH, CR], 27, "04 0002 0001", CompressCertificate((2, 1))),
    ([CH, EE, SH], 28, "4001", RecordSizeLimit(0x4001)),
    ([CH], 34, "0002 0403", SignatureSchemeList((0x0403,))),
    ([CH], 35, "", SessionTicketTls12(b"")),
    ([SH], 35, "", SessionTicketFollows()),
    (
        [CH], 41, "0007 0001 aa 00000001 0021 20" + "bb" * 32,
        OfferedPsks((PskIdentity(b"\xaa", 1),), (b"\xbb" * 32,)),
    ),
    ([SH], 41, "0001", SelectedIdentity(1)),
    ([CH], 42, "", EarlyDataIndication()),
    ([EE], 42, "", EarlyDataAccepted()),
    ([NST], 42, "00000400", TicketEarlyDataIndication(1024)),
    ([CH], 43, "04 0304 0303", SupportedVersions((0x0304, 0x0303))),
    ([SH, HRR], 43, "0304", SelectedVersion(0x0304)),
    ([CH, HRR], 44, "0002 0102", Cookie(b"\1\2")),
    ([CH], 45, "01 01", PskKeyExchangeModes(b"\1")),
    ([CH, CR], 47, "0006 0001 31 0001 32", CertificateAuthorities((b"1", b"2"))),
    ([CR], 48, "0007 03 551d25 0001 05", OidFilterExtension((OidFilter(b"\x55\x1d\x25", b"\5"),))),
    ([CH], 49, "", PostHandshakeAuth()),
    ([CH, CR], 50, "0002 0401", SignatureSchemeList((0x0401,))),
    ([CH], 51, "0006 001d 0002 aabb", KeyShareClientHello((KeyShareEntry(0x1D, b"\xaa\xbb"),))),
    ([CH], 51, "0000", KeyShareClientHello(())),
    ([SH], 51, "001d 0002 aabb", KeyShareServerHello(KeyShareEntry(0x1D, b"\xaa\xbb"))),
    ([HRR], 51, "0017", KeyShareHelloRetryRequest(0x17)),
    ([CH], 17513, "0003 02 6832", ApplicationSettingsSupport(H2)),
    ([CH], 17613, "0003 02 6832", ApplicationSettingsSupport(H2)),
    ([EE], 17513, "0102", ApplicationSettings(b"\1\2")),
    ([EE], 17613, "", ApplicationSettings(b"")),
    ([CH], 0xFE0D, "00 0001 0002 05 0001 aa 0002 bbcc", EncryptedClientHello(0, 1, 2, 5, b"\xaa", b"\xbb\xcc")),
    ([HRR], 0xFE0D, "0102030405060708", EncryptedClientHelloRetry(bytes(range(1, 9)))),
    ([EE], 0xFE0D, "0004 fe0d0000", EncryptedClientHelloConfigurations(b"\xfe\x0d\0\0")),
    ([CH, SH], 0xFF01, "00", RenegotiationInfo(b"")),
]  # fmt: skip
ROWS = [(message, number, raw, value) for messages, number, raw, value in BY_HAND for message in messages]


@pytest.mark.parametrize(
    ("message", "number", "raw", "value"), ROWS, ids=[f"{row[0].__name__}-{row[1]}-{row[2][:9]}" for row in ROWS]
)
def test_an_extension_has_the_bytes_that_its_rfc_describes(message: type, number: int, raw: str, value: object) -> None:
    data = bytes.fromhex(raw)
    decoded = decode_extension(message, number, data)
    assert (type(decoded), decoded) == (type(value), value)
    assert encode(value) == data


def test_every_row_of_the_table_was_written_down_by_hand() -> None:
    there = {(message, number) for message, table in EXTENSIONS.items() for number in table}
    assert {(message, number) for message, number, _, _ in ROWS} == there


RFC_8446_SECTION_4_2 = """
   | server_name [RFC6066]                            |      CH, EE |
   | max_fragment_length [RFC6066]                    |      CH, EE |
   | status_request [RFC6066]                         |  CH, CR, CT |
   | supported_groups [RFC7919]                       |      CH, EE |
   | signature_algorithms (RFC 8446)                  |      CH, CR |
   | application_layer_protocol_negotiation [RFC7301] |      CH, EE |
   | signed_certificate_timestamp [RFC6962]           |  CH, CR, CT |
   | client_certificate_type [RFC7250]                |      CH, EE |
   | server_certificate_type [RFC7250]                |      CH, EE |
   | padding [RFC7685]                                |          CH |
   | key_share (RFC 8446)                             | CH, SH, HRR |
   | pre_shared_key (RFC 8446)                        |      CH, SH |
   | psk_key_exchange_modes (RFC 8446)                |          CH |
   | early_data (RFC 8446)                            | CH, EE, NST |
   | cookie (RFC 8446)                                |     CH, HRR |
   | supported_versions (RFC 8446)                    | CH, SH, HRR |
   | certificate_authorities (RFC 8446)               |      CH, CR |
   | oid_filters (RFC 8446)                           |          CR |
   | post_handshake_auth (RFC 8446)                   |          CH |
   | signature_algorithms_cert (RFC 8446)             |      CH, CR |
"""


@pytest.mark.parametrize("row", RFC_8446_SECTION_4_2.strip().splitlines())
def test_the_table_has_the_rows_of_rfc_8446(row: str) -> None:
    name, messages = (each.strip() for each in row.strip(" |").split("|"))
    constant = name.split()[0].upper().replace("APPLICATION_LAYER_PROTOCOL_NEGOTIATION", "ALPN")
    number = getattr(extensions, constant)
    abbreviations = {CH: "CH", SH: "SH", HRR: "HRR", EE: "EE", CR: "CR", CT: "CT", NST: "NST"}
    tls12 = {SH} if number in (0, 1, 5, 16, 18) else set()  # a ServerHello of TLS 1.2 has these
    found = {
        abbreviations[message] for message, table in EXTENSIONS.items() if number in table and message not in tls12
    }
    assert found == set(messages.split(", "))


def contained(message: Any) -> list[tuple[type, Extension]]:
    """All extensions of a message, also those of its certificates, with the class that carries them."""
    carriers = [message, *getattr(message, "certificate_list", ())]
    return [(type(each), extension) for each in carriers for extension in getattr(each, "extensions", None) or ()]


def assert_is_known_and_written_back(carrier: type, extension: Extension) -> None:
    value = decode_extension(carrier, extension.extension_type, extension.extension_data)
    assert value is not None, (carrier, extension)
    assert encode(value) == extension.extension_data


def test_every_extension_of_rfc_8448_is_read_and_written_back(trace: Trace) -> None:
    found = [pair for piece in trace.messages() for pair in contained(decode_message(piece.raw))]
    assert len(found) >= 12
    for carrier, extension in found:
        assert_is_known_and_written_back(carrier, extension)


def test_every_extension_in_the_hellos_of_a_capture_is_read_and_written_back(capture: Capture) -> None:
    for stream in (capture.client, capture.server):
        for carrier, extension in contained(decode_message(encode(sent(stream)[0]))):
            assert_is_known_and_written_back(carrier, extension)


def test_every_extension_of_openssls_client_is_read_and_written_back() -> None:
    for carrier, extension in contained(hello_of(genuine())):
        assert_is_known_and_written_back(carrier, extension)


def test_the_psks_of_rfc_8448_are_read(all_traces: dict[str, Trace]) -> None:
    trace = all_traces["rfc8448/resumed_0rtt_handshake"]
    hello = decode_message(trace.messages()[0].raw)
    assert isinstance(hello, ClientHello)
    psks = decode_extension(ClientHello, 41, hello.extension(41) or b"")
    assert isinstance(psks, OfferedPsks)
    ticket = decode_message(all_traces["rfc8448/simple_1rtt_handshake"].messages()[-1].raw)
    assert isinstance(ticket, NewSessionTicket)
    assert [each.identity for each in psks.identities] == [ticket.ticket]
    assert [len(each) for each in psks.binders] == [32]


@pytest.mark.parametrize("number", [0x0A0A, 2, 99])
def test_an_unknown_extension_is_none(number: int) -> None:
    assert decode_extension(ClientHello, number, b"anything") is None
    assert decode_extension(int, number, b"anything") is None


@pytest.mark.parametrize(
    ("message", "number", "raw"),
    [
        (CH, 0, ""),
        (EE, 0, "00"),
        (CH, 5, ""),
        (CH, 10, "0000"),
        (CH, 13, "0001 04"),
        (CH, 16, "0001 00"),
        (CH, 41, "0007 0001 aa 00000001 0020 1f" + "bb" * 31),
        (CH, 43, "00"),
        (CH, 43, "0304"),
        (SH, 43, "02 0304"),
        (CH, 44, "0000"),
        (CH, 45, "00"),
        (CH, 51, "001d 0002 aabb"),
        (SH, 51, "001d 0000"),
        (SH, 51, "001d"),
        (HRR, 51, "001d 0002 aabb"),
        (CT, 18, "0002 0000"),
        (CH, 0xFE0D, "01"),  # the encrypted ClientHello itself, which is not sent in the clear
    ],
)
def test_a_malformed_extension_is_rejected(message: type, number: int, raw: str) -> None:
    with pytest.raises(WireError):
        decode_extension(message, number, bytes.fromhex(raw))
