"""The state machine: the tables are those of Appendix A, and a message outside of them is refused. Caught: a gap."""

import re
from collections.abc import Mapping

import pytest

from tests.tlsdemo.tls13.parties import (
    Edit,
    assert_provoked,
    later,
    parts,
    record,
    sends,
)
from tlsdemo.driver import State, Table
from tlsdemo.protocol import Side
from tlsdemo.tls13.handshake import CLIENT, SERVER, SERVER_READS_CERTIFICATE
from tlsdemo.tls13.protocol import ALL
from tlsdemo.violations import Violation
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import (
    HELLO_RETRY_REQUEST_RANDOM,
    NUMBERS,
    Certificate,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    Message,
    MessageHash,
    NewSessionTicket,
    encode_message,
)
from tlsdemo.wire.records import HANDSHAKE

# Appendix A ---------------------------------------------------------------------------------------------------------

APPENDIX_A = """
A.1.  Client

                              START <----+
               Send ClientHello |        | Recv HelloRetryRequest
                                v        |
                             WAIT_SH ----+
                                | Recv ServerHello
                                v
                             WAIT_EE
                                | Recv EncryptedExtensions
                                v
                           WAIT_CERT_CR
                 Recv       |       | Recv CertificateRequest
                 Certificate|       v
                            |    WAIT_CERT
                            |       | Recv Certificate
                            v       v
                              WAIT_CV
                                | Recv CertificateVerify
                                v
                           WAIT_FINISHED
                                | Recv Finished
                                v
                            CONNECTED

A.2.  Server

                              START <-----+
               Recv ClientHello |         | Send HelloRetryRequest
                                v         |
                             RECVD_CH ----+
                                | Send ServerHello, EncryptedExtensions, [CertificateRequest],
                                |      Certificate, CertificateVerify, Finished
                                v
                          WAIT_FLIGHT2
                                |
                       +--------+--------+
               No auth |                 | Client auth
                       |                 v
                       |             WAIT_CERT
                       |                 | Recv Certificate
                       |                 v
                       |              WAIT_CV
                       |                 | Recv CertificateVerify
                       v                 v
                        WAIT_FINISHED <---
                                | Recv Finished
                                v
                            CONNECTED
"""  # RFC 8446 §A.1 and §A.2, without PSK, 0-RTT, and a client that has no certificate where one is required

ROWS = """
client  WAIT_SH        HelloRetryRequest    WAIT_SH
client  WAIT_SH        ServerHello          WAIT_EE
client  WAIT_EE        EncryptedExtensions  WAIT_CERT_CR
client  WAIT_CERT_CR   CertificateRequest   WAIT_CERT
client  WAIT_CERT_CR   Certificate          WAIT_CV
client  WAIT_CERT      Certificate          WAIT_CV
client  WAIT_CV        CertificateVerify    WAIT_FINISHED
client  WAIT_FINISHED  Finished             CONNECTED
client  CONNECTED      NewSessionTicket     CONNECTED
client  CONNECTED      KeyUpdate            CONNECTED
server  START          ClientHello          WAIT_FINISHED
server  WAIT_FINISHED  Finished             CONNECTED
server  CONNECTED      KeyUpdate            CONNECTED
auth    START          ClientHello          WAIT_CERT
auth    WAIT_CERT      Certificate          WAIT_CV
auth    WAIT_CV        CertificateVerify    WAIT_FINISHED
auth    WAIT_FINISHED  Finished             CONNECTED
auth    CONNECTED      KeyUpdate            CONNECTED
"""
"""The same as rows, with the messages after the handshake (§4.6); `auth` is a server that asks for a certificate."""

NAMES: Mapping[str, State] = {
    "START": State.WAIT_CLIENT_HELLO,
    "WAIT_SH": State.WAIT_SERVER_HELLO,
    "WAIT_EE": State.WAIT_ENCRYPTED_EXTENSIONS,
    "WAIT_CERT_CR": State.WAIT_CERTIFICATE_OR_REQUEST,
    "WAIT_CERT": State.WAIT_CERTIFICATE,
    "WAIT_CV": State.WAIT_CERTIFICATE_VERIFY,
    "WAIT_FINISHED": State.WAIT_FINISHED,
    "CONNECTED": State.CONNECTED,
}
TABLES: Mapping[str, Table] = {"client": CLIENT, "server": SERVER, "auth": SERVER_READS_CERTIFICATE}


def rows(name: str) -> list[tuple[State, str, State]]:
    """The rows of one side in ROWS."""
    split = (line.split() for line in ROWS.strip().splitlines())
    return [(NAMES[state], kind, NAMES[following]) for side, state, kind, following in split if side == name]


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_appendix_a(name: str) -> None:
    table = TABLES[name]
    found = [(state, kind.__name__, step.next) for state, row in table.items() for kind, step in row.items()]
    assert found == rows(name)


