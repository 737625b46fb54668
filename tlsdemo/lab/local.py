"""A lab in this process, for tests: one server for each case, in threads, on loopback. EDGE.

    with LocalLab(folder) as lab:                        the root of the lab, in lab.ca_file
        server = lab.start("expired")                    server.url, server.ca_file
        ...                                              a client connects to it
        server.refused, server.accepted, server.did      what the client did, by its application bytes

The verdicts are those of `tlsdemo check-client`, without the evidence that only a program gives: its exit code and its
output.
"""

import threading
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import Problem
from tlsdemo.findings import CaseWords, ClientVerdict, Finding
from tlsdemo.lab.ca import HOME, new_root
from tlsdemo.lab.case import OpenedCase
from tlsdemo.lab.catalogue import find
from tlsdemo.lab.judge import judge
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.process import Ran
from tlsdemo.lab.server import Laboratory
from tlsdemo.lab.visit import Visit, VisitEnd

NO_PROGRAM = Ran(exit_code=0, out="", err="", seconds=0.0)
"""Without a program of its own, a client has neither exit code nor output."""


class NotServed(Exception):
    """The case cannot be served on this machine; the message is the reason."""


@dataclass(repr=False)
class LabServer:
    """A server that presents one case, and what clients did there. Each property waits until connections are closed.

    It waits for at most 5 seconds: close the client's connection before you read them.
    """

    host: str
    """The name that the client asks for: localhost for most cases. Connect to `address` if it is another one."""
    port: int
    ca_file: Path
    """What the client trusts, in PEM: the root of the lab, except for the few cases that have another one."""
    case: CaseWords
    """The description of the case: `id`, `summary`, `story`, `must` (accept or reject), `severity`, `clause`."""
    control: "LabServer | None"
    """The same server without the fault, which a client accepts; None if the case has no control."""
    _lab: Laboratory

    address = HOME

    def __repr__(self) -> str:
        return f"<LabServer {self.case.id} at {self.url}>"

    @property
    def url(self) -> str:
        """`https://localhost:12345/`."""
        return f"https://{self.host}:{self.port}/"

    @property
    def accepted(self) -> bool:
        """Whether a client sent application bytes, on a connection that was served this case or in the clear."""
        return self._finding.verdict is ClientVerdict.ACCEPTED

    @property
    def refused(self) -> bool:
        """Whether a client connected and closed the connection, or sent an alert, before it sent any application byte.

        It is False without a connection: such a client has not refused the case. A client that refuses every
        certificate refuses this one, too: test `control` as well, which it must accept.
        """
        return self._finding.verdict in (ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE)

    @property
    def did(self) -> str:
        """What the client did, in a phrase, for the message of an assertion: `sent 78 bytes: GET / HTTP/1.1`."""
        return self._finding.did

    @property
    def alert(self) -> str | None:
        """The alert that the client sent (RFC 8446 §6); None if it sent none."""
        return self._finding.alert

    @property
    def requests(self) -> tuple[bytes, ...]:
        """The application bytes of each connection that had any, in the order of their end; of each the first 1024."""
        return tuple(each.said for each in self._visits() if each.end is VisitEnd.TALKED)

    @property
    def _finding(self) -> Finding:
        return judge(self.case, self._visits(), NO_PROGRAM)

    def _visits(self) -> tuple[Visit, ...]:
        self._lab.settled(self.port)
        return self._lab.visits_of(self.case.id)


class LocalLab:
    """A lab whose servers run in threads of this process, each with one case. All have one root.

    `folder` is for the files of trust anchors. `close`, or the end of a `with` block, ends all servers. `start` may be
    called from several threads.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._builder = new_root(datetime.now(UTC))
        self.ca_file = folder / "lab-ca.pem"
        """The root of the lab in PEM, which clients trust."""
        self.ca_file.write_bytes(self._builder.root.public_bytes(Encoding.PEM))
        self._open = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, case: str, until: ExitStack | None = None) -> LabServer:
        """Start a server for the case with this id or alias; it runs until `close`, or until `until` is closed.

        Raises ValueError for an unknown case, and NotServed for one that cannot be served on this machine.
        """
        try:
            found = find(case)
        except Problem as problem:
            raise ValueError(f"{problem.fact}; {problem.hint}") from None
        with ExitStack() as opening:
            with self._lock, warnings.catch_warnings():  # not thread-safe before Python 3.14
                warnings.simplefilter("ignore")  # the library warns about certificates that are broken on purpose
                lab = opening.enter_context(laboratory([found], builder=self._builder))
            (opened,) = lab.cases
            if not opened.handler:
                raise NotServed(f"{found.id} cannot be served here: {opened.obstacle}")
            thread = threading.Thread(target=lab.run, name=f"lab {found.id}", daemon=True)
            thread.start()
            opening.callback(thread.join)
            opening.callback(lab.stop)
            server = self._server(lab, opened)
            (self._open if until is None else until).push(opening.pop_all())
            return server

    def close(self) -> None:
        """End all servers that have not ended yet."""
        self._open.close()

    def _server(self, lab: Laboratory, opened: OpenedCase) -> LabServer:
        ca_file = self.ca_file
        if opened.anchors_pem:
            ca_file = self.folder / f"{opened.id}-{lab.ports[opened.id]}.pem"
            ca_file.write_bytes(opened.anchors_pem)
        control = self._server(lab, opened.control) if opened.control and opened.control.handler else None
        return LabServer(opened.host, lab.ports[opened.id], ca_file, opened.case, control, lab)
