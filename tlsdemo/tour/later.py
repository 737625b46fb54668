"""What an authenticated, encrypted channel can still lack: forward secrecy, and protection from truncation."""

from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.judge import quote
from tlsdemo.attack.matrix import Trial, try_attack, undisturbed
from tlsdemo.attack.real_world import world
from tlsdemo.tls.protocol import configuration
from tlsdemo.tour.stage import Stage, claim


def recorded_today(stage: Stage) -> None:
    """The same recording, with and without forward secrecy."""
    screen = stage.screen
    screen.say(
        """An eavesdropper records everything today and cannot read it. Tomorrow it steals the server's private key. TLS
        1.2 is run twice. In the first run, the client encrypts its secret with that key (static RSA key exchange):"""
    )
    opened, closed = _tried("recorded-today", "tls12-rsa"), _tried("recorded-today", "tls12")
    claim(bool(opened.damage) and not closed.damage, "the stolen key did not decrypt static RSA alone")
    assert opened.damage
    screen.show("static RSA", opened.damage.sentence)
    screen.show("Diffie-Hellman", "the stolen key decrypts nothing")
    screen.good("The server's key should only authenticate the server. TLS 1.3 allows nothing else.")


def cut_short(stage: Stage) -> None:
    """A client cancels an order, and the connection is cut before that arrives."""
    screen = stage.screen
    screen.say(
        "The client sends `PAY 9000 to Mallory`, and then `: do not!`. The attacker cuts the connection in between:"
    )
    default, strict = _tried("truncation", "tls"), _tried("truncation", "tls-strict-close")
    claim(bool(default.damage) and not strict.damage, "the truncation was not detected as expected")
    assert default.result and strict.result
    cut, noticed = default.result.encounters[0].outcome.server, strict.result.encounters[0].outcome.server
    claim(cut.ended and noticed.error is not None, "the server treated the truncation in another way")
    screen.show(
        "Python's default", f"the server accepts this as the whole message: {quote(cut.delivered.splitlines()[-1])}"
    )
    screen.show("strict", "the server reports that close_notify is missing")
    screen.bad(
        "The channel was encrypted and authenticated, and the meaning still changed: the end is part of the message."
    )


def _tried(attack: str, name: str) -> Trial:
    protocol = configuration(name)
    people = world(protocol.key_type)
    return try_attack(BY_ID[attack], protocol, people, undisturbed(protocol, people))