@pytest.mark.parametrize("name", ["client", "auth"])
def test_the_rows_have_the_states_and_messages_of_the_diagrams(name: str) -> None:
    diagram = APPENDIX_A.split("A.2.")[0 if name == "client" else 1]
    received = set(re.findall(r"\w+", re.sub(r"Send \w+(,.*)?|\|  +Certificate, .*", "", diagram)))
    handshake = [row for row in rows(name) if row[0] is not State.CONNECTED]
    kinds = {kind.__name__ for kind in SAMPLES}
    assert received & kinds == {kind for _, kind, _ in handshake}
    drawn = {NAMES[each] for each in received & set(NAMES)} - {State.WAIT_CLIENT_HELLO}  # a client passes START at once
    assert drawn == {state for row in handshake for state in (row[0], row[2])} - {State.WAIT_CLIENT_HELLO}


def test_the_strong_parts_use_the_tables_of_appendix_a() -> None:
    assert (parts(ALL).client, parts(ALL).server) == (CLIENT, SERVER_READS_CERTIFICATE)


# Every message in every state ---------------------------------------------------------------------------------------

SAMPLES: Mapping[type, Message] = {
    ClientHello: ClientHello(0x0303, bytes(32), b"", (0x1301,), b"\0"),
    ServerHello: ServerHello(0x0303, bytes(32), b"", 0x1301, 0),
    HelloRetryRequest: HelloRetryRequest(0x0303, HELLO_RETRY_REQUEST_RANDOM, b"", 0x1301, 0),
    EncryptedExtensions: EncryptedExtensions(),
    CertificateRequest: CertificateRequest(b"", (Extension(0x1234, b""),)),
    Certificate: Certificate(b"", ()),
    CertificateVerify: CertificateVerify(0x0403, bytes(70)),
    Finished: Finished(bytes(32)),
    NewSessionTicket: NewSessionTicket(1, 1, b"", b"1"),
    KeyUpdate: KeyUpdate(0),
    EndOfEarlyData: EndOfEarlyData(),
    MessageHash: MessageHash(bytes(32)),
}

COMES_NEXT: Mapping[tuple[Side, State], type] = {
    (Side.CLIENT, State.WAIT_SERVER_HELLO): ServerHello,
    (Side.CLIENT, State.WAIT_ENCRYPTED_EXTENSIONS): EncryptedExtensions,
    (Side.CLIENT, State.WAIT_CERTIFICATE_OR_REQUEST): CertificateRequest,
    (Side.CLIENT, State.WAIT_CERTIFICATE): Certificate,
    (Side.CLIENT, State.WAIT_CERTIFICATE_VERIFY): CertificateVerify,
    (Side.CLIENT, State.WAIT_FINISHED): Finished,
    (Side.SERVER, State.WAIT_CLIENT_HELLO): ClientHello,
    (Side.SERVER, State.WAIT_CERTIFICATE): Certificate,
    (Side.SERVER, State.WAIT_CERTIFICATE_VERIFY): CertificateVerify,
    (Side.SERVER, State.WAIT_FINISHED): Finished,
}
"""The message that our own peer sends when this side is in that state. It is replaced by another one."""

UNEXPECTED = [
    (side, state, kind)
    for side, table in ((Side.CLIENT, CLIENT), (Side.SERVER, SERVER_READS_CERTIFICATE))
    for state in table
    for kind in SAMPLES
    if kind not in table[state]
]


def test_there_is_a_sample_of_every_message() -> None:
    assert set(SAMPLES) == set(NUMBERS)
    assert all(type(sample) is kind for kind, sample in SAMPLES.items())


@pytest.mark.parametrize(
    ("side", "state", "kind"),
    UNEXPECTED,
    ids=[f"{side.value}-{state.name}-{kind.__name__}" for side, state, kind in UNEXPECTED],
)
def test_a_message_that_its_state_does_not_expect_is_refused(side: Side, state: State, kind: type) -> None:
    if state is State.CONNECTED:
        provocation = later(side, record(HANDSHAKE, encode_message(SAMPLES[kind])))
    else:
        in_clear = state in (State.WAIT_CLIENT_HELLO, State.WAIT_SERVER_HELLO)
        provocation = sends(side.other, COMES_NEXT[side, state], replaced_by(SAMPLES[kind]), protected=not in_clear)
    assert_provoked(Violation.UNEXPECTED_MESSAGE, provocation)
    ends = provocation.run()
    assert ends[side].state is state
    assert kind.__name__ in str(ends[side].error)


def replaced_by(other: Message) -> Edit:
    """Other bytes in the place of that message."""
    return lambda peer, message: [encode_message(other)]
