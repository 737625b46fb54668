"""`--explain` under every `--without`, in every rung. Falsehood caught: a sentence that the conversation contradicts.

What is told is compared with what an attack on the same protocol really achieves, and with the bytes that passed.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.tlsdemo.explain.test_educational import EAVESDROPPER, HAVE, SAYS, WHY, Told, told
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.judge import AttackResult
from tlsdemo.attack.matrix import try_attack, undisturbed
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.edu import eavesdropping
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.edu.server import client_certificate, is_proved
from tlsdemo.protocol import Protection, Side

CELLS = [(rung, removed) for rung in RUNGS for removed in (None, *(each for each in Protection if each in RUNGS[rung]))]
CASES = pytest.mark.parametrize(
    ("rung", "removed"), CELLS, ids=[f"{rung}-{removed.name if removed else 'whole'}" for rung, removed in CELLS]
)


@cache
def tried(claims: frozenset[Protection], attack: str) -> tuple[bool, AttackResult]:
    """Whether the attack succeeds, and what it brought home."""
    protocol = edu(claims)
    people = world_of(protocol.key_type)
    found = try_attack(BY_ID[attack], protocol, people, undisturbed(protocol, people))
    assert found.result
    return found.damage is not None, found.result


def claims_of(rung: str, removed: Protection | None) -> frozenset[Protection]:
    return RUNGS[rung] - ({removed} if removed else set())


def conversation(certs: Path, rung: str, removed: Protection | None) -> Told:
    return told(rung, certs, without=frozenset({removed} if removed else ()))


def says(told: Told, side: Side, message: str, row: str) -> str:
    """A row of the first message of that name; empty where there is none."""
    rows = [rows for rows in told.rows[side] if rows[0][1].startswith(f"{message} from the ")]
    return dict(rows[0]).get(row, "") if rows else ""


@CASES
def test_what_a_record_holds_is_told_in_its_own_bytes(certs: Path, rung: str, removed: Protection | None) -> None:
    found = conversation(certs, rung, removed)
    for side in Side:
        text = says(found, side, "record", WHY)
        machine = found.machine(side)
        if not text:
            assert rung == "plain"
            continue
        tags = {"ChaCha20-Poly1305": 16, "HMAC-SHA256 alone": 32}
        told_tag = re.search(r"(\d+) are the tag", text)
        assert (int(told_tag[1]) if told_tag else None) == tags.get(machine.cipher)
        assert ("no tag follows" in text) is ("CBC" in machine.cipher)
        assert ("compressed" in text) is (removed is Protection.COMPRESSION_SAFETY)
        if "CBC" in machine.cipher:
            vector, padding = (int(number) for number in re.findall(r"(\d+) (?:are the init|the padding)", text))
            said = re.search(
                r"sealed (\d+) bytes, ", found.of(side, "record")["sent" if side is Side.CLIENT else "received"]
            )
            assert said
            assert vector == 16
            assert 1 <= padding <= 16
            assert int(said[1]) == vector + padding + 1 + len(b"pay to bob\n")


@CASES
def test_what_is_told_of_a_changed_or_moved_record_is_so(certs: Path, rung: str, removed: Protection | None) -> None:
    claims, found = claims_of(rung, removed), conversation(certs, rung, removed)
    for side in Side:
        text = says(found, side, "record", HAVE)
        if not text:
            continue
        assert ("CAN BE ACCEPTED" in text) is tried(claims, "bit-flip")[0]
        assert ("only if it is unchanged" in text) is not tried(claims, "bit-flip")[0]
        if "only if it is unchanged" in text:
            assert ("AT ANY POSITION" in text) is tried(claims, "reordering")[0]
            came_back = tried(claims, "reflection")[1].encounters[-1].outcome.client.delivered
            assert ("IN BOTH DIRECTIONS" in text) is bool(came_back)


@CASES
def test_what_is_told_of_the_eavesdropper_agrees_with_the_attacks(
    certs: Path, rung: str, removed: Protection | None
) -> None:
    claims, found = claims_of(rung, removed), conversation(certs, rung, removed)
    for side in Side:
        text = says(found, side, "record", EAVESDROPPER) or says(found, side, "data", EAVESDROPPER)
        listens, computes = (tried(claims, attack)[0] for attack in ("eavesdropper", "computed-secret"))
        assert bool(re.search("Reads it|Reads every byte", text)) is listens
        assert ("decrypts them" in text) is (computes and not listens)
        assert ("Sees the length" in text) is not (computes or listens)
        if "Sees the length" in text:
            assert ("depends on the content" in text) is tried(claims, "compression")[0]
            repeats = removed in (Protection.ORDER, Protection.KEY_SEPARATION)
            assert ("Nonces are used twice" in text) is repeats
        assert (SAYS in eavesdropping.read(found.outcome.tape)) is (listens or computes)  # `tlsdemo eavesdrop` does it
        seen = says(found, side, "server_hello", EAVESDROPPER)
        multiplies = found.machine(side).negotiated["group"].startswith("multiplication")
        assert ("It has every key" in seen) is multiplies
        assert computes or not multiplies
        static = tried(claims, "recorded-today")[0] and not (computes or listens)
        assert ("until the private key of the server's certificate is stolen" in seen) is static
        assert (
            "THE SERVER'S SECRET IS ITS CERTIFICATE'S PRIVATE KEY" in says(found, side, "server_hello", WHY)
        ) is static


@CASES
def test_what_is_told_of_finished_is_so(certs: Path, rung: str, removed: Protection | None) -> None:
    claims, found = claims_of(rung, removed), conversation(certs, rung, removed)
    if rung == "plain":
        return
    for side in Side:
        text, have = (says(found, side, "finished", row) for row in (WHY, HAVE))
        renamed, fooled, replayed = (tried(claims, each)[0] for each in ("renaming", "man-in-the-middle", "replay"))
        assert ("changed in transit is detected" in text) is not renamed
        assert ("CHANGED IN TRANSIT IS NOT DETECTED" in text) is renamed
        in_the_middle = "A man in the middle is not detected" in text
        assert in_the_middle is fooled if side is Side.CLIENT else fooled or not in_the_middle
        assert ("VERIFIES AGAIN" in text) is replayed
        assert ("does not verify" in text) is not replayed
        assert "records:" in have
        clear, unchecked = tried(claims, "eavesdropper")[0], tried(claims, "bit-flip")[0]
        assert ("NOT encrypted" in have, "NOT authenticated" in have) == (clear, unchecked)


@CASES
def test_what_is_told_of_the_numbers_is_so(certs: Path, rung: str, removed: Protection | None) -> None:
    found, again = conversation(certs, rung, removed), conversation(certs, rung, removed)
    if rung == "plain":
        return
    client, server = found.machine(Side.CLIENT), again.machine(Side.CLIENT)
    for sender in Side:
        text = says(found, Side.CLIENT, f"{sender.value}_hello", WHY)
        assert ("different from every other" in text) is (client.randoms[sender] != server.randoms[sender])
    group = client.negotiated["group"]
    for side in Side:
        text = found.text(side)
        assert ("ML-KEM" in text) is (group == "x25519mlkem768")
        assert ("Curve25519" in text) is group.startswith("x25519")
        assert ("P-256" in text) is (group == "secp256r1")
        assert bool(re.search(r"300 x", text)) is group.startswith("multiplication")


@CASES
def test_what_is_told_of_the_certificate_is_so(certs: Path, rung: str, removed: Protection | None) -> None:
    claims, found = claims_of(rung, removed), conversation(certs, rung, removed)
    text, have = (says(found, Side.CLIENT, "certificate", row) for row in (WHY, HAVE))
    if not text:
        assert Protection.POSSESSION not in RUNGS[rung] or claims <= RUNGS["dh"]
        return
    assert ("NO SIGNATURE FOLLOWS" in text) is tried(claims, "copied-certificate")[0]
    assert bool(says(found, Side.CLIENT, "certificate_verify", WHY)) is ("NO SIGNATURE FOLLOWS" not in text)
    if "NOTHING IS CHECKED" in have:
        assert tried(claims, "man-in-the-middle")[0]
        return
    if Protection.POSSESSION not in claims:  # then a copy is enough for all of them
        return
    for words, attack in (("the name", "other-host"), ("validity", "expired"), ("revocation", "revoked")):
        unchecked = have.partition("NOT checked: ")[2]
        assert (words in unchecked) is tried(claims, attack)[0], words


@CASES
def test_a_client_is_called_proved_only_where_no_impostor_passes(
    certs: Path, rung: str, removed: Protection | None
) -> None:
    server = conversation(certs, rung, removed).machine(Side.SERVER)
    certificate = client_certificate(server)
    fooled = tried(claims_of(rung, removed), "impostor-client")[0]
    assert certificate is None or is_proved(server, edu(claims_of(rung, removed))) is not fooled
    assert fooled or certificate is not None


@CASES
def test_no_side_takes_for_random_or_signed_what_the_other_left_out(
    certs: Path, rung: str, removed: Protection | None
) -> None:
    """What is told of a message agrees with the message: zeros are not called a random number."""
    for side in Side:
        for rows in conversation(certs, rung, removed).rows[side]:
            text = " ".join(sentence for _, sentence in rows)
            assert not re.search(r"random number 0{20}", text)


def test_a_client_does_not_speak_of_its_own_options_as_if_they_were_the_servers(certs: Path) -> None:
    """`connect --without freshness` before a server that has it: what the server drew is in its message."""
    from tests.peers.support import party_of
    from tests.tlsdemo.explain.test_educational import Rows, watching
    from tlsdemo.conversation import converse
    from tlsdemo.explain.educational import Explainer

    rows: list[Rows] = []
    client = edu(RUNGS["ca"] - {Protection.FRESHNESS}, watch=watching(Explainer(), rows)).client(
        party_of(certs, Side.CLIENT)
    )
    outcome = converse(client, edu(RUNGS["ca"]).server(party_of(certs, Side.SERVER)), lines=[(Side.CLIENT, b"x\n")])
    assert outcome.client.accepted
    text = " ".join(sentence for each in rows for _, sentence in each)
    assert "REUSES" not in text
    assert "ALL ZEROS" not in text
    assert "VERIFIES AGAIN" not in text
