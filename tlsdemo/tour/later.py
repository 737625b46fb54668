"""What an authentic, secret line may still lack: a second key beside the server's, and a last word."""

from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.judge import quote
from tlsdemo.attack.matrix import Duel, duel, undisturbed
from tlsdemo.attack.real_world import world
from tlsdemo.tls.protocol import configuration
from tlsdemo.tour.stage import Stage, claim


def recorded_today(stage: Stage) -> None:
    """The same recording, with and without forward secrecy."""
    screen = stage.screen
    screen.say(
        """Somebody records everything today, and cannot read it. Tomorrow he steals the server's key. Twice the same
        TLS 1.2, but that in the first the client sends its secret under that very key (static RSA):"""
    )
    opened, closed = _fight("recorded-today", "tls12-rsa"), _fight("recorded-today", "tls12")
    claim(bool(opened.damage) and not closed.damage, "the stolen key opened something else than static RSA")
    assert opened.damage
    screen.show("static RSA", opened.damage.sentence)
    screen.show("Diffie-Hellman", "he has the key, and reads nothing")
    screen.good("The server's key should prove who it is, and no more. TLS 1.3 cannot do otherwise.")


def cut_short(stage: Stage) -> None:
    """A client takes an order back, and the line ends before it could."""
    screen = stage.screen
    screen.say("The client says `PAY 9000 to Mallory`, draws breath, and says `: do not!`. He cuts the line between:")
    default, strict = _fight("truncation", "tls"), _fight("truncation", "tls-strict-close")
    claim(bool(default.damage) and not strict.damage, "the cut was noticed, or was not, where it should not have been")
    assert default.loot and strict.loot
    cut, noticed = default.loot.encounters[0].outcome.server, strict.loot.encounters[0].outcome.server
    claim(cut.ended and noticed.error is not None, "the server took the cut otherwise")
    screen.show("Python's default", f"the server was told, as a normal end: {quote(cut.delivered.splitlines()[-1])}")
    screen.show("strict", "the server noticed that nobody had said that this was all")
    screen.bad("The line was secret and authentic, and still said something else: an end is a message, too.")


def _fight(attack: str, name: str) -> Duel:
    protocol = configuration(name)
    people = world(protocol.key_type)
    return duel(BY_ID[attack], protocol, people, undisturbed(protocol, people))
