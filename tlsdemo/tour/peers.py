"""Would the peer notice a missing protection? Our own TLS 1.3 is the server, Python's `ssl` the client; in memory."""

from dataclasses import replace

from pki.errors import printable
from tlsdemo.attack.conclusions import sentence
from tlsdemo.attack.real_world import world
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome, converse
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.tls.protocol import tls
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.tour.stage import MESSAGE, Stage, claim

LINE = [(Side.CLIENT, MESSAGE.encode() + b"\n")]
BASE = ALL - {Protection.CLIENT_IDENTITY}
"""A public server does not ask for client certificates."""


def would_the_peer_notice(stage: Stage) -> None:
    """A server without FORWARD_SECRECY, and one without TRANSCRIPT."""
    screen = stage.screen
    screen.say(
        """Python's `ssl` is the client again. The server is TLS 1.3 of our own, from which one protection can be
        removed. First it uses the key of its certificate in place of a new secret, so that it has no forward
        secrecy:"""
    )
    weak = tls13(BASE - {Protection.FORWARD_SECRECY})
    people = world(weak.key_type)
    outcome = _talk(people, weak)
    claim(outcome.client.error is None and outcome.server.delivered == LINE[0][1], "the client noticed something")
    screen.show("the client reports", "no error")
    screen.show("the server received", printable(outcome.server.delivered.decode().strip()))
    assert weak.hooks.decipher and people.server.credential
    read = weak.hooks.decipher(outcome.tape, people.server.credential.key)
    claim(read == LINE[0][1], "the stolen key did not decrypt the recording")
    screen.show("with a stolen key", f"the attacker decrypts its recording: {printable(read.decode().strip())}")
    screen.bad("Not noticed. To the client, this key share looks like any other.")
    screen.say("Then the server derives its keys from a part of the handshake only (no protection of the transcript):")
    outcome = _talk(people, tls13(BASE - {Protection.TRANSCRIPT}))
    claim(outcome.client.error is not None and not outcome.server.delivered, "the client accepted other keys")
    assert outcome.client.error
    screen.show("the client reports", sentence(outcome.client.error))
    screen.good("Noticed before any byte of the message was sent.")
    screen.say("`tlsdemo compare --peers` tries each protection with the TLS programs that this machine has.")


def _talk(people: World, ours: Protocol) -> Outcome:
    client = tls().client(replace(people.client, credential=None))
    return converse(client, ours.server(people.server), lines=LINE)
