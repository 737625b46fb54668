"""Discrete logarithms: whatever is found is checked by raising to the power, which is another thing than finding it."""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import gcd, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import tool
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.matrix import try_attack, undisturbed
from tlsdemo.attack.passive import talk
from tlsdemo.attack.real_world import world
from tlsdemo.compare.protocols import find
from tlsdemo.edu import eavesdropping, groups, logarithms, messages
from tlsdemo.edu.effort import effort
from tlsdemo.edu.groups import LEAKY
from tlsdemo.edu.logarithms import (
    FORTY_BITS,
    SMOOTH,
    baby_step_giant_step,
    discrete_log,
    factor,
    join,
    pohlig_hellman,
    reaches,
)
from tlsdemo.edu.small_subgroup_attack import leak, small_subgroups
from tlsdemo.key_agreement import FFDHE2048, X25519, FiniteField
from tlsdemo.protocol import Flight, Protection, Side

PRIMES = [n for n in range(5, 3000) if all(n % k for k in range(2, n) if k * k <= n)]


@given(p=st.sampled_from(PRIMES), g=st.integers(2, 5000), x=st.integers(0, 10**6))
def test_every_power_modulo_a_small_prime_is_undone(p: int, g: int, x: int) -> None:
    g = 2 + g % (p - 3)
    target = pow(g, x, p)
    for found in (baby_step_giant_step(p, g, p - 1, target), pohlig_hellman(p, g, target)):
        assert found is not None
        assert pow(g, found, p) == target
    tried = discrete_log(p, g, target)
    assert tried
    assert tried.exponent == baby_step_giant_step(p, g, p - 1, target), "both give the smallest"


@given(p=st.sampled_from(PRIMES), g=st.integers(2, 5000))
def test_what_is_no_power_of_g_has_no_logarithm(p: int, g: int) -> None:
    g = 2 + g % (p - 3)
    powers = {pow(g, x, p) for x in range(p)}
    for target in sorted(set(range(1, p)) - powers)[:5]:
        assert discrete_log(p, g, target) is None
        assert baby_step_giant_step(p, g, p - 1, target) is None
        assert pohlig_hellman(p, g, target) is None


@settings(max_examples=5, deadline=None)
@given(x=st.integers(1, FORTY_BITS[0] - 2))
def test_forty_bits_fall(x: int) -> None:
    p, g = FORTY_BITS
    found = discrete_log(p, g, pow(g, x, p))
    assert found
    assert found.exponent == x, "g has the full order, so there is no other"


@settings(max_examples=5, deadline=None)
@given(x=st.integers(1, 2**256))
def test_a_smooth_prime_of_2048_bits_falls(x: int) -> None:
    p, g = SMOOTH
    found = discrete_log(p, g, pow(g, x, p))
    assert found
    assert found.exponent == x


@pytest.mark.parametrize(("p", "g"), [(FFDHE2048, 2), (LEAKY[0], LEAKY[2])], ids=["ffdhe2048", "leaky"])
def test_what_is_strong_to_a_listener_is_given_up(p: int, g: int) -> None:
    assert discrete_log(p, g, pow(g, 2**255 + 12345, p)) is None
    assert not reaches(p)


