"""A server that keeps its secret tells it to one who asks with numbers of small order (`subgroups`; attack
`computed-secret` with --group leaky).

    attacker: client_hello, share h with h^r = 1     ---->
                                                     <----  server_hello ... finished     made with a key of h^x
    he tries all r keys on Finished, hangs up, has x mod r, and asks with the next r

The Finished that proves to an honest client that the server has the secret proves to him which one.
"""

from collections.abc import Callable
from dataclasses import replace

from tlsdemo.edu import messages
from tlsdemo.edu.errors import ProtocolError
from tlsdemo.edu.key_agreement import FiniteField
from tlsdemo.edu.key_schedule import schedule
from tlsdemo.edu.logarithms import factor, join
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.messages import ClientHello, Finished, ServerHello
from tlsdemo.edu.subgroups import leak, small_subgroups
from tlsdemo.protocol import Side


class Questions:
    """To one server, with the hello of a recorded conversation, but other shares."""

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

    def secret(self, share: str) -> int | None:
        """The server's, which belongs to that public value; None where it does not come out."""
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
            f"{last[1]}: numbers h of these orders make small circles",
            f"he asks the server with such an h as his share, {len(remainders)} times, and tries which h^x is in its "
            f"Finished: its secret is {first[0]} mod {first[1]}, ..., {last[0]} mod {last[1]}",
            f"together they tell the secret, {secret.bit_length()} bits, which it uses again and again",
        )
        return secret

    def _remainder(self, r: int, h: int) -> int | None:
        """The secret modulo r."""
        numbers, parts = self._numbers, self._parts
        question = messages.encode(replace(self._hello, share=numbers.text(h)), self._omitted)
        *before, last = self._ask(question).splitlines(keepends=True) or [b""]
        try:
            hello, finished = (messages.read(line.removesuffix(b"\n")) for line in (*before[:1], last))
        except (ValueError, ProtocolError):  # less than two messages, or something else
            return None
        if not (isinstance(hello, ServerHello) and isinstance(finished, Finished)):
            return None
        randoms, proof = (self._hello.random, hello.random), finished.verify_data
        transcript = parts.transcript_hash(question + b"".join(before))

        def is_key(power: int) -> bool:
            secrets = schedule(numbers.padded(power), *randoms)
            return parts.verify_data(secrets.finished[Side.SERVER], transcript) == proof

        return leak(numbers.p, h, r, is_key)
