"""How the lab is opened and closed: everything is minted, every port is bound, and nothing stays behind. EDGE."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pki.publish.server import Publisher
from tlsdemo import net
from tlsdemo.lab.catalogue import Collection, collect
from tlsdemo.lab.certificate_cases import Controls
from tlsdemo.lab.exhibit import by_any_name
from tlsdemo.lab.server import Laboratory, find
from tlsdemo.lab.visit import Visit


def nobody_is_told(visit: Visit) -> None:
    """The log is enough."""


@contextmanager
def laboratory(
    only: Sequence[str] = (),
    port_base: int = 0,
    on_visit: Callable[[Visit], None] = nobody_is_told,
    controls: Controls = Controls.SERVED,
) -> Iterator[tuple[Collection, Laboratory]]:
    """The collection, and the ports for it; closed behind whoever used them."""
    net.allow_descriptors()
    publisher = Publisher()
    opened: Laboratory | None = None
    try:
        rooms = collect(datetime.now(UTC), publisher, controls)
        named = by_any_name(rooms.exhibits)
        wanted = [find(named, each).case.id for each in only]
        shown = [each for each in rooms.exhibits if not wanted or each.case.id in wanted]
        opened = Laboratory(shown, publisher, _index, rooms.entrance, on_visit, port_base)
        yield rooms, opened
    finally:
        publisher.stop()
        if opened:
            opened.close()


def _index(agent: str, opened: Laboratory) -> str:
    from tlsdemo.report.lab_page import Shelf, as_html  # here, since jinja2 takes longer than most clients

    accepted = opened.accepted_by(agent)
    shelves = [
        Shelf(
            each.case,
            f"https://{each.host}:{opened.ports[each.case.id]}/" if each.show else "",
            f"https://{each.sni}:{opened.sni_port}/" if each.context else "",
            each.obstacle,
            accepted.get(each.case.id, 0),
            f"https://{each.control.host}:{opened.ports[each.control.case.id]}/" if each.control else "",
        )
        for each in opened.exhibits
    ]
    return as_html(shelves, agent, opened.sni_port)
