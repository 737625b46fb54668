"""The scenes of the tour: each one plays while it is told. EDGE.

stage      what they share: the parties, and the rule that nothing is claimed that was not just seen
line       two who have nothing but arithmetic       middle     the man in the middle, and the third party
real       the same with TLS, on real sockets        later      what may still be lacking
table      the closing tables
"""

from collections.abc import Callable
from dataclasses import dataclass

from tlsdemo.tour.later import cut_short, recorded_today
from tlsdemo.tour.man_in_the_middle import any_certificate, man_in_the_middle, the_rogue_in_the_middle, the_third_party
from tlsdemo.tour.open_connection import diffie_hellman, multiplication, open_line
from tlsdemo.tour.real_tls import (
    nobody_checks,
    server_and_client_talk,
    spot_the_difference,
    the_rogue,
    what_the_wire_shows,
)
from tlsdemo.tour.stage import Stage
from tlsdemo.tour.tables import what_checks_cost, who_read_what


@dataclass(frozen=True)
class Scene:
    """A title, what to guess beforehand, and what happens."""

    title: str
    question: str
    play: Callable[[Stage], None]


SCENES = (
    Scene("The open line", "what does somebody on the line get?", open_line),
    Scene(
        "A secret, negotiated in the open",
        "300 is known to all; 1500 and 2100 are sent. Can you find the secret?",
        multiplication,
    ),
    Scene("Diffie-Hellman", "what does he still see?", diffie_hellman),
    Scene("The man in the middle", "with whom does the client share its secret?", man_in_the_middle),
    Scene("Anybody can show a certificate", "what does a copied certificate prove?", any_certificate),
    Scene("The third party", "how many files must a client have before it can recognise a server?", the_third_party),
    Scene("The rogue in the middle", "all names are right. What gives him away?", the_rogue_in_the_middle),
    Scene("Real TLS: server and client talk", "what comes first: the message, or the proof?", server_and_client_talk),
    Scene("What the wire shows", "what can somebody on the line still read?", what_the_wire_shows),
    Scene("The rogue, again", "will OpenSSL find what the educational client found?", the_rogue),
    Scene("The same rogue, and a client that checks nothing", "is the line still encrypted?", nobody_checks),
    Scene("Spot the difference", "in which fields do the two authorities differ?", spot_the_difference),
    Scene("Recorded today, stolen tomorrow", "what does the server's key open?", recorded_today),
    Scene("The last word", "who notices that something is missing?", cut_short),
    Scene("What each check costs", "by how much does checking slow a handshake down?", what_checks_cost),
    Scene("Who read what", "who wins against all of them?", who_read_what),
)

__all__ = ["SCENES", "Scene", "Stage"]