@pytest.mark.parametrize("p", [FORTY_BITS[0], (FORTY_BITS[0] - 1) // 2, SMOOTH[0], LEAKY[0], LEAKY[1]], ids=str)
def test_the_groups_that_fall_are_made_of_primes(p: int) -> None:
    """As OpenSSL says."""
    done = subprocess.run([tool("openssl"), "prime", str(p)], capture_output=True, text=True, check=True)
    assert "is prime" in done.stdout


@pytest.mark.parametrize(("p", "g"), [FORTY_BITS, SMOOTH], ids=["40-bit", "smooth"])
def test_their_base_has_the_full_order(p: int, g: int) -> None:
    factors, rest = factor(p - 1)
    odd = [*factors, *([rest] if rest > 1 else [])]
    assert prod(prime**times for prime, times in factors.items()) * rest == p - 1
    assert all(pow(g, (p - 1) // prime, p) != 1 for prime in odd)


def test_the_leaky_group_is_of_prime_order_and_has_more_small_subgroups_than_a_secret_has_bits() -> None:
    p, q, g = LEAKY
    assert g != 1
    assert pow(g, q, p) == 1
    elements = small_subgroups(p, q)
    assert prod(r for r, _ in elements) > 2**256
    for r, h in elements:
        assert h != 1
        assert pow(h, r, p) == 1, "r is prime, so that is its order"


@given(x=st.integers(0, 2**256))
def test_what_leaks_in_small_subgroups_is_joined_to_the_secret(x: int) -> None:
    p, q, _ = LEAKY
    remainders = []
    for r, h in small_subgroups(p, q):
        theirs = pow(h, x, p)
        remainder = leak(p, h, r, theirs.__eq__)
        assert remainder == x % r
        remainders.append((remainder, r))
    assert join(remainders) == x


@given(st.lists(st.sampled_from(PRIMES), min_size=1, max_size=5, unique=True), st.integers(0, 10**30))
def test_remainders_are_joined(moduli: list[int], x: int) -> None:
    assert all(gcd(a, b) == 1 for a in moduli for b in moduli if a != b)
    assert join([(x % m, m) for m in moduli]) == x % prod(moduli)


def test_what_was_not_run_says_so() -> None:
    for bits in (512, 2048):
        assert "(extrapolated, not run)" in effort(bits, 1.0)
    assert effort(42, 1.0).startswith("42 bits: 2 seconds and a table of 2^21 entries"), "two bits more: twice the time"


# In the handshake ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "without"), [("40-bit", []), ("smooth", []), ("leaky", ["FRESHNESS"])])
@pytest.mark.parametrize("rung", ["dh", "ca"])
def test_in_a_weak_group_the_eavesdropper_reads(group: str, without: list[str], rung: str) -> None:
    protocol = find(rung, [Protection[each] for each in without], groups.falling(group))
    people = world(protocol.key_type)
    found = try_attack(BY_ID["computed-secret"], protocol, people, undisturbed(protocol, people))
    assert found.damage
    assert "the attacker read" in found.damage.sentence
    assert found.result
    assert found.result.how


def test_a_leaky_group_tells_nothing_of_secrets_that_are_used_once() -> None:
    protocol = find("ca", (), groups.falling("leaky"))
    people = world(protocol.key_type)
    assert not try_attack(BY_ID["computed-secret"], protocol, people, undisturbed(protocol, people)).damage


def test_the_name_on_the_line_is_the_numbers() -> None:
    protocol = find("dh", (), groups.falling("40-bit"))
    tape = talk(protocol, world(protocol.key_type)).tape
    hello = json.loads(next(flight.data for flight in tape if flight.sender is Side.CLIENT))
    assert hello["group"] == "{}:{}".format(*FORTY_BITS)


def test_groups_are_called_by_their_names() -> None:
    assert groups.parse("x25519") == X25519()
    assert groups.parse("23:5") == FiniteField(23, 5)
    for name in groups.NAMES:
        assert groups.parse(name).strong == (name in groups.STRONG)
    with pytest.raises(ValueError, match="is not a group"):
        groups.parse("41-bit")


# What it costs, where several conversations are computed with -------------------------------------------------------

MERSENNE = 2**31 - 1  # a prime: tables of 2 ** 15.5 entries
GROUP = FiniteField(MERSENNE, 7)


def cracked_at_once(groups: Sequence[FiniteField]) -> list[eavesdropping.Cracked | None]:
    """One conversation for each of these groups, all at the same time."""

    def one(number: int, group: FiniteField) -> eavesdropping.Cracked | None:
        return eavesdropping.crack(group.name, group.public(1000 + number), group.public(5000 + number))

    with ThreadPoolExecutor(len(groups)) as pool:
        return list(pool.map(one, range(len(groups)), groups))


def test_ten_conversations_in_one_group_take_one_table() -> None:
    before = logarithms.LAST.made
    found = cracked_at_once([GROUP] * 10)
    assert [each and each.shared for each in found] == [
        GROUP.shared(1000 + number, GROUP.public(5000 + number)) for number in range(10)
    ]
    assert logarithms.LAST.made - before <= 1


def test_of_several_groups_one_table_is_kept_and_one_is_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    making: list[int] = []
    most = 0
    made = logarithms.baby_steps

    def counted(p: int, g: int, size: int) -> logarithms.Table:
        nonlocal most
        making.append(p)
        kept = logarithms.LAST._kept
        most = max(most, len(making) + (1 if kept else 0))
        table = made(p, g, size)
        making.remove(p)
        return table

    monkeypatch.setattr(logarithms, "baby_steps", counted)
    groups = [FiniteField(p, 5) for p in (1_000_003, 1_000_033, 1_000_037, 1_000_039)]
    cracked_at_once(groups * 3)
    assert most == 1, "a table in memory while another is being made"


def test_a_conversation_that_waits_too_long_for_its_turn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eavesdropping, "PATIENCE", 0.01)
    listener = eavesdropping.LineEavesdropper()
    hello = messages.ClientHello("dh", "x", ("ChaCha20-Poly1305",), bytes(32), GROUP.name, GROUP.public(1000))
    answer = messages.ServerHello("dh", "ChaCha20-Poly1305", bytes(32), GROUP.public(5000))
    with eavesdropping.TURN:
        listener.hear(Flight(Side.CLIENT, messages.encode(hello)))
        (heard,) = listener.hear(Flight(Side.SERVER, messages.encode(answer)))
    assert heard.notes == ("gave up after 0.01 s: logarithms of other conversations are still being computed",)
