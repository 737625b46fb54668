"""Reports as a lab writes them, of the catalogue's own cases."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from pki.cases import CATALOGUE
from tlsdemo.findings import SEVERITIES, CaseWords, ClientVerdict, Comparison, Finding, Report, Unserved

STARTED = datetime(2026, 11, 20, 9, 30, 5, tzinfo=UTC)
CASES = {
    each.id: CaseWords(
        each.id,
        each.aliases,
        each.theme,
        each.summary,
        each.story,
        each.clause,
        each.must.value,
        each.severity.value,
        each.cve,
        (10,) if each.id == "expired" else (),
    )
    for each in CATALOGUE.values()
}

Judge = Callable[[CaseWords], Finding]


def accepted(case: CaseWords) -> Finding:
    return Finding(case, ClientVerdict.ACCEPTED, "sent 78 bytes: GET / HTTP/1.1", exit_code=0, seconds=0.031)


def refused(case: CaseWords) -> Finding:
    words = "curl: (60) SSL certificate problem: certificate has expired\nMore details here: https://curl.se/docs"
    did = "sent the alert certificate_expired"
    return Finding(case, ClientVerdict.REFUSED, did, words, "certificate_expired", 60, 0.029)


def refused_late(case: CaseWords) -> Finding:
    words = "curl: (60) SSL: no alternative certificate subject name matches target host name 'localhost'"
    did = "completed the handshake (TLSv1.3), then closed the connection without sending data"
    return Finding(case, ClientVerdict.REFUSED_LATE, did, words, None, 60, 0.03)


def inconclusive(case: CaseWords) -> Finding:
    return Finding(
        case,
        ClientVerdict.INCONCLUSIVE,
        "neither accepted nor refused the case before it was stopped after 10 s",
        seconds=10.0,
    )


def strict(case: CaseWords) -> Finding:
    if case.must == "accept":
        return accepted(case)
    return refused_late(case) if case.theme in ("host-names", "wildcards") else refused(case)


def careless(case: CaseWords) -> Finding:
    """As many a client is: what is weak passes, an odd wildcard as well, and what is big is too much for it."""
    if case.id in ("good-1000-sans", "serial-negative"):
        return refused(case)
    if case.id == "leaf-v1":
        return inconclusive(case)
    if case.severity == "weak" or case.id in ("nul-in-san", "known-private-key", "revoked"):
        return replace(accepted(case), said="connected")
    return strict(case)


def blind(case: CaseWords) -> Finding:
    """As one that checks nothing."""
    return accepted(case)


def report(
    judge: Judge = strict,
    cases: Iterable[CaseWords] = CASES.values(),
    *,
    client: str = "curl -sS {url}",
    version: str = "curl 8.14.1 (x86_64-pc-linux-gnu) libcurl/8.14.1 OpenSSL/3.5.1 zlib/1.3.1",
    unserved: tuple[str, ...] = ("duplicate-extension", "san-nul-byte"),
    fail_on: str = "must",
) -> Report:
    served = [each for each in cases if each.id not in unserved]
    why = "cannot be served here: this OpenSSL does not load it"
    return Report(
        client,
        version,
        tuple(map(judge, served)),
        tuple(Unserved(CASES[name], why) for name in unserved if name in CASES),
        fail_on=fail_on,
        started=STARTED,
        seconds=4.21,
    )


def comparison() -> Comparison:
    return Comparison(
        (
            report(client="curl"),
            report(careless, client="gnutls-cli", version="gnutls-cli 3.8.9"),
            report(blind, client="openssl", version="OpenSSL 3.5.1 1 Jul 2025"),
        ),
        (("java", "no program `java` on the path"),),
    )


# Hostile words --------------------------------------------------------------------------------------------------------

NASTY = (
    "<img src=http://evil.example/x onerror=alert(1)>",
    "</samp></dd></dl><script>alert(1)</script><!--",
    '" onmouseover="alert(1)',
    "]]></system-out><failure/>",
    "&lt;&#x3c;%3C",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\x00\x08\x0b\x0c\x7f\x85\x9b31m\u2028\u2029",
    "\ud800 \udfff \ufffe \uffff \U0001fffe",
    "\u202egnp.exe\u2066",
    "line\r\nexpired: accepts it\n\n\tand more\r",
    "{0} {{x}} {url} {% raw %} [click](javascript:alert(1)) \\[x",
    "| a | **b** `c` <!-- ~~d~~ #1 @e |",
    "字" * 200,
    "",
    " ",
)


def words() -> st.SearchStrategy[str]:
    """What a client, a certificate or a command may contain: anything."""
    anything = st.text(st.characters(), max_size=200)
    return st.lists(st.one_of(st.sampled_from(NASTY), anything), max_size=4).map(" ".join)


@st.composite
def hostile_reports(draw: st.DrawFn) -> Report:
    """A short report in which all words are somebody else's."""
    chosen = draw(
        st.lists(st.sampled_from(list(CASES.values())), min_size=1, max_size=4, unique_by=lambda each: each.id)
    )
    cases = [CASES["good"], *(each for each in chosen if each.id != "good")]
    findings = [
        Finding(
            case,
            ClientVerdict.ACCEPTED if case.id == "good" else draw(st.sampled_from(ClientVerdict)),
            draw(words()),
            draw(words()),
            draw(st.none() | words()),
            draw(st.none() | st.integers(-64, 255)),
            draw(st.floats(0, 1e6)),
        )
        for case in cases
    ]
    return Report(
        draw(words()),
        draw(words()),
        tuple(findings),
        (Unserved(CASES["revoked"], draw(words())),) if CASES["revoked"] not in cases else (),
        draw(st.sampled_from(SEVERITIES)),
        STARTED,
        draw(st.floats(0, 1e6)),
    )


def endless(size: int = 1_000_000) -> Report:
    """Every word is a megabyte long."""
    word = "x" * size

    def judge(case: CaseWords) -> Finding:
        verdict = ClientVerdict.INCONCLUSIVE if case.id == "revoked" else ClientVerdict.ACCEPTED
        return Finding(case, verdict, word, word, word, 0)

    few = [CASES[name] for name in ("good", "expired", "revoked")]
    made = report(judge, few, client=word, version=word, unserved=())
    return replace(made, unserved=(Unserved(CASES["rsa512"], word),))
