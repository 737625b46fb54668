"""The misbehaving server of the lab. Falsehood caught: a verdict that depends on chance."""

from itertools import count

from tlsdemo.key_agreement import FFDHE2048, FiniteField
from tlsdemo.lab.misbehaving import WithoutLeadingZero


def test_a_retry_gives_no_shared_secret_that_begins_with_zero() -> None:
    """Java 17 refuses such a handshake, which happens once in 256 times."""
    group, client = FiniteField(FFDHE2048, 2), 7
    share = group.public(client)
    secret = next(each for each in count(2**200) if group.shared(each, share)[0] == 0)
    mine, shared = WithoutLeadingZero(FFDHE2048, 2).answer(secret, share)
    assert shared[0] != 0
    assert group.shared(client, mine) == shared
