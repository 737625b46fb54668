"""The checks of an explanation in a conversation of thousands of messages. Caught: work that grows with its square."""

from tests.tlsdemo.explain.prolonged import prolonged
from tests.tlsdemo.explain.test_conversation import NOW
from tlsdemo.explain import proofs
from tlsdemo.explain.conversation import explain
from tlsdemo.wire.records import HANDSHAKE


def test_only_the_first_messages_are_checked_and_the_others_say_so() -> None:
    """A check reads all messages before it: thousands of Finished would take hours."""
    finished = HANDSHAKE, b"\x14\x00\x00\x30" + bytes(48)
    chunks, keys = prolonged([finished] * 1_000)
    checks = [
        check for entry in explain(chunks, keys, NOW).entries if entry.title == "Finished" for check in entry.checks
    ]
    assert [check.passed for check in checks[:2]] == [True, True]
    assert all("a second authentication" in check.sentence for check in checks[2:30])
    assert [check.sentence for check in checks[-970:]] == [
        f"not computed: {proofs.MOST} messages before this one have such a check"
    ] * 970
