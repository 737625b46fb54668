"""`tlsdemo explain`: a conversation byte by byte, of a connection made now or of a capture. EDGE."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pki.console import remark
from pki.errors import ExitCode, Problem
from pki.store.files import open_file, read_file, read_key
from pki.store.output import SECRET, Output, forbid_same, written
from tlsdemo.cli.explaining import explained, style
from tlsdemo.cli.protocol_names import TLS, TLS13
from tlsdemo.cli.target import ConnectOptions, Wants, resolve
from tlsdemo.explain.as_data import as_data
from tlsdemo.explain.by_hand import numbers
from tlsdemo.explain.conversation import Explanation
from tlsdemo.explain.failure import Trust
from tlsdemo.explain.text import lines
from tlsdemo.wire import captures, key_log
from tlsdemo.wire.captures import Connection
from tlsdemo.wire.key_log import KeyLog


@dataclass(frozen=True)
class ExplainOptions:
    """The options of the command."""

    target: ConnectOptions
    tls12: bool
    capture: Path | None
    keylog: Path | None
    server_key: Path | None
    only: str | None
    as_attacker: bool
    brief: bool
    der: bool
    as_json: bool
    trust_given: bool
    address_given: bool
    by_hand: int | None
    """The number of the record, from 1, whose numbers are printed."""
    side_by_side: bool
    html: Path | None
    save: Path | None
    force: bool

    @property
    def prints(self) -> bool:
        """Whether something is printed: --html replaces the text alone."""
        return self.html is None or self.as_json or self.side_by_side or self.by_hand is not None


def explain_command(settings: ExplainOptions) -> int:
    """Print the explanation, or write the page. Returns 0, or 1 if the conversation failed."""
    _forbid(settings)
    page = _page(settings.html, settings) if settings.html else None
    saved = Output(settings.save, "--save", _is_ours, settings.force, mode=SECRET) if settings.save else None
    if saved:
        saved.check()
    found = _of_capture(settings) if settings.capture else iter([_live(settings, saved)])
    if page:
        whole = list(found)
        _write(page, whole, settings)
        found = iter(whole)
    several = settings.as_json and settings.capture is not None
    failed = False
    for number, (title, explanation) in enumerate(found):
        failed |= explanation.ending.failed
        if settings.prints:
            if several:
                print("," if number else '{\n"schema": 2,\n"connections": [')
            _print(title, explanation, settings, is_first=number == 0)
    if several:
        print("]\n}")
    return ExitCode.NO if failed else ExitCode.YES


def _forbid(settings: ExplainOptions) -> None:
    """Raise Problem for options that contradict each other, or would have no effect."""
    live = settings.target
    with_capture = {
        "--keylog": settings.keylog is not None,
        "--server-key": settings.server_key is not None,
        "--filter": settings.only is not None,
    }
    without_capture = {
        "HOST:PORT": settings.address_given,
        f"--protocol {live.protocol}": live.protocol != TLS,
        "--tls1.2": settings.tls12,
        "--group": live.group is not None,
        "--without": bool(live.without),
        "--story": live.story,
        "--cert": live.cert is not None,
        "--message": live.message is not None,
        "--save": settings.save is not None,
    }
    for option, is_given in with_capture.items():
        if is_given and settings.capture is None:
            raise Problem(f"{option} needs --capture", hint="add --capture FILE", code=ExitCode.USAGE)
    for option, is_given in without_capture.items():
        if is_given and settings.capture is not None:
            hint = "leave one of them out: --capture explains a file, and makes no connection"
            raise Problem(f"{option} and --capture are mutually exclusive", hint=hint, code=ExitCode.USAGE)
    by_hand, side_by_side = settings.by_hand is not None, settings.side_by_side
    for options in (
        {"--json": settings.as_json, "--html": settings.html is not None, "--map": side_by_side, "--by-hand": by_hand},
        {"--brief": settings.brief, "--der": settings.der},
        {"--as attacker": settings.as_attacker, "--map": side_by_side},
        {"--as attacker": settings.as_attacker, "--by-hand": by_hand},
        {"--tls1.2": settings.tls12, f"--protocol {live.protocol}": live.protocol != TLS},
    ):
        given = [option for option, is_given in options.items() if is_given]
        if len(given) > 1:
            fact = f"{' and '.join(given)} are mutually exclusive"
            raise Problem(fact, hint="use one of them", code=ExitCode.USAGE)
    if live.protocol == TLS and (live.group or live.story or live.without):
        from tlsdemo.cli.protocol_options import forbid_for_tls  # as for `_live`

        forbid_for_tls(group=live.group, story=live.story, without=live.without)
    for option, is_given in (("--by-hand", by_hand), ("--map", side_by_side)):
        if is_given and live.protocol not in (TLS, TLS13):
            fact = f"{option} does not work with --protocol {live.protocol}"
            raise Problem(fact, hint="use --protocol tls or tls13", code=ExitCode.USAGE)
    forbid_same(html=settings.html, save=settings.save)
    forbid_same(html=settings.html, capture=settings.capture)


def _page(path: Path, settings: ExplainOptions) -> Output:
    """The page to write. Raises Problem if it cannot or must not be written."""
    from tlsdemo.report import html  # as for `_live`

    page = Output(path, "--html", html.is_ours, settings.force, mode=SECRET)
    page.check()
    return page


def _live(settings: ExplainOptions, saved: Output | None) -> tuple[str, Explanation]:
    from tlsdemo.cli.explain_live import explain_live  # costs time that a capture need not wait for

    return explain_live(settings, saved)


def _print(title: str, explanation: Explanation, settings: ExplainOptions, *, is_first: bool) -> None:
    if settings.by_hand is not None:
        _by_hand(explanation, settings.by_hand)
    elif settings.side_by_side:
        from tlsdemo.cli.explain_map import side_by_side  # as for `_live`

        print(side_by_side(explanation), end="")
    elif settings.as_json:
        data = as_data(explanation, as_attacker=settings.as_attacker)
        print(json.dumps({"title": title, **data} if settings.capture else data, indent=2))
    else:
        if title:
            print(("" if is_first else "\n") + title)
        wide = style(sys.stdout, brief=settings.brief, der=settings.der)
        for line in lines(explanation, wide, as_attacker=settings.as_attacker):
            print(line)


def _write(page: Output, found: list[tuple[str, Explanation]], settings: ExplainOptions) -> None:
    from tlsdemo.explain.as_page import as_page  # as for `_live`

    made = f"Made by tlsdemo explain on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    page.write(as_page(found, made, as_attacker=settings.as_attacker))
    remark(written(page.path, "" if settings.as_attacker else "secrets of the connection"))


def _by_hand(explanation: Explanation, number: int) -> None:
    """Print the numbers of one record."""
    records = explanation.dissection.records
    if not 1 <= number <= len(records):
        hint = f"the conversation has {len(records)} records"
        raise Problem(f"--by-hand {number}: no such record", hint=hint, code=ExitCode.USAGE)
    found = list(numbers(explanation.dissection, explanation.secrets, number - 1))
    if not found:
        is_open = records[number - 1].content is not None
        what = "is not encrypted" if is_open and records[number - 1].protection is None else "is not decrypted"
        hint = "choose a record that is encrypted, and whose key is known"
        raise Problem(f"record {number} {what}: it has no numbers to compute with", hint=hint, code=ExitCode.NO)
    for name, value in found:
        print(f"{name}\n  {value}")


# A capture ----------------------------------------------------------------------------------------------------------


MAX_KEY_LOG = 64 << 20  # bytes


def _of_capture(settings: ExplainOptions) -> Iterator[tuple[str, Explanation]]:
    """The connections of the capture, one after the other: a large file need not fit into memory."""
    assert settings.capture
    hint = "give the RSA key of the server's certificate"
    server_key = read_key(settings.server_key, hint) if settings.server_key else None
    trust = _trust(settings)
    with open_file(settings.capture, "give a pcap or pcapng file") as file:
        try:
            capture = captures.read(captures.FileSource(file))
        except captures.CaptureError as error:
            raise Problem(f"{settings.capture} cannot be read: {error}", hint="give a pcap or pcapng file") from None
        text = capture.key_log
        if settings.keylog:
            hint = "give a key log (SSLKEYLOGFILE)"
            text += read_file(settings.keylog, hint, MAX_KEY_LOG).decode("utf-8", "replace")
        keys = key_log.parse(text) if text or settings.keylog else None
        for problem in (*capture.problems, *_malformed(keys)):
            remark(f"note: {problem}")
        for number, each in _chosen(capture.connections, settings):
            found = explained(each, keys, trust, server_key=server_key, as_attacker=settings.as_attacker)
            yield f"connection {number}: {called(each)}", found


def _malformed(keys: KeyLog | None) -> Iterator[str]:
    if keys and not keys.secrets:
        yield "the key log has no secrets"
    for malformed in (keys.malformed if keys else ())[:3]:
        yield f"line {malformed.number} of the key log is skipped: {malformed.reason}"


def called(connection: Connection) -> str:
    """Both ends."""
    return f"{connection.client} to {connection.server}"


def _chosen(connections: tuple[Connection, ...], settings: ExplainOptions) -> list[tuple[int, Connection]]:
    """The connections that --filter names: a number, or HOST:PORT of one end. Raises Problem if there are none."""
    chosen = [
        (number, each)
        for number, each in enumerate(connections, start=1)
        if settings.only is None or settings.only in {str(number), str(each.client), str(each.server)}
    ]
    if not connections:
        raise Problem(f"{settings.capture} has no TCP connection with data", hint="capture with `tcpdump -s 0 -w FILE`")
    if not chosen:
        hint = f"connections: {', '.join(map(called, connections[:LISTED]))}" + ", ..." * (len(connections) > LISTED)
        raise Problem(f"no connection matches --filter {settings.only}", hint=hint, code=ExitCode.USAGE)
    if len(chosen) > 1 and (settings.side_by_side or settings.by_hand is not None):
        option = "--map" if settings.side_by_side else "--by-hand"
        fact = f"{option} is for one connection, and the capture has {len(chosen)}"
        raise Problem(fact, hint="choose one with --filter N", code=ExitCode.USAGE)
    return chosen


LISTED = 10  # connections in a hint


def _trust(settings: ExplainOptions) -> Trust | None:
    """What the client of a capture trusts and asks for, as far as --trust and --name say it."""
    if not settings.trust_given and not settings.target.name:
        return None
    target = resolve(settings.target, Wants.TRUST if settings.trust_given else Wants.NOTHING)
    return Trust(target.anchors, target.crls, target.name if settings.target.name else None)


def _is_ours(data: bytes) -> bool:
    """Whether a file is a capture with a key log, as --save writes it."""
    try:
        return bool(captures.read(data).key_log)
    except captures.CaptureError:
        return False
