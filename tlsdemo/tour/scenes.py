"""The scenes of the tour, in order. EDGE."""

from collections.abc import Callable
from dataclasses import dataclass

from tlsdemo.tour.later import cut_short, recorded_today
from tlsdemo.tour.man_in_the_middle import any_certificate, man_in_the_middle, the_rogue_in_the_middle, the_third_party
from tlsdemo.tour.open_connection import diffie_hellman, multiplication, open_line
from tlsdemo.tour.peers import would_the_peer_notice
from tlsdemo.tour.real_tls import (
    server_and_client_talk,
    spot_the_difference,
    the_rogue,
    what_the_wire_shows,
    without_checks,
)
from tlsdemo.tour.stage import Stage
from tlsdemo.tour.tables import what_checks_cost, who_read_what


@dataclass(frozen=True)
class Scene:
    """A title, a question for `--step`, and the function that plays the scene."""

    title: str
    question: str
    play: Callable[[Stage], None]


SCENES = (
    Scene("An open connection", "what can an eavesdropper read?", open_line),
    Scene(
        "A secret, negotiated over an open connection",
        "300 is public; 1500 and 2100 are sent. Can you find the secret?",
        multiplication,
    ),
    Scene("Diffie-Hellman", "what can the eavesdropper still see?", diffie_hellman),
    Scene("The man in the middle", "who shares a secret with the client?", man_in_the_middle),
    Scene("Anyone can present a certificate", "what does a copied certificate prove?", any_certificate),
    Scene(
        "The trusted third party",
        "how many files must the client have before it can recognise a server?",
        the_third_party,
    ),
    Scene("The rogue certificate", "all names in it are right. What is wrong?", the_rogue_in_the_middle),
    Scene(
        "Real TLS: client and server",
        "which comes first: the message, or the proof of identity?",
        server_and_client_talk,
    ),
    Scene("What stays visible", "what can an eavesdropper still read?", what_the_wire_shows),
    Scene("Real TLS: the rogue certificate", "does OpenSSL find what the educational client found?", the_rogue),
    Scene("A client that checks nothing", "is the connection still encrypted?", without_checks),
    Scene("Spot the difference", "in which fields do the two roots differ?", spot_the_difference),
    Scene("Recorded today, stolen tomorrow", "what can a stolen server key decrypt?", recorded_today),
    Scene(
        "Would your client notice?", "can a client see that the server has no forward secrecy?", would_the_peer_notice
    ),
    Scene("Truncation", "does the server notice that the end is missing?", cut_short),
    Scene("What each check costs", "how much slower does each check make the handshake?", what_checks_cost),
    Scene("Who read what", "which attacker succeeds against every protocol?", who_read_what),
)

__all__ = ["SCENES", "Scene", "Stage"]
