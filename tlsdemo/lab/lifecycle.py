"""Opens a lab, with minted cases on bound ports, and closes it without remains. EDGE."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pki.cases import CaseBuilder
from pki.publish.server import Publisher
from pki.trust.recipes import RECIPES
from tlsdemo import net
from tlsdemo.lab.ca import NAME, LabCA
from tlsdemo.lab.case import Case, Controls
from tlsdemo.lab.server import Laboratory
from tlsdemo.lab.visit import Visit

FEW = 10  # cases: their ports fit into the usual limit of 256 or 1024 open files


def log_only(visit: Visit) -> None:
    """Do nothing: the laboratory keeps the visit in its log."""


@contextmanager
def laboratory(
    cases: Sequence[Case],
    port_base: int = 0,
    on_visit: Callable[[Visit], None] = log_only,
    controls: Controls = Controls.SERVED,
    builder: CaseBuilder | None = None,
) -> Iterator[Laboratory]:
    """Open these cases under a new root, or under that of `builder`. Their ports are closed at the end of the `with`.

    For more than a few cases, the limit of open files of this process is raised.
    """
    if len(cases) > FEW:
        net.allow_descriptors()
    publisher = Publisher()
    lab: Laboratory | None = None
    try:
        ca = LabCA(builder, publisher) if builder else LabCA.new(datetime.now(UTC), publisher)
        lab = Laboratory([each.open(ca, controls) for each in cases], ca, _index, on_visit, port_base)
        yield lab
    finally:
        publisher.stop()
        if lab:
            lab.close()


def _index(agent: str, lab: Laboratory) -> str:
    from tlsdemo.report.lab_page import (
        IndexEntry,
        TrustStore,
        as_html,
    )  # here, since jinja2 takes longer than most clients

    accepted = lab.accepted_by(agent)
    entries = [
        IndexEntry(
            each.case,
            f"https://{each.host}:{lab.ports[each.id]}/" if each.handler else "",
            f"https://{each.sni}:{lab.sni_port}/" if each.context else "",
            each.obstacle,
            accepted.get(each.id, 0),
            f"https://{each.control.host}:{lab.ports[each.control.id]}/" if each.control else "",
        )
        for each in lab.cases
    ]
    recipes = [each.given("ca.pem", f"{NAME} root") for each in RECIPES]
    return as_html(entries, agent, lab.sni_port, [TrustStore(each.where, each.add, each.remove) for each in recipes])
