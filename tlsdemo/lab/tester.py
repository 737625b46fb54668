"""Runs a client against the cases: first the valid one, then an untrusted CA, then all others.

good            if it is not accepted, the result is inconclusive, and no other case is run
untrusted root  the first certificate that the client must refuse
all others      as many at a time as there are jobs

Every case is run: no result is concluded from another case.
"""

import ipaddress
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from pki.trust.environment import environment
from tlsdemo import net
from tlsdemo.findings import GOOD, SEVERITIES, UNKNOWN_CA, ClientVerdict, Finding, Known, Report, Unserved
from tlsdemo.lab.ca import HOME
from tlsdemo.lab.case import Case, Family, OpenedCase
from tlsdemo.lab.catalogue import CASES, find
from tlsdemo.lab.client import ClientCommand, fill, prepare, surroundings
from tlsdemo.lab.folder import own_folder
from tlsdemo.lab.judge import NOWHERE, judge
from tlsdemo.lab.presets import NOT_INHERITED
from tlsdemo.lab.process import Nursery
from tlsdemo.lab.revocation_sources import Where
from tlsdemo.lab.server import BY_NAME, Laboratory

WHAT = {Where.CRL.value: "the CRL", Where.OCSP.value: "the OCSP responder"}
UNFOUND = "the client does not resolve the case's host; use {address} to connect and {host} as the name in the command"
PROXIES = ("HTTPS_PROXY", "https_proxy")


@dataclass(frozen=True)
class TestOptions:
    """How to test a client."""

    fail_on: str
    timeout: float
    """Seconds for one case."""
    jobs: int
    controls: bool = False
    """Whether a refusal counts only if the client accepts the control."""
    known: tuple[Known, ...] = ()
    """Findings that do not make the client fail."""


Progress = Callable[[int, int, str], None]
"""Called with the number of finished cases, the number of all cases, and the last case."""


@dataclass
class Tester:
    """An open lab, and what the client needs: a proxy for names that it may not resolve, and a folder."""

    lab: Laboratory
    tunnel: net.Tunnel
    folder: Path
    nursery: Nursery

    def __post_init__(self) -> None:
        self._environments: dict[bytes, tuple[Path, dict[str, str]]] = {}
        self._lock = threading.Lock()

    def check(
        self,
        client: ClientCommand,
        cases: Sequence[Case],
        settings: TestOptions,
        started: datetime,
        progress: Progress,
    ) -> Report:
        """Run the client against these cases, which the lab has opened. Raises Problem if the client cannot run."""
        begun = time.monotonic()
        runner = _Runner(self, client, Path(tempfile.mkdtemp(prefix="client-", dir=self.folder)), settings)
        version = runner.prepare()
        named = {each.id for each in cases}
        opened = [each for each in self.lab.cases if each.id in named]
        unserved = [Unserved(each.case, why) for each in opened if (why := _obstacle(each, client))]
        if len(_whole(named)) == len(SEVERITIES):
            others = [each for each in CASES.values() if each.only_named and each.id not in named]
            unserved += [Unserved(each, each.only_named) for each in others]
        runnable = {each.id: each for each in opened if not _obstacle(each, client)}
        findings: dict[str, Finding] = {}

        def found(finding: Finding | Unserved) -> ClientVerdict:
            if isinstance(finding, Unserved):
                unserved.append(finding)
                return ClientVerdict.INCONCLUSIVE
            findings[finding.case.id] = finding
            progress(len(findings), len(runnable), finding.case.id)
            return finding.verdict

        good = runner.run(runnable[GOOD])
        if found(good) is ClientVerdict.ACCEPTED:
            runner.good = good if isinstance(good, Finding) else None
            found(runner.run(runnable[UNKNOWN_CA]))
            rest = [each for each in runnable.values() if each.id not in FIRST]
            with closing(runner.run_all(rest)) as found_out:
                for finding in found_out:
                    found(finding)
        self.nursery.end_runaways()
        return Report(
            client.name,
            version,
            tuple(findings[case] for case in runnable if case in findings),
            tuple(unserved),
            settings.fail_on,
            started,
            time.monotonic() - begun,
            _whole(named),
            settings.controls,
            settings.known,
        )

    def trusting(self, case: OpenedCase) -> tuple[Path, dict[str, str]]:
        """The file with the trust anchors of a case, and an environment that trusts only these."""
        anchors = case.anchors_pem or self.lab.ca.root.public_bytes(Encoding.PEM)
        with self._lock:
            if anchors not in self._environments:
                path = self.folder / f"ca{'' if not self._environments else f'-{case.id}'}.pem"
                path.write_bytes(anchors)
                wanted = environment(path, self.folder)
                # The user's own .curlrc belongs to what is tested; it may contain `insecure`.
                changes = {name: value for name, value in wanted.set.items() if name != "CURL_HOME"}
                self._environments[anchors] = (
                    path,
                    surroundings(changes, (*wanted.unset, "CURL_HOME", *NOT_INHERITED)),
                )
            return self._environments[anchors]


CLIENTS = "clients"
"""The folder with the client certificates."""
FIRST = (GOOD, UNKNOWN_CA)
"""The cases that every run has."""


def _whole(asked: Iterable[str]) -> tuple[str, ...]:
    """The severities of which all cases are run, apart from cases that `--case` must name."""
    missing = {each.severity for each in CASES.values() if not (each.only_named or each.id in asked)}
    return tuple(severity for severity in SEVERITIES if severity not in missing)


def _obstacle(case: OpenedCase, client: ClientCommand) -> str:
    """Why the case is not run; empty if it is."""
    if not case.handler:
        return f"cannot be served here: {case.obstacle}"
    if client.by_name and case.context is None:
        return "the case needs its own port, and the command uses only {sni_url}"
    return ""


