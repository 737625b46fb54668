"""All ports of the lab, and the log of the visits.

    a port for each case at localhost     a port that selects by server_name     the index

One accept loop serves all ports; the port of a connection decides the case.
"""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pki.cases.lookup import by_any_name
from pki.errors import ExitCode, Problem
from tlsdemo import net
from tlsdemo.application import Fact, Talk
from tlsdemo.lab.ca import HOME, LabCA
from tlsdemo.lab.case import OpenedCase
from tlsdemo.lab.conversation import Handler, facts, over_tls
from tlsdemo.lab.revocation_sources import Where, path
from tlsdemo.lab.visit import Visit, VisitEnd
from tlsdemo.tls.server_name import Answer, listen_for_names, whatever_they_ask_for

SETTLING = 5.0  # seconds until the connections of a client that has ended are closed and logged
LAST_PORT = 65535
KEPT = 1000  # visits to each case; older ones are only counted
INDEX, BY_NAME = "index", "by-name"


@dataclass
class Laboratory:
    """Opened cases on their ports. `run` serves until `stop`; the log of visits can be read at any time."""

    cases: Sequence[OpenedCase]
    ca: LabCA
    index: Callable[[str, "Laboratory"], str]
    """Makes the index page for a User-Agent."""
    on_visit: Callable[[Visit], None] = lambda visit: None
    base: int = 0
    visits: dict[str, deque[Visit]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT)))
    """The last visits to each case."""
    came: Counter[str] = field(default_factory=Counter)
    """The number of visits to each case."""
    nameless: int = 0
    """The number of visits without server_name to the port that selects by it."""
    ports: dict[str, int] = field(default_factory=dict)
    """The port of each case that can be served, and of its control."""

    def __post_init__(self) -> None:
        self._named = by_any_name(self.cases)
        self._elsewhere = {each.sni: each for each in self.cases if each.sni}
        controls = [each.control for each in self.cases if each.control]
        handlers = {each.id: each.handler for each in (*self.cases, *controls) if each.handler}
        listeners = self._listen(len(handlers) + 2)
        handlers = {INDEX: self._index(), BY_NAME: self._by_name(), **handlers}
        self.ports = {case: listener.port for case, listener in zip(handlers, listeners, strict=True)}
        self._handlers = {self.ports[case]: (case, handler) for case, handler in handlers.items()}
        self.without = listeners[0].without
        self._writing = threading.Lock()
        self._has_run = False
        sockets = tuple(each for listener in listeners for each in listener.sockets)
        self.server = net.AcceptLoop(
            net.Listener(sockets, listeners[0].port, self.without),
            self._receive,
            on_wordless=self._note_silence,
            name="lab",
        )

    @property
    def index_port(self) -> int:
        """The port of the index."""
        return self.ports[INDEX]

    @property
    def sni_port(self) -> int:
        """The port that selects by server_name."""
        return self.ports[BY_NAME]

    def run(self) -> None:
        """Serve until `stop`."""
        self._has_run = True
        with self.ca.publisher, whatever_they_ask_for():
            self.server.run()

    def close(self) -> None:
        """Release the ports if `run` was never called; otherwise `run` has released them."""
        if not self._has_run:
            self._has_run = True
            self.server.stop()
            self.server.run()

    def stop(self) -> None:
        """Ask `run` to return."""
        self.server.stop()

    def settled(self, *ports: int) -> None:
        """Wait until the current connections to these ports are closed and logged."""
        self.server.settle(SETTLING, *ports)

    def visits_of(self, case: str) -> tuple[Visit, ...]:
        """The last visits to a case, on any port."""
        with self._writing:
            return tuple(self.visits[case])

    def visits_since(self, case: str, number: int) -> tuple[Visit, ...]:
        """The visits to a case after the first `number`, as far as they are kept."""
        with self._writing:
            return tuple(self.visits[case])[max(number - self.came[case], -KEPT) :] if self.came[case] > number else ()

    def asked(self, case: str) -> Counter[str]:
        """The number of requests for the case's CRL and to its OCSP responder."""
        return Counter({each.value: self.ca.publisher.asked()[path(case, each)] for each in Where})

    def accepted_by(self, agent: str) -> Mapping[str, int]:
        """The cases that clients with this User-Agent have accepted, and how often."""
        with self._writing:
            found = {
                case: sum(1 for each in seen if each.count and each.agent == agent)
                for case, seen in self.visits.items()
            }
        return {case: number for case, number in found.items() if number}

    def _listen(self, count: int) -> list[net.Listener]:
        if self.base + count - 1 > LAST_PORT:
            raise Problem(
                f"the lab needs {count} ports; from {self.base} on there are only {LAST_PORT + 1 - self.base}",
                hint=f"use --port-base {LAST_PORT + 1 - count} or lower, or omit it: the lab then uses free ports",
                code=ExitCode.USAGE,
            )
        try:
            return net.listen_each(count, self.base)
        except Problem as problem:
            hint = f"the lab needs {count} ports; choose another --port-base, or omit it: the lab then uses free ports"
            raise Problem(problem.fact, *problem.evidence, hint=hint, code=problem.code) from problem

    def _note_silence(self, connection: net.Connection) -> None:
        case, _ = self._handlers[connection.port]
        self._note(case, Visit("", connection.peer, VisitEnd.SILENT))

    async def _receive(self, connection: net.Connection) -> None:
        began = time.monotonic()
        case, handler = self._handlers[connection.port]
        self._note(case, replace(await handler(connection), began=began))

    def _note(self, case: str, visit: Visit) -> None:
        visit = replace(visit, moment=time.monotonic())
        if case == BY_NAME:
            case = self._chosen(visit.asked_for)
        self.write(visit, case)

    def write(self, visit: Visit, case: str) -> None:
        """Log a visit, count it, and report it."""
        visit = replace(visit, case=case)
        with self._writing:
            self.visits[case].append(visit)
            self.came[case] += 1
            self.nameless += case == BY_NAME and visit.asked_for is None
        self.on_visit(visit)

    def _index(self) -> Handler:
        return over_tls(self.ca.good_context(), lambda visit: Talk((), lambda agent: self.index(agent, self)))

    def _by_name(self) -> Handler:
        context = self.ca.good_context()
        listen_for_names(context, self._choose)
        return over_tls(context, self._talk)

    def _talk(self, visit: Visit) -> Talk:
        opened = self._find(visit.asked_for)
        if not opened:
            return Talk((Fact("case", "unknown name"),))
        if not opened.context:
            return Talk((Fact("case", f"{opened.id} has only its own port; this is the valid certificate"),))
        return facts(opened.case, visit)

    def _choose(self, name: str | None) -> Answer:
        opened = self._find(name)
        return opened.context if opened else None

    def _find(self, server_name: str | None) -> OpenedCase | None:
        """The case of a name such as `expired.localhost`, `wrong.host.localhost` or `a.b.wildcard-apex.localhost`."""
        name = (server_name or "").lower().removesuffix(".")
        labels = name.split(".")
        if labels[-1] != HOME:
            return self._elsewhere.get(name)  # such as good.co.uk
        for start in range(len(labels) - 1):
            if opened := self._named.get(".".join(labels[start:-1])):
                return opened
        return None

    def _chosen(self, name: str | None) -> str:
        opened = self._find(name)
        return opened.id if opened and opened.context else BY_NAME
