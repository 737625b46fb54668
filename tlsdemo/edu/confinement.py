"""A server that keeps its secret tells it to one who asks with numbers of small order (`subgroups`; attack
`computed-secret` with --group leaky).

    attacker: client_hello, share h with h^r = 1     ---->
                                                     <----  server_hello ... finished     made with a key of h^x
    he tries all r keys on Finished, hangs up, has x mod r, and asks with the next r

The Finished that proves to an honest client that the server has the secret proves to him which one.
"""

import json
from collections.abc import Callable
from typing import Any

from tlsdemo.edu.agreement import FiniteField
from tlsdemo.edu.logarithms import factor, join
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.schedule import schedule
from tlsdemo.edu.subgroups import leak, small_subgroups
from tlsdemo.protocol import Side


class Questions:
    """To one server, with the hello of a recorded conversation, but other shares."""

    def __init__(self, numbers: FiniteField, parts: Parts, recorded: bytes, ask: Callable[[bytes], bytes]) -> None:
        self._numbers = numbers
        self._parts = parts
        self._hello: dict[str, Any] = json.loads(recorded.partition(b"\n")[0])
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
        question = json.dumps(self._hello | {"share": numbers.text(h)}).encode() + b"\n"
        *before, finished = self._ask(question).splitlines(keepends=True) or [b""]
        try:
            hello, proof = json.loads(before[0]), bytes.fromhex(json.loads(finished)["verify_data"])
            randoms = bytes.fromhex(self._hello["random"]), bytes.fromhex(hello.get("random", ""))
        except (ValueError, LookupError, TypeError):
            return None
        transcript = parts.transcript_hash(question + b"".join(before))

        def is_key(power: int) -> bool:
            secrets = schedule(numbers.padded(power), *randoms)
            return parts.verify_data(secrets.finished[Side.SERVER], transcript) == proof

        return leak(numbers.p, h, r, is_key)
