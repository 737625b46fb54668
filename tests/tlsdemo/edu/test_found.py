"""What readers of the code and people at the keyboard found: each was wrong once."""

import json
import queue
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pki.store.files import read_credential
from tests.tlsdemo.edu.parties import parties
from tests.tlsdemo.explain.test_educational import told_of
from tlsdemo import net
from tlsdemo.attack.interceptor import Interceptor, Read
from tlsdemo.conversation import converse
from tlsdemo.driver import Moment
from tlsdemo.edu import messages
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.protocol import CA, DH, MULTIPLY, SIGNED, edu
from tlsdemo.edu.server import serve
from tlsdemo.events import Event, Refused
from tlsdemo.explain.educational import Explainer
from tlsdemo.protocol import Flight, Protection, Side
from tlsdemo.tls.protocol import CLAIMS, tls
from tlsdemo.violations import ProtocolError


def explained(certs: Path, claims: frozenset[Protection], rogue_key: bool) -> str:
    """What the client is told of a server that shows another certificate, or the right one with another key."""
    client, server = parties(certs)
    rogue = read_credential(certs / "rogue/server.pem", certs / "rogue/server.key")
    assert server.credential
    shown = replace(server.credential, key=rogue.key) if rogue_key else rogue
    explainer, rows = Explainer(), []

    def watch(machine: Machine, moment: Moment) -> None:
        if machine.side is Side.CLIENT:
            rows.extend(told_of(explainer, machine, moment))

    protocol = edu(claims, watch=watch)
    converse(protocol.client(client), protocol.server(replace(server, credential=shown)))
    return "\n".join(f"{label}: {sentence}" for label, sentence in rows)


def test_a_rogue_that_is_refused_is_not_said_to_be_unchecked(certs: Path) -> None:
    told = explained(certs, CA, rogue_key=False)
    assert "REFUSED: a certificate is not signed by the CA that it names" in told
    assert "NOTHING IS CHECKED" not in told


def test_a_signature_that_is_refused_is_not_said_to_prove_the_key(certs: Path) -> None:
    told = explained(certs, SIGNED, rogue_key=True)
    assert "REFUSED: the signature over the handshake does not verify" in told
    assert "has that private key" not in told


@pytest.mark.parametrize("share", ["abc", "", "1501"])
def test_a_share_that_is_refused_is_not_reckoned_with(certs: Path, share: str) -> None:
    explainer, told = Explainer(), []
    protocol = edu(MULTIPLY, watch=lambda machine, moment: told.extend(told_of(explainer, machine, moment)))
    server = protocol.server(parties(certs)[1])
    hello = {
        "type": "client_hello",
        "rung": "multiply",
        "server_name": "",
        "ciphers": ["AES-128-CCM-8"],
        "random": "00" * 32,
    }
    server.receive(json.dumps({**hello, "group": "multiplication by 300", "share": share}).encode() + b"\n")
    assert isinstance(server.error, ProtocolError)
    assert "REFUSED" in told[1][1]


def test_a_line_and_garbage_in_one_segment_is_a_refusal_and_no_traceback(certs: Path) -> None:
    client, server = parties(certs)
    near, far = socket.socketpair()
    events: queue.Queue[Event] = queue.Queue()
    connection = net.Connection(far, "peer", time.monotonic() + 10)
    thread = threading.Thread(
        target=lambda: events.put(net.blocking(serve(connection, edu(DH), server, lambda event: None))),
        name="server",
    )
    thread.start()
    with near, far:
        link = net.Link(near, edu(DH).client(client))
        link.handshake(time.monotonic() + 10)
        link.endpoint.send(b"hello\n")
        near.sendall(link.endpoint.outgoing() + b'{"type": "nonsense"}\n')
        ending = events.get(timeout=10)
        thread.join(10)
    assert isinstance(ending, Refused)
    assert ending.application_bytes == 6


@pytest.mark.parametrize("protocol", [edu(DH), tls()], ids=str)
def test_the_man_in_the_middle_bears_an_answer_and_garbage_in_one_flight(certs: Path, protocol: object) -> None:
    assert isinstance(protocol, type(edu(DH)))
    client, server = parties(certs)
    seen: list[Read] = []
    assert server.credential
    his = replace(client, credential=server.credential)
    interceptor = Interceptor({Side.CLIENT: protocol.server(his), Side.SERVER: protocol.client(his)}, tell=seen.append)
    outcome = converse(protocol.client(client), protocol.server(server), interceptor, [(Side.CLIENT, b"hello\n")])
    assert [read.said for read in seen] == [b"hello\n"]
    ends = protocol.client(client), protocol.server(server)
    interceptor = Interceptor({Side.CLIENT: protocol.server(his), Side.SERVER: protocol.client(his)}, tell=seen.append)
    for _ in range(6):
        for side, end in zip(Side, ends, strict=True):
            for target, data in interceptor.on_data(Flight(side, end.outgoing())):
                ends[list(Side).index(target)].receive(data)
    ends[0].send(b"order\n")
    list(interceptor.on_data(Flight(Side.CLIENT, ends[0].outgoing())))
    ends[1].send(b"answer\n")
    list(interceptor.on_data(Flight(Side.SERVER, ends[1].outgoing() + b"garbage\n" * 20)))
    list(interceptor.on_data(Flight(Side.SERVER, b"more\n")))
    assert [read.said for read in seen] == [b"hello\n", b"order\n", b"answer\n"]
    assert outcome.client.error is None


def test_a_server_that_vanishes_after_the_message_has_still_been_robbed_of_it(certs: Path) -> None:
    client, _ = parties(certs)
    seen: list[Read] = []
    protocol = edu(DH)
    interceptor = Interceptor(
        {Side.CLIENT: protocol.server(client), Side.SERVER: protocol.client(client)}, tell=seen.append
    )
    victim = protocol.client(client)
    for _ in range(4):
        for target, data in interceptor.on_data(Flight(Side.CLIENT, victim.outgoing())):
            if target is Side.CLIENT:
                victim.receive(data)
    victim.send(b"my secret\n")
    list(interceptor.on_data(Flight(Side.CLIENT, victim.outgoing())))
    assert list(interceptor.on_eof(Side.SERVER)) == [Side.CLIENT]
    assert [(read.said, read.passed_on) for read in seen] == [(b"my secret\n", b"")]


def test_a_claim_that_has_nothing_to_check_with_is_an_error_in_tls_too(certs: Path) -> None:
    client, server = parties(certs)
    with pytest.raises(ValueError, match="no CRL was given"):
        tls(CLAIMS | {Protection.REVOCATION}).client(replace(client, crls=()))
    with pytest.raises(ValueError, match="no trust anchor for client certificates was given"):
        tls(CLAIMS | {Protection.CLIENT_IDENTITY}).server(replace(server, anchors=()))


def test_an_eavesdropper_reckons_once_and_not_with_every_hello(certs: Path) -> None:
    listener = LineEavesdropper()
    share, random = "11", bytes(32)
    hello = messages.ClientHello(rung="dh", server_name="localhost", random=random, group="1009:11", share=share)
    listener.hear(Flight(Side.CLIENT, messages.encode(hello)))
    answer = messages.ServerHello(rung="dh", random=random, cipher="AES-128-CCM-8", share=share)
    notes = [heard.notes for heard in listener.hear(Flight(Side.SERVER, messages.encode(answer) * 3))]
    assert [bool(note) for note in notes] == [True, False, False]
