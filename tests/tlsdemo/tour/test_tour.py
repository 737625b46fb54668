"""The tour: told within 80 columns, with a PKI and without, and it claims nothing that it did not see."""

import io
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pki import Credential
from pki.errors import Problem
from pki.store.files import read_credential
from tests.conftest import mint, tlsdemo
from tests.tlsdemo.cli.test_connect import assert_is_refusal
from tests.tlsdemo.conftest import Answer, Command
from tlsdemo import net
from tlsdemo.protocol import Protection
from tlsdemo.tls import server
from tlsdemo.tls.context import Verify, client_context
from tlsdemo.tls13.protocol import tls13
from tlsdemo.tour import peers, play, scenes, stage


@pytest.fixture
def home(tmp_path: Path, certs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a PKI in `certs`, where we are."""
    shutil.copytree(certs, tmp_path / "certs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_is_whole(answer: Answer) -> None:
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "\x1b" not in answer.out
    for number, scene in enumerate(scenes.SCENES, start=1):
        assert f"{number}. {scene.title}" in lines
    assert "=> Refused before any byte of the message was sent." in lines
    assert "    and received        0 bytes of the message" in lines
    assert any(line.startswith("=> The attack succeeds.") for line in lines)
    assert answer.err == ""


def test_the_tour_is_told_with_the_pki_that_is_there(cli: Command, home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    answer = cli("tour")
    assert_is_whole(answer)
    assert "certs/, created earlier by `pki init`" in answer.out
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_the_tour_is_told_without_a_pki_and_leaves_nothing_behind(
    cli: Command, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("tour")
    assert_is_whole(answer)
    assert "for this tour only" in answer.out
    assert "    $ pki init" in answer.out.splitlines()
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "certs").exists()


def test_the_tour_as_a_process_has_no_escape_codes_in_a_pipe_and_reads_nothing(home: Path) -> None:
    done = tlsdemo("tour", cwd=home)
    assert_is_whole(Answer(done.returncode, done.stdout, done.stderr))


def test_the_tour_goes_on_at_every_enter_and_asks_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = io.StringIO("\n" * len(scenes.SCENES) + "left over\n")
    assert play.tour(Path("certs"), typed) == 0
    assert typed.read() == "left over\n"
    out = " ".join(capsys.readouterr().out.split())
    for scene in scenes.SCENES:
        assert f"Guess first: {scene.question} [Enter]" in out


@pytest.mark.parametrize("typed", ["", "\n\n"], ids=["nothing", "too little"])
def test_the_steps_work_at_the_end_of_the_input(home: Path, typed: str) -> None:
    done = tlsdemo("tour", "--step", cwd=home, stdin=None, input=typed)
    assert_is_whole(Answer(done.returncode, done.stdout, done.stderr))


def test_the_steps_work_without_any_input(home: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m tlsdemo tour --step <&-'], capture_output=True, text=True, timeout=60
    )
    assert_is_whole(Answer(done.returncode, done.stdout, done.stderr))


def test_the_folder_may_be_named(cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "certs").rename(home / "other")
    assert "other/, created earlier" in cli("tour", "--certs", "other").out
    monkeypatch.setenv("PKI_DIR", "other")
    assert "other/, created earlier" in cli("tour").out
    monkeypatch.setenv("PKI_DIR", "missing")
    monkeypatch.setenv("TLSDEMO_CERTS", "other")
    assert "other/, created earlier" in cli("tour").out


@pytest.mark.parametrize("variable", [None, "TLSDEMO_CERTS", "PKI_DIR"])
def test_a_folder_that_is_named_and_missing_is_an_error(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    """Falsehood caught: the tour of a misspelt folder shows another CA."""
    if variable:
        monkeypatch.setenv(variable, "nope")
    assert_is_refusal(cli("tour", *(() if variable else ("--certs", "nope"))), 3, "nope contains no CA", "`pki init")


@pytest.mark.parametrize(
    "names",
    [["*.example.test"], ["127.0.0.1"], ["::1"], ["xn--bcher-kva.example"], ["a" * 60 + ".example.test"]],
    ids=str,
)
def test_the_tour_works_for_any_names(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    mint(tmp_path / "certs", alternative_names=names)
    monkeypatch.chdir(tmp_path)
    assert_is_whole(cli("tour"))


def test_an_expired_pki_ends_the_tour_with_the_way_out(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mint(tmp_path / "certs", now=datetime.now(UTC) - timedelta(days=100))
    monkeypatch.chdir(tmp_path)
    answer = cli("tour")
    assert answer.code == 3
    assert "error: the tour stops here: the client does not accept the server" in answer.err
    assert "hint: run `tlsdemo tour` in an empty folder" in answer.err
    assert "=> Delivered" not in answer.out


@pytest.mark.parametrize(
    "file", ["server.key", "server.pem", "client.pem", "crl.pem", "rogue/server.pem", "rogue/ca.pem"]
)
def test_a_pki_with_a_hole_is_an_error_that_names_it(cli: Command, home: Path, file: str) -> None:
    (home / "certs" / file).unlink()
    answer = cli("tour")
    assert_is_refusal(Answer(answer.code, "", answer.err), 3, file)


def test_a_rogue_that_is_accepted_is_not_claimed_to_be_refused(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(
        trust: object, *, crls: object = (), verify: Verify = Verify.EVERYTHING, credential: Credential | None = None
    ) -> ssl.SSLContext:
        return client_context((), verify=Verify.NOTHING_FOR_THE_DEMO, credential=credential)

    monkeypatch.setattr(stage, "client_context", careless)
    answer = cli("tour")
    assert answer.code == 3
    assert (
        "error: the tour stops here: the rogue certificate was accepted, or the attacker received something"
        in answer.err
    )
    assert "byte of the message was sent" not in answer.out


def test_a_rogue_that_received_something_is_not_claimed_to_have_received_nothing(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = server.serve

    def told_all_the_same(plain: Any, context: ssl.SSLContext, answer: Callable[[bytes], bytes], *given: Any) -> None:
        try:
            serve(plain, context, answer, *given)
        except OSError:
            answer(b"")
            raise

    monkeypatch.setattr(server, "serve", told_all_the_same)
    answer = cli("tour")
    assert answer.code == 3
    assert "or the attacker received something" in answer.err
    assert "byte of the message was sent" not in answer.out


def test_a_message_in_the_clear_is_not_claimed_to_be_hidden(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net.Tap, "bytes_from", lambda self, side: stage.MESSAGE.encode())
    answer = cli("tour")
    assert answer.code == 3
    assert "the message was sent in the clear" in answer.err
    assert "=> An eavesdropper learns" not in answer.out


def test_a_difference_that_can_be_seen_is_not_claimed_to_be_none(cli: Command, home: Path, certs: Path) -> None:
    shutil.copy(certs / "client.pem", home / "certs/rogue/ca.pem")
    answer = cli("tour")
    assert answer.code == 3
    assert "the two roots differ in a field that a person can tell apart" in answer.err


def test_a_client_that_notices_the_missing_forward_secrecy_ends_the_tour(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "tls13", lambda claims: tls13(claims - {Protection.TRANSCRIPT}))
    answer = cli("tour")
    assert answer.code == 3
    assert "the tour stops here: the client noticed something" in answer.err
    assert "=> Not noticed." not in answer.out


def test_a_client_that_does_not_notice_other_keys_ends_the_tour(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "tls13", lambda claims: tls13(claims | {Protection.TRANSCRIPT}))
    answer = cli("tour")
    assert answer.code == 3
    assert "the tour stops here: the client accepted other keys" in answer.err
    assert "=> Noticed before" not in answer.out


def test_a_client_that_hears_another_answer_ends_the_tour(
    cli: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlsdemo.tls.client.ask", lambda tls, line: b"received:  something else\n")
    answer = cli("tour")
    assert answer.code == 3, answer
    assert "=> Delivered" not in answer.out


def test_a_server_of_the_tour_ends_when_no_client_has_come(certs: Path) -> None:
    begin = time.monotonic()
    with stage.live(read_credential(certs / "server.pem", certs / "server.key")) as running:
        pass
    assert time.monotonic() - begin < stage.PATIENCE / 2
    with pytest.raises(Problem, match="cannot connect"):
        net.dial(running.address)


def test_a_claim_is_an_error_when_it_was_not_seen() -> None:
    stage.claim(True, "never said")
    with pytest.raises(Problem, match="the tour stops here: it was not so"):
        stage.claim(False, "it was not so")
