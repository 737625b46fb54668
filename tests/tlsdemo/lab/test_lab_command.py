"""`tlsdemo lab` as a user starts and ends it. Falsehoods caught: a line that a program cannot read, a command that is
printed and does not work, a wrong exit code, and anything that is left behind.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pki.cases import CATALOGUE
from tests.conftest import Command, run, tool
from tests.peers.conftest import Start, background
from tests.peers.support import DEADLINE, Background, assert_is_refusal, reset
from tests.tlsdemo.lab.visiting import LOOPBACKS, careless, checking, dial, hello, look
from tests.tlsdemo.tls.test_server_name import asking_for

__all__ = ["background"]
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of certificates that are broken on purpose
LAB = (sys.executable, "-m", "tlsdemo", "lab")
FEW = ("--only", "good,expired,wrong.host", "--only", "tls-1-2-only")
CASE_KEYS = {
    "case", "aliases", "theme", "port", "control_port", "host", "sni", "expect", "severity", "clause", "cve",
    "verify_codes", "wrong", "ca_file", "reason",
}  # fmt: skip


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands make their temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def document_of(lab: Background) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(lab.wait_for("schema").string)
    return found


def all_ports(document: Mapping[str, Any]) -> list[int]:
    index = int(document["index_url"].rstrip("/").rpartition(":")[2])
    own = [each[kind] for each in document["cases"] for kind in ("port", "control_port") if each[kind]]
    return [index, document["sni_port"], *own]


def assert_free(ports: list[int]) -> None:
    for port in ports:
        for host in LOOPBACKS:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            socket.create_server((host, port), family=family).close()


# For programs ---------------------------------------------------------------------------------------------------------


def test_json_is_one_line_with_everything_and_then_silence(background: Start, temporary: Path) -> None:
    lab = background(*LAB, "--json")
    document = document_of(lab)
    assert set(document) == {"schema", "ca_file", "client_certificates", "index_url", "sni_port", "cases"}
    assert document["schema"] == 2
    cases = {each["case"]: each for each in document["cases"]}
    assert all(set(each) == CASE_KEYS for each in cases.values())
    assert len(cases) == len(document["cases"])
    assert set(CATALOGUE) <= set(cases)
    assert all(each["port"] or each["reason"] for each in cases.values())
    ports = all_ports(document)
    assert len(set(ports)) == len(ports)

    assert look(cases["good"]["port"], "localhost", checking(document["ca_file"])).code is None
    assert look(cases["nc-on-root"]["port"], "localhost", checking(cases["nc-on-root"]["ca_file"])).code == 47
    assert look(document["sni_port"], "expired.localhost", checking(document["ca_file"])).code == 10
    assert re.match(r"https://localhost:\d+/$", document["index_url"])
    page = run(tool("curl"), "-sS", "--cacert", document["ca_file"], document["index_url"]).stdout
    assert all(f'id="{case}"' in page for case in cases)

    folder = Path(document["ca_file"]).parent
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o077 == 0  # there are keys in it
    assert {Path(each).parent for each in document["client_certificates"]} == {folder}
    lab.end(signal.SIGTERM)
    assert len(lab.out) == 1
    assert lab.err == []
    assert list(temporary.iterdir()) == []
    assert_free(ports)


# For people -----------------------------------------------------------------------------------------------------------


def advice(lab: Background) -> list[str]:
    """The lines that are to be typed in another terminal."""
    lab.wait_for(r"check-client -- curl")
    lines = lab.out[lab.out.index("  in another terminal:") + 1 :]
    return [line.strip() for line in lines if line.startswith("    ")]


@pytest.fixture(scope="module")
def told() -> Iterator[Background]:
    """A lab that tells people."""
    lab = Background(*LAB, "--only", "good,expired,wrong-host,tls-1-0-only,plain-http,client-cert-required,dhe-512")
    try:
        lab.wait_for(r"check-client -- curl")
        yield lab
        lab.end()
        assert lab.err == []
    finally:
        lab.kill()


def test_it_points_to_the_instructions_for_trust_stores(told: Background) -> None:
    lines = advice(told)
    (pointer,) = [line for line in lines if "how browsers" in line]
    done = run(tool("bash"), "-c", "\n".join([lines[0], pointer.replace("pki", f"{sys.executable} -m pki", 1)]))
    for word in ("Debian", "Firefox", "Java", "remove", "'tlsdemo lab root'"):
        assert word in done.stdout
    index = run("curl", "-sk", told.wait_for(r"index +(\S+)").group(1))
    assert "update-ca-certificates --fresh" in index.stdout


@pytest.mark.usefixtures("curl")
def test_what_it_says_to_type_does_what_it_says(told: Background) -> None:
    lines = advice(told)
    assert sum("curl --cacert" in line for line in lines) == 3
    before = [line for line in lines if re.match(r"[A-Z]+=", line)]
    for line in lines:
        if "curl --cacert" in line:
            done = run(tool("bash"), "-c", "\n".join([*before, line]))
            assert (done.returncode == 0) is ("# good: curl accepts it" in line), (line, done)
            if done.returncode:
                assert done.returncode == 60, done.stderr  # of curl: the certificate, and nothing else
            else:
                assert "case:      good" in done.stdout


@pytest.mark.usefixtures("curl")
def test_the_environment_that_it_names_makes_a_shell_trust_it(told: Background) -> None:
    lines = advice(told)
    (line,) = (line for line in lines if line.startswith("eval "))
    before = [line for line in lines if re.match(r"[A-Z]+=", line)]
    good = re.search(r"localhost:\d+", next(line for line in lines if "# good" in line))
    assert good
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which("pki", path=path)
    own = [] if program else [f'pki() {{ {sys.executable} -m pki "$@"; }}']
    script = "\n".join([*own, *before, line, f"curl -sS https://{good[0]}/"])
    done = run(tool("bash"), "-c", script, env={**os.environ, "PATH": path})
    assert "case:      good" in done.stdout, done.stderr


def port_of(lab: Background, case: str) -> int:
    found = re.search(r"localhost:(\d+)", next(line for line in advice(lab) if f"# {case}" in line))
    assert found
    return int(found[1])


def sni_port_of(lab: Background) -> int:
    return int(lab.wait_for(r"^  by name +https://CASE\.localhost:(\d+)/").group(1))


def ca_of(lab: Background) -> str:
    return lab.wait_for(r"^  trust +(\S+)").group(1)


def test_each_visit_is_a_line(told: Background) -> None:
    """In the words of the server, with what the client has sent made harmless."""
    port = port_of(told, "expired")
    look(port, "localhost", careless())
    told.wait_for(r"^127\.0\.0\.1:\d+  expired: ACCEPTED: 53 bytes, GET / HTTP/1\.1$")
    look(port, "localhost", checking(ca_of(told)), "::1")
    told.wait_for(r"^\[::1\]:\d+  expired: refused: alert certificate_expired$")
    with dial(port) as plain, careless().wrap_socket(plain, server_hostname="somebody.example"):
        pass
    told.wait_for(r"^127\.0\.0\.1:\d+  expired \(asked for somebody\.example\): refused after its handshake$")
    look(sni_port_of(told), "nobody.localhost", careless())
    told.wait_for(r"  unknown name \(asked for nobody\.localhost\): ACCEPTED")
    look(sni_port_of(told), "good.localhost", careless())
    told.wait_for(r"  good \(asked for good\.localhost\): ACCEPTED")
    with dial(port) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 ")
    told.wait_for(r"  expired: ACCEPTED in the clear: 18 bytes, GET / HTTP/1\.1$")


def test_a_visitor_does_not_drive_the_terminal(told: Background) -> None:
    said = b"\x1b]0;title\x07\x1b[31m\xff\xe2\x80\xae\n"
    with dial(port_of(told, "good")) as plain, careless().wrap_socket(plain, server_hostname="\x1b[31m") as tls:
        tls.sendall(said)
        tls.recv(1)
    line = told.wait_for(r"asked for \\x1b\[31m.*ACCEPTED: .*title").string
    assert line.isprintable()


def test_a_name_that_is_not_ascii_is_no_traceback(told: Background) -> None:
    with dial(port_of(told, "good")) as plain:
        plain.sendall(asking_for(b"\xff\xfe")(hello()))
        assert plain.recv(7)[:1] == b"\x15"
        reset(plain)
    told.wait_for(r"  good: the server refused the client: .*is not ASCII")
    assert told.err == []


# The list -------------------------------------------------------------------------------------------------------------


def test_list_has_every_case_once_and_ends(cli: Command) -> None:
    answer = cli("lab", "--list")
    assert (answer.code, answer.err) == (0, "")
    listed = re.findall(r"^  (\S+) +(accept|reject) +(must|weak|informational)$", answer.out, re.MULTILINE)
    assert len({each[0] for each in listed}) == len(listed)
    for case, declared in CATALOGUE.items():
        verdict = {"accept": "accept", "reject": "reject"}[declared.must.value]
        assert (case, verdict, declared.severity.value) in listed
    missing = answer.out.count("cannot be served here:")
    assert f"\n{len(listed)} cases, of which {len(listed) - missing} can be served here." in answer.out


def test_list_and_json_is_the_document_without_files(cli: Command) -> None:
    answer = cli("lab", "--list", "--json", *FEW)
    assert answer.code == 0
    document = json.loads(answer.out)
    assert answer.out.count("\n") == 1
    assert (document["ca_file"], document["client_certificates"]) == (None, [])
    assert [each["case"] for each in document["cases"]] == ["good", "expired", "wrong-host", "tls-1-2-only"]
    assert_free(all_ports(document))


def test_list_of_a_few_is_of_those(cli: Command) -> None:
    answer = cli("lab", "--list", *FEW)
    assert "4 cases, of which 4 can be served here." in answer.out
    assert "self-signed" not in answer.out


# What does not work ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "alike"), [("expird", "expired"), ("good,wrong.hots", "wrong.host"), ("qqq", "--list")]
)
def test_a_case_that_there_is_not(cli: Command, asked: str, alike: str) -> None:
    assert_is_refusal(cli("lab", "--only", asked), 2, "unknown case", alike)


def test_a_port_in_use_is_named_and_nothing_stays_behind(cli: Command, temporary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_is_refusal(
            cli("lab", *FEW, "--port-base", port), 3, f"cannot listen on 127.0.0.1:{port}", "Address already in use",
            "--port-base",
        )  # fmt: skip
    assert list(temporary.iterdir()) == []
    assert_free([port])


@pytest.mark.parametrize("base", ["65530"])
def test_a_base_without_room_above_it(cli: Command, base: str) -> None:
    assert_is_refusal(
        cli("lab", *FEW, "--port-base", base), 2, f"from {base} on there are only", "the lab needs", "--port-base"
    )


@pytest.mark.parametrize("base", ["-1", "65536", "x"])
def test_what_is_no_port_at_all(cli: Command, base: str) -> None:
    answer = cli("lab", "--port-base", base)
    assert (answer.code, answer.out) == (2, "")


def test_a_place_for_the_authority_that_cannot_be_written(cli: Command, tmp_path: Path, temporary: Path) -> None:
    for place in (tmp_path / "missing" / "ca.pem", Path("/proc/ca.pem"), tmp_path, Path("/dev/full")):
        assert_is_refusal(cli("lab", *FEW, "--ca-out", place), 3, f"cannot write {place}")
    (tmp_path / "mine").write_text("precious")
    assert_is_refusal(cli("lab", *FEW, "--ca-out", tmp_path / "mine"), 1, f"{tmp_path / 'mine'} exists", "--force")
    assert (tmp_path / "mine").read_text() == "precious"
    assert list(temporary.iterdir()) == []


# The end --------------------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_with_open_connections(background: Start, temporary: Path) -> None:
    lab = background(*LAB, "--json", "--only", "good,stall,client-cert-required")
    document = document_of(lab)
    ports = {each["case"]: each["port"] for each in document["cases"]}
    stalled, silent, talker = (dial(ports[case]) for case in ("stall", "client-cert-required", "good"))
    stalled.sendall(b"\x16\x03\x01\x00\x01x")
    tls = careless().wrap_socket(talker)
    lab.end(signal.SIGINT)
    for each in (stalled, silent, tls):
        each.close()
    assert list(temporary.iterdir()) == []
    assert_free(all_ports(document))


def test_two_labs_at_once_do_not_know_each_other(background: Start, tmp_path: Path) -> None:
    """Each keeps its authority where it is wanted; the second in the place of an earlier one."""
    one, other = tmp_path / "one.pem", tmp_path / "other.pem"
    labs = [background(*LAB, *FEW, "--json", "--ca-out", "one.pem", cwd=tmp_path)]
    documents = [document_of(labs[0])]
    shutil.copy(one, other)
    labs.append(background(*LAB, *FEW, "--json", "--ca-out", other))
    documents.append(document_of(labs[1]))
    assert [each["ca_file"] for each in documents] == [str(one), str(other)]
    assert not set(all_ports(documents[0])) & set(all_ports(documents[1]))
    for own, another in (documents, reversed(documents)):
        assert {each["case"] for each in own["cases"]} == {"good", "expired", "wrong-host", "tls-1-2-only"}
        port = own["cases"][0]["port"]
        assert look(port, "localhost", checking(own["ca_file"])).code is None
        assert look(port, "localhost", checking(another["ca_file"])).code in (7, 20)
        assert b"unknown name" in look(own["sni_port"], "self-signed.localhost", careless()).answer
    for lab in labs:
        lab.end()
    assert one.exists()
    assert other.exists()


def test_without_a_reader_it_ends_with_the_next_visit(temporary: Path) -> None:
    """As in `tlsdemo lab | head -1`; before somebody comes, it has nothing to say, and cannot know."""
    with subprocess.Popen([*LAB, *FEW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lab:
        assert lab.stdout and lab.stderr
        port = next(found[1] for line in lab.stdout if (found := re.search(r"localhost:(\d+)/ +# good", line)))
        lab.stdout.close()
        look(int(port), "localhost", careless())
        assert lab.wait(DEADLINE) == 3
        assert "cannot write the output" in lab.stderr.read()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("more", [(), ("--list",)], ids=str)
def test_a_full_disk_for_its_output(temporary: Path, more: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*LAB, *FEW, *more], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 3
    assert "cannot write the output" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []


WITHOUT_IPV6 = """
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
"$@" > lines 2> notes &
until grep -q check-client lines; do kill -0 $! || exit 9; sleep 0.05; done
eval "$(grep '^ *CA=' lines)"
eval "$(grep '# good: curl accepts it' lines)"
kill -INT $!
wait $!
"""


def test_without_ipv6_it_says_so_and_works(tmp_path: Path) -> None:
    elsewhere = (tool("unshare"), "--user", "--map-root-user", "--net")
    if run(*elsewhere, "true").returncode:
        pytest.skip("this user may not have a network of his own")
    tool("ip")
    script = tmp_path / "script"
    script.write_text(WITHOUT_IPV6)
    done = run(*elsewhere, tool("bash"), script, *LAB, *FEW, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes").read_text() == "note: this machine has no ::1: listening only on 127.0.0.1\n"
    assert "case:      good" in done.stdout


# Help -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["lab", "check-client"])
def test_the_help_is_short_and_fits_into_80_columns(cli: Command, command: str) -> None:
    from typer.main import get_command

    from tlsdemo.cli.main import app

    assert all(len(line) <= 80 for line in cli(command, "-h").out.splitlines())
    found = get_command(app).commands[command]  # type: ignore[attr-defined]  # a group
    summary = found.help.split("\n")[0]
    assert len(summary) <= 60
    assert " ".join(summary.split()) in cli("-h").out
    options = [each for each in found.params if each.param_type_name == "option"]
    assert [each.name for each in options if not each.help or len(each.help) > 60] == []
