"""The story, scene by scene, with an existing PKI or a temporary one. EDGE."""

import os
import queue
import shlex
import shutil
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pki import names
from pki.console import CERTS, dir_option
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.store import ca
from pki.store.transaction import notice_half_done
from tlsdemo.report.terminal import Screen
from tlsdemo.tls import errors
from tlsdemo.tour.scenes import SCENES, Stage
from tlsdemo.tour.stage import REMEDY


def tour(given: Path | None, wait: TextIO | None) -> int:
    """Play all scenes, with `wait` one at a time. The PKI is in the folder `given`; else in certs, or temporary.

    Raises Problem if the folder that is given has no PKI.
    """
    certs = given or CERTS
    if given and not os.path.lexists(given / "root.pem"):
        init = "pki init" + dir_option(given)
        hint = f"`{init}` creates one; without --certs, the tour can use a temporary one"
        raise Problem(f"{given} contains no CA: root.pem does not exist", hint=hint)
    screen = Screen()
    screen.say("WHERE IS THE SECURITY BURIED?")
    screen.say(
        """A client and a server that have never met talk over a connection that an attacker can reach. Everything below
        happens now, on this machine."""
    )
    with _pki(certs) as (folder, seconds):
        stage = Stage(screen, folder, seconds)
        for number, scene in enumerate(SCENES, start=1):
            screen.heading(f"{number}. {scene.title}")
            if wait:
                _guess(screen, scene.question, wait)
            try:
                scene.play(stage)
            except (ssl.SSLError, ConnectionError, TimeoutError) as error:
                raise Problem(
                    f"the tour stops here: scene {number} went differently", errors.sentence(error), hint=REMEDY
                ) from None
            except queue.Empty:
                raise Problem(
                    f"the tour stops here: in scene {number} the server reported nothing", hint=REMEDY
                ) from None
    _farewell(screen, certs)
    return ExitCode.YES


@contextmanager
def _pki(certs: Path) -> Iterator[tuple[Path, float | None]]:
    """The PKI in the folder if there is one; else a temporary one, which is removed at the end."""
    notice_half_done(certs)
    if os.path.lexists(certs / "root.pem"):
        yield certs, None
        return
    with tempfile.TemporaryDirectory(prefix="tlsdemo-") as folder:
        begin = time.perf_counter()
        ca.init(
            Path(folder) / "certs",
            name=ca.DEFAULT_NAME,
            alternative_names=[names.parse(name) for name in ca.DEFAULT_SAN],
            key_type=KeyType.EC_P256,
            days=90,
            now=datetime.now(UTC),
            existing=ca.Existing.REFUSE,
        )
        yield Path(folder) / "certs", time.perf_counter() - begin


def _guess(screen: Screen, question: str, wait: TextIO) -> None:
    screen.say(f"Guess first: {question}  [Enter]")
    wait.readline()


def _farewell(screen: Screen, certs: Path) -> None:
    screen.heading("Where the security is buried")
    screen.say(
        """Not in the cipher: the cipher was the same when the attack succeeded. It is in root.pem, which the client had
        before, and in one signature that the client checked with it. Try it in two terminals:"""
    )
    folder = "" if certs == CERTS else f" --certs {shlex.quote(str(certs))}"
    anchor = "" if certs == CERTS else f" --trust {shlex.quote(str(certs / 'root.pem'))}"
    if not shutil.which("pki"):
        screen.command(f". {Path(sys.prefix) / 'bin/activate'}".replace(f"{Path.cwd()}/", "") + "   # in each of them")
    if not os.path.lexists(certs / "root.pem"):
        screen.command(f"pki init{dir_option(certs)}")
    screen.command(f"tlsdemo serve{folder}            # then Ctrl-C, and again with --rogue")
    screen.command(f"tlsdemo connect{anchor}          # in the other terminal; or with --explain")
    screen.say("With --protocol plain, multiply, dh, signed, ca or mutual on both sides, and an attacker in between:")
    screen.command("tlsdemo mitm --protocol dh --alter 'PAY 100=PAY 900'")
    screen.command("tlsdemo connect localhost:4434 --protocol dh --message 'PAY 100'")
