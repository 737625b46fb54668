"""The small-subgroup attack on a server that reuses its secret (RFC 2785; Lim and Lee, 1997).

    attacker: ClientHello, share h with h^r = 1, r small     ---->
                                                             <----  ServerHello ... Finished, made with a key of h^x
    h^x is one of r numbers: the attacker tries them all on Finished, and has x mod r. Next r; a few of these give x.

Finished proves to an honest client that the server has the secret. To this client it proves which secret it is. The
attack needs a p - 1 with many small prime factors, as in the group `leaky`, and a server that draws no new secret
(without FRESHNESS). It is `computed-secret` with --group leaky.
"""

from collections.abc import Callable
from dataclasses import replace

from tlsdemo.edu import messages
from tlsdemo.edu.key_schedule import schedule
from tlsdemo.edu.logarithms import TRIAL, factor, join
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.messages import ClientHello, Finished, ServerHello
from tlsdemo.key_agreement import FiniteField
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError


class SmallSubgroupAttack:
    """Asks one server again and again, with the ClientHello of a recorded conversation and other shares.

    `ask` sends a first flight to the server and returns the server's flight. ValueError for a recording that does not
    begin with a ClientHello.
    """

    def __init__(self, numbers: FiniteField, parts: Parts, recorded: bytes, ask: Callable[[bytes], bytes]) -> None:
        self._numbers = numbers
        self._parts = parts
        first = recorded.partition(b"\n")[0]
        hello = messages.read(first)
        if not isinstance(hello, ClientHello):
            raise ValueError("the recording does not begin with a ClientHello")
        self._hello, self._omitted = hello, messages.missing(first)
        self._ask = ask
        self.how: tuple[str, ...] = ()
        """How the secret was found, in sentences; empty until it is."""

    def secret(self, share: str) -> int | None:
        """The server's secret for that key share; None if the attack does not find it."""
        p = self._numbers.p
        _, large = factor(p - 1)
        remainders = []
        for r, h in small_subgroups(p, large):
            remainder = self._remainder(r, h)
            if remainder is None:
                return None
            remainders.append((remainder, r))
        secret = join(remainders)
        if self._numbers.public(secret) != share:
            return None
        first, last = remainders[0], remainders[-1]
        self.how = (
            f"p has {p.bit_length()} bits, and p - 1 = 2q x {' x '.join(str(r) for _, r in remainders[:4])} x ... x "
            f"{last[1]}: a number h of such an order has few powers",
            f"the attacker sends {len(remainders)} such numbers h as its key share and tests which power h^x "
            f"the server's Finished was made with: the server's secret is {first[0]} mod {first[1]}, ..., "
            f"{last[0]} mod {last[1]}",
            f"the remainders together give the secret, {secret.bit_length()} bits, which the server reuses",
        )
        return secret

    def _remainder(self, r: int, h: int) -> int | None:
        """The secret modulo r; None if the server's answer does not reveal it."""
        numbers, parts = self._numbers, self._parts
        question = messages.encode(replace(self._hello, share=numbers.text(h)), self._omitted)
        *before, last = self._ask(question).splitlines(keepends=True) or [b""]
        try:
            hello, finished = (messages.read(line.removesuffix(b"\n")) for line in (*before[:1], last))
        except (ValueError, ProtocolError):  # fewer than two messages, or other ones
            return None
        if not (isinstance(hello, ServerHello) and isinstance(finished, Finished)):
            return None
        randoms, proof = (self._hello.random, hello.random), finished.verify_data
        transcript = parts.transcript_hash(question + b"".join(before))

        def is_key(power: int) -> bool:
            secrets = schedule(numbers.padded(power), *randoms)
            return parts.verify_data(secrets.finished[Side.SERVER], transcript) == proof

        return leak(numbers.p, h, r, is_key)


# The numbers --------------------------------------------------------------------------------------------------------


def small_subgroups(p: int, q: int) -> list[tuple[int, int]]:
    """(r, h) for each small odd prime factor r of (p - 1) / q, where h has the order r.

    ValueError if q does not divide p - 1. Without r = 2: its h is p - 1, which every implementation rejects (RFC 7919
    §5.1). The others pass that check. What detects them is the test h^q = 1; a safe prime has none (RFC 2785 §3).
    """
    if (p - 1) % q:
        raise ValueError(f"{q} does not divide p - 1")
    factors, _ = factor((p - 1) // q)
    return [(r, _element(p, r)) for r in factors if 2 < r < TRIAL]


def _element(p: int, r: int) -> int:
    powers = (pow(base, (p - 1) // r, p) for base in range(2, p))  # of order r, or 1
    return next(h for h in powers if h != 1)


def leak(p: int, h: int, r: int, is_key: Callable[[int], bool]) -> int | None:
    """The secret x modulo r: the exponent for which `is_key` confirms that the server computed h^x; None if for none.

    `logarithms.join` computes the secret from several of these, with the r as moduli.
    """
    return next((x for x in range(r) if is_key(pow(h, x, p))), None)
