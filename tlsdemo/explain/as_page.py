"""An explanation as the plain values that `report.explain_page` shows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from tlsdemo.explain import values
from tlsdemo.explain.conversation import Entry, Explanation, Kind, as_seen
from tlsdemo.explain.failure import CLOSE_NOTIFY, USER_CANCELED
from tlsdemo.explain.keys import Derived
from tlsdemo.explain.proofs import Proof
from tlsdemo.explain.rows import Row, flat
from tlsdemo.report import explain_page as page
from tlsdemo.wire import registry
from tlsdemo.wire.key_schedule13 import KEY_LOG_LABELS, Label

PREVIEW = 60  # characters of application data
MOST_UPDATES = 8  # KeyUpdates of a side whose secrets are in the tree
MOST_PROBLEMS = 40
NOTHING_LEARNED = "nothing but addresses, times and lengths"


def as_page(found: Sequence[tuple[str, Explanation]], made: str, *, as_attacker: bool = False) -> str:
    """The HTML of conversations with their titles. As the attacker, without anything encrypted, and without secrets."""
    conversations = [
        _conversation(title, explanation, f"c{number}-" if number > 1 else "", as_attacker=as_attacker)
        for number, (title, explanation) in enumerate(found, start=1)
    ]
    return page.render(conversations, made, has_switch=not as_attacker)


def _conversation(title: str, told: Explanation, prefix: str, *, as_attacker: bool) -> page.Conversation:
    if as_attacker:
        told = as_seen(told)
    derived = [] if as_attacker else [each for each in told.entries if each.kind is Kind.KEYS]
    schedule = [each for each in derived if not each.secret]
    all_keys = _by_secret(derived)
    keys = {secret: entries for secret, entries in all_keys.items() if _updates(secret) <= MOST_UPDATES}
    secrets = {secret: f"{prefix}k{number}" for number, secret in enumerate(keys, start=1)}
    records = tuple(_records(told.entries, prefix, secrets, as_attacker=as_attacker))
    return page.Conversation(
        title,
        told.version,
        told.suite,
        "" if as_attacker else f"{told.explained:,} of {told.total:,} bytes",
        tuple(map(values.cut, told.learned)) or (NOTHING_LEARNED,),
        told.ending.failed,
        told.ending.sentences,
        told.seen_ending.sentences if told.seen_ending and not as_attacker else (),
        told.ending.hint,
        tuple(_first(told.problems)),
        records,
        _tree(keys, [each for entry in schedule for each in entry.derived], secrets, records),
        len(all_keys) - len(keys),
        tuple(_check(each) for entry in schedule for each in entry.checks),
    )


def _by_secret(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The entries of each secret, in the order of their use."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.secret:
            found.setdefault(entry.secret, []).append(entry)
    return found


def _updates(secret: str) -> int:
    """How many KeyUpdates came before that secret."""
    number = secret.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


def _first(sentences: Sequence[str]) -> Iterator[str]:
    yield from map(values.cut, sentences[:MOST_PROBLEMS])
    if len(sentences) > MOST_PROBLEMS:
        yield f"and {len(sentences) - MOST_PROBLEMS} more"


# Records ------------------------------------------------------------------------------------------------------------


def _records(
    entries: Sequence[Entry], prefix: str, secrets: Mapping[str, str], *, as_attacker: bool
) -> Iterator[page.Record]:
    shown = page.shown_of_data([len(each.data) for each in entries if each.kind is Kind.DATA])
    sealed = page.shown_of_data([len(each.data) for each in entries if _is_sealed(each)])
    groups: list[tuple[Entry, list[page.Content]]] = []
    count = 0
    for entry in entries:
        if entry.kind is Kind.RECORD:
            groups.append((entry, []))
        elif entry.kind is not Kind.KEYS:
            count += 1
            size = next(shown) if entry.kind is Kind.DATA else min(len(entry.data), page.GENEROUS)
            if groups and not (as_attacker and entry.hidden):
                groups[-1][1].append(_content(entry, f"{prefix}m{count}", size))
    for number, (entry, contents) in enumerate(groups, start=1):
        title, _, key = entry.title.partition(" with ") if entry.secret else (entry.title, "", "")
        secret, comma, sequence_number = key.partition(",")
        yield page.Record(
            f"{prefix}r{number}",
            entry.sender,
            title,
            secret,
            comma + sequence_number,
            entry.data,
            _fields(entry.rows),
            entry.decrypted,
            entry.hidden,
            secrets.get(entry.secret, ""),
            tuple(contents),
            next(sealed) if _is_sealed(entry) else page.GENEROUS,
        )


def _is_sealed(entry: Entry) -> bool:
    """Whether it is a record that is shown encrypted only."""
    return entry.kind is Kind.RECORD and entry.hidden and not entry.secret


def _content(entry: Entry, identity: str, shown: int) -> page.Content:
    parts = tuple(_parts(entry.rows))
    return page.Content(
        identity,
        _title(entry),
        values.cut(entry.rows[0].value, PREVIEW) if entry.kind is Kind.DATA and entry.rows else entry.why,
        entry.data,
        parts,
        entry.hidden,
        entry.is_inside,
        entry.kind is Kind.DATA,
        entry.kind is Kind.ALERT and not set(_descriptions(entry)) & WITHOUT_FAILURE,
        tuple(map(_check, entry.checks)),
        entry.notes,
        shown,
        sum(1 + len(row.inside) for row in entry.rows) - sum(len(part.fields) for part in parts),
        entry.eavesdropper,
    )


WITHOUT_FAILURE = {registry.name(registry.ALERTS, each) for each in (CLOSE_NOTIFY, USER_CANCELED)}
"""The alerts that are not a refusal."""


def _title(entry: Entry) -> str:
    """The title; for an alert, with what it says."""
    return ": ".join([entry.title, *_descriptions(entry)]) if entry.kind is Kind.ALERT else entry.title


def _descriptions(entry: Entry) -> list[str]:
    return [row.value for row in entry.rows if row.name == "description"]


def _check(check: Proof) -> page.Check:
    return page.Check(check.passed, check.sentence)


def _parts(rows: Sequence[Row]) -> Iterator[page.Part]:
    """The first rows in tables, with one for the elements of each certificate."""
    first, certificates, waiting = 0, 0, list[Row]()
    for row in rows:
        left = page.MOST_FIELDS - first - len(waiting)
        if left <= 0:
            break
        waiting += islice(flat([row]), 1)
        if row.inside:
            certificates += 1
            yield page.Part("", first, _fields(waiting))
            first += len(waiting)
            waiting.clear()
            title = f"certificate {certificates}: {values.amount(len(row.inside), 'DER element')}"
            yield page.Part(title, first, _fields(row.inside[: left - 1], row.inside[0].depth))
            first += min(left - 1, len(row.inside))
    if waiting:
        yield page.Part("", first, _fields(waiting))


def _fields(rows: Iterable[Row], depth: int = 0) -> tuple[page.Field, ...]:
    """The fields of rows that are indented from that depth on."""
    return tuple(page.Field(row.start, row.end, row.depth - depth, row.name, row.value, row.reason) for row in rows)


# Keys ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """A secret above the traffic secrets (RFC 8446 §7.1). A key log does not have it."""

    name: str
    how: str
    above: str
    """The secret that it is derived from; empty for the first."""


STAGES = (
    Stage("early secret", "HKDF-Extract(0, PSK, or 0 without a PSK)", ""),
    Stage("handshake secret", 'HKDF-Extract(Derive-Secret(early secret, "derived"), shared secret)', "early secret"),
    Stage("master secret", 'HKDF-Extract(Derive-Secret(handshake secret, "derived"), 0)', "handshake secret"),
)

PARENTS: Mapping[Label, str] = {
    Label.CLIENT_EARLY_TRAFFIC_SECRET: "early secret",
    Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET: "handshake secret",
    Label.SERVER_HANDSHAKE_TRAFFIC_SECRET: "handshake secret",
    Label.CLIENT_APPLICATION_TRAFFIC_SECRET_0: "master secret",
    Label.SERVER_APPLICATION_TRAFFIC_SECRET_0: "master secret",
}
"""The secret above each traffic secret."""

LABELS = {name: label for label, name in KEY_LOG_LABELS.items() if label in PARENTS}
"""The label of Derive-Secret for a name in a key log."""


def _tree(
    keys: Mapping[str, Sequence[Entry]],
    schedule: Sequence[Derived],
    secrets: Mapping[str, str],
    records: Sequence[page.Record],
) -> tuple[page.Key, ...]:
    """The secrets under those that they are derived from. A secret of unknown origin is a root.

    `schedule` has the secrets above the traffic secrets, if they are known.
    """
    below: dict[str, list[page.Key]] = {}
    protected: dict[str, list[page.Record]] = {}
    for record in records:
        protected.setdefault(record.key, []).append(record)
    # The last first: what is derived from a secret comes after it.
    for secret, entries in reversed(list(keys.items())):
        identity = secrets[secret]
        key = _secret(entries, identity, protected.get(identity, ()), below.pop(secret, []))
        below.setdefault(_above(secret, secrets), []).insert(0, key)
    known = {each.name: each for each in schedule}
    for stage in reversed(STAGES):
        derived = known.pop(stage.name, Derived(stage.name, stage.how, b""))
        if children := below.pop(stage.name, []):
            below.setdefault(stage.above, []).append(_key(derived, *children))
    return (*map(_key, known.values()), *below.get("", []))


def _key(derived: Derived, *children: page.Key) -> page.Key:
    return page.Key("", derived.name, derived.call, derived.value, "", (), children)


def _above(secret: str, secrets: Mapping[str, str]) -> str:
    """The name of the secret that this one is derived from, or empty."""
    start, _, number = secret.rpartition("_")
    before = f"{start}_{int(number) - 1}" if number.isdecimal() and int(number) else ""
    return before if before in secrets else PARENTS[LABELS[secret]] if secret in LABELS else ""


def _secret(
    entries: Sequence[Entry], identity: str, records: Sequence[page.Record], below: Sequence[page.Key]
) -> page.Key:
    """A secret with the keys of the sides that use it (one in TLS 1.3, both in TLS 1.2), and the secrets below it."""
    first = entries[0].derived[0]
    label = LABELS.get(first.name)
    how = f'{first.call}; Derive-Secret({PARENTS[label]}, "{label}", messages so far)' if label else first.call
    keys = [
        page.Key("", each.name, each.call, each.value, entry.sender, _protected(each.name, entry.sender, records), ())
        for entry in entries
        for each in entry.derived[1:]
    ]
    return page.Key(identity, first.name, how, first.value, "", (), (*keys, *below))


def _protected(name: str, sender: str, records: Sequence[page.Record]) -> tuple[tuple[str, str], ...]:
    """The records of that sender, to link to from the key; none from the IV beside it."""
    mine = [each for each in records if each.sender == sender] if name.endswith("key") else []
    return tuple((each.id, each.title.partition(",")[0]) for each in mine)