def chosen(names: Sequence[str], everything: bool, fail_on: str = SEVERITIES[0]) -> list[Case]:
    """The cases of FIRST, and: the named ones, or all, or those whose severity can make the client fail."""
    if names:
        wanted = {find(each).id for each in names}
    else:
        grave = SEVERITIES if everything else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
        wanted = {each.id for each in CASES.values() if not each.only_named and each.severity in grave}
    return [each for each in CASES.values() if each.id in wanted or each.id in FIRST]


@dataclass
class _Runner:
    """One client with its folder."""

    tester: Tester
    client: ClientCommand
    folder: Path
    settings: TestOptions
    good: Finding | None = None
    """The finding with the valid certificate, once it is known."""

    def prepare(self) -> str:
        """Prepare the client; returns its version."""
        if self.client.needs_certificate:
            self.tester.lab.ca.clients.write(self.tester.folder / CLIENTS)
        ca, inherited = self.tester.trusting(next(each for each in self.tester.lab.cases if each.id == GOOD))
        values = self._fixed(ca)
        return prepare(self.client, self.tester.nursery, self._environment(inherited, values), values)

    def run(self, case: OpenedCase) -> Finding | Unserved:
        """Run one case. With `controls`, a refusal counts only if the client accepts the control.

        A client that does not resolve the case's host has not seen the certificate, so the case is unserved.
        """
        found = self._try(case)
        asked = self._asked(case)
        if found.verdict is ClientVerdict.INCONCLUSIVE and found.did == NOWHERE and _needs_proxy(asked):
            return Unserved(case.case, UNFOUND)
        refused = found.verdict.decided and not found.verdict.takes_it
        if not (self.settings.controls and refused and case.control and case.control.handler):
            return found
        control = self._try(case.control)
        if control.verdict is ClientVerdict.ACCEPTED:
            return replace(found, did=f"{found.did}; accepted the control")
        return replace(found, verdict=ClientVerdict.INCONCLUSIVE, did=f"{found.did}; with the control: {control.did}")

    def _try(self, case: OpenedCase) -> Finding:
        lab = self.tester.lab
        ca, inherited = self.tester.trusting(case)
        port, by_name = lab.ports[case.id], lab.ports[BY_NAME]
        sni_url = f"https://{case.sni}:{by_name}/" if case.sni else f"https://{case.host}:{port}/"
        values = self._fixed(ca) | {
            "url": f"https://{case.host}:{port}/", "host": case.host, "port": str(port), "sni_url": sni_url,
            "address": case.host if _is_address(case.host) else HOME,
        }  # fmt: skip
        asked = self._asked(case)
        surrounded = self._environment(inherited, values, through_proxy=_needs_proxy(asked))
        before, nameless, asked_before = lab.came[case.id], lab.nameless, lab.asked(case.id)
        ran = self.tester.nursery.run(
            self.client.command(values, is_address=_is_address(asked)),
            surrounded,
            fill(self.client.preset.stdin, values),
            self.settings.timeout,
        )
        lab.settled(by_name if self.client.by_name and case.sni else port)
        found = judge(
            case.case, lab.visits_since(case.id, before), ran,
            nameless=self.client.by_name and lab.nameless > nameless, timeout=self.settings.timeout,
            good=self.good,
        )  # fmt: skip
        if case.case.family is not Family.REVOCATION:
            return found
        asked_now = [WHAT[where] for where in (lab.asked(case.id) - asked_before)]
        return replace(found, did=f"{found.did}; fetched {' and '.join(asked_now) or 'no revocation status'}")

    def run_all(self, cases: Sequence[OpenedCase]) -> Generator[Finding | Unserved, None, None]:
        """Run cases in parallel. Ctrl-C ends all clients; after a Problem the running ones still finish."""
        with ThreadPoolExecutor(self.settings.jobs, thread_name_prefix="job") as pool:
            jobs = [pool.submit(self.run, each) for each in cases]
            try:
                for each in as_completed(jobs):
                    yield each.result()
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if not isinstance(error, Exception):
                    self.tester.nursery.close()
                raise

    def _fixed(self, ca: Path) -> dict[str, str]:
        clients = self.tester.folder / CLIENTS
        own = {"client_cert": str(clients / "client-good.pem"), "client_key": str(clients / "client-good.key")}
        return {"ca": str(ca), "dir": str(self.folder), "python": sys.executable, **own}

    def _asked(self, case: OpenedCase) -> str:
        """The name that the client should ask for."""
        return (case.sni if self.client.by_name else None) or case.host

    def _environment(
        self, inherited: Mapping[str, str], values: Mapping[str, str], *, through_proxy: bool = False
    ) -> dict[str, str]:
        own = {name: fill(value, values) for name, value in self.client.preset.environment.items()}
        found = {**inherited, **own}
        if through_proxy:
            port = self.tester.tunnel.listener.port
            found |= dict.fromkeys(PROXIES, f"http://127.0.0.1:{port}")
            found["JAVA_TOOL_OPTIONS"] += f" -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}"
        return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _needs_proxy(host: str) -> bool:
    """Whether the name is one that not every client resolves."""
    return host != HOME and not _is_address(host)


@contextmanager
def open_tester(lab: Laboratory) -> Iterator[Tester]:
    """Run the lab and the proxy in threads while the `with` block lasts, and end all processes after it."""
    with own_folder() as folder:
        tunnel = net.Tunnel(net.listen(("127.0.0.1",)), lab.ports.values())
        threads = [threading.Thread(target=each.run, name="lab") for each in (lab, tunnel)]
        nursery = Nursery()
        try:
            for thread in threads:
                thread.start()
            yield Tester(lab, tunnel, folder, nursery)
        finally:
            nursery.close()
            for each in (lab, tunnel):
                each.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
