"""`show`, and what `run` draws: formats, files, errors, the pager; most of it on a log made by hand."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from example_events import event

from run_scenario.cli import pager
from run_scenario.cli.entry_point import main
from run_scenario.errors import Status
from run_scenario.events.outcome import Outcome

COMMAND = str(Path(sys.executable).parent / "run-scenario")
EVENTS = [
    event("scenario.started", title="By hand", seq=1),
    event("process.started", "MainProcess", t=0.1, seq=2),
    event("queue.put", "MainProcess", t=0.5, seq=3),
    event("process.exited", "MainProcess", t=1.0, seq=4),
    event("scenario.finished", t=1.0, seq=5),
]
QUICK = """\
version: 1
title: Nothing but a start and an end
processes:
  - {name: Worker, target: sleep, kwargs: {seconds: 0}}
"""


def lines_of(events: list[dict[str, object]]) -> str:
    """Return events as JSON Lines."""
    return "".join(json.dumps(each) + "\n" for each in events)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a log and a scenario; it is the current one."""
    (tmp_path / "run.jsonl").write_text(lines_of(EVENTS))
    later = [{**each, "run": "later", "title": "Later"} for each in EVENTS]
    (tmp_path / "two.jsonl").write_text(lines_of(EVENTS) + lines_of(later))
    (tmp_path / "torn.jsonl").write_text(lines_of(EVENTS)[:-20])
    (tmp_path / "wrong.jsonl").write_text(lines_of(EVENTS[:1]) + "nonsense\n" + lines_of(EVENTS[1:]))
    (tmp_path / "quick.yaml").write_text(QUICK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["--as", "timeline"], "By hand\n"),
        ([], "By hand\n"),
        (["--as", "table"], "By hand\n"),
        (["--as", "graph"], "By hand\n"),
        (["--as", "mermaid"], "flowchart LR\n"),
        (["--as", "dot"], "digraph scenario {\n"),
        (["--as", "html"], "<!doctype html>"),
        (["--as", "perfetto"], '{"traceEvents":['),
        (["--as", "shiviz"], "(?<host>"),
    ],
)
def test_a_log_in_every_format(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], begins: str
) -> None:
    """Each format goes to standard output, and nothing else does."""
    assert 0 == main(["show", "run.jsonl", *arguments])
    out, err = capsys.readouterr()
    assert begins.lower() == out[: len(begins)].lower()
    assert "" == err


@pytest.mark.parametrize("picture", ["timeline", "table", "graph"])
def test_a_picture_in_text_has_what_the_scenario_says_of_itself(
    folder: Path, capsys: pytest.CaptureFixture[str], picture: str
) -> None:
    """The description comes first and what to watch for last, and where that is: not all of it is in each picture."""
    about = "All is well. Watch for: the end, and what comes after it."
    log = [{**EVENTS[0], "description": about}, *EVENTS[1:]]
    (folder / "told.jsonl").write_text(lines_of(log))
    assert 0 == main(["show", "told.jsonl", "--as", picture, "--width", "60"])
    lines = capsys.readouterr().out.splitlines()
    assert ["By hand", "", "All is well.", ""] == lines[:4]
    assert ["", "Watch for, in the log of the run: the end, and what comes", "after it."] == lines[-3:]
    (folder / "told.yaml").write_text(QUICK.replace("processes:", f"description: '{about}'\nprocesses:"))
    assert 0 == main(["show", "told.yaml", "--as", picture, "--width", "100"])
    *_, last = capsys.readouterr().out.splitlines()
    which = "a run" if picture == "graph" else "the run"
    assert f"Watch for, in the log of {which}: the end, and what comes after it." == last
    assert 0 == main(["show", "run.jsonl", "--as", picture])
    assert "Watch for" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "arguments", "begins"),
    [
        ("a.svg", [], b"<svg "),
        ("a.svg", ["--as", "graph"], b"<svg "),
        ("a.html", [], b"<!doctype html>"),
        ("a.mmd", [], b"flowchart LR"),
        ("a.gv", [], b"digraph"),
        ("a.json", [], b'{"traceEvents"'),
        ("a.txt", [], b"By hand"),
        ("a", ["--as", "table"], b"By hand"),
        ("a.log", ["--as", "table"], b"By hand"),
        ("a.txt", ["--as", "mermaid"], b"flowchart LR"),
        ("a.mermaid", ["--as", "mermaid"], b"flowchart LR"),
        ("a", ["--as", "dot"], b"digraph"),
    ],
)
def test_the_suffix_of_a_file_says_what_it_is(folder: Path, output: str, arguments: list[str], begins: bytes) -> None:
    """`--output` decides the format where `--as` does not, and the shape."""
    assert 0 == main(["show", "run.jsonl", "--output", output, *arguments])
    assert begins.lower() == (folder / output).read_bytes()[: len(begins)].lower()


def test_png(folder: Path) -> None:
    """With cairosvg, a picture can be one of pixels."""
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("cairosvg, or the library cairo, is not installed")
    assert 0 == main(["show", "run.jsonl", "--output", "a.png"])
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")


def test_png_without_its_library(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, the message says what to install, or to do instead."""
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    assert 2 == main(["show", "run.jsonl", "--output", "a.png"])
    assert "pip install 'run-scenario[png]'; or write .svg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["show", "nix.jsonl"], 2, "cannot read the log 'nix.jsonl': no such file or directory"),
        (["show", "nix"], 2, "there is no file 'nix' here, and no bundled scenario of that name"),
        (["show", "run.jsonl", "--run", "x"], 2, "'run.jsonl' has no run 'x'; it has 3f2a"),
        (["show", "quick.yaml", "--run", "x"], 2, "--run chooses one run of a log"),
        (["show", "wrong.jsonl"], 2, "wrong.jsonl:2: this line is no event of a log of run-scenario"),
        (["show", os.devnull, "--as", "table"], 2, "/dev/null"),
        (["show", "run.jsonl", "--as", "table", "--output", "a.svg"], 2, "a table cannot be written as .svg"),
        (["show", "run.jsonl", "--output", "a.pdf"], 2, "nothing can be written as .pdf: a timeline is .txt, .svg or"),
        (["run", "quick.yaml", "--report", "a.pdf"], 2, "a.pdf: nothing can be written as .pdf"),
        (
            ["show", "run.jsonl", "--as", "table", "--output", "a.md"],
            2,
            "a table cannot be written as .md: write it to a file that ends in .txt\n",
        ),
        (
            ["show", "run.jsonl", "--as", "html", "--output", "a.txt"],
            2,
            "a page of HTML cannot be written as .txt: write it to a file that ends in .html\n",
        ),
        (["show", "run.jsonl", "--as", "perfetto", "--output", "a.md"], 2, "write it to a file that ends in .json\n"),
        (
            ["show", "run.jsonl", "--as", "mermaid", "--output", "a.svg"],
            2,
            "Mermaid cannot be written as .svg: write it to a file that ends in .mmd or .txt, or show it --as timeline "
            "or graph\n",
        ),
        (["show", "run.jsonl", "--as", "table", "--from", "1"], 2, "--from and --to choose a part of a timeline"),
        (["show", "run.jsonl", "--from", "2", "--to", "1"], 2, "--from must be before --to"),
        (["show", "run.jsonl", "--from", "99"], 2, "--from 99 is after the last event: the run lasts "),
        (["show", "run.jsonl", "--as", "movie"], 2, "invalid choice: 'movie'"),
        (["show", "run.jsonl", "--width", "3"], 2, "'3' is not a number of columns from 20 to 1000"),
        (["show", "run.jsonl", "--output", "nix/a.svg"], 4, "cannot write to nix/a.svg: there is no folder nix"),
        (["show", "run.jsonl", "--output", "."], 4, "cannot write to .: it is a folder"),
        (["run", "quick.yaml", "names", "--report", "a.html"], 2, "--report writes one file about one run"),
        (["run", "quick.yaml", "--report", "nix/a.html"], 4, "there is no folder nix"),
    ],
)
def test_a_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    """Each mistake is told in words, before anything is run."""
    assert status == main(arguments)
    out, err = capsys.readouterr()
    assert "" == out
    assert message in err


@pytest.mark.parametrize("picture", ["shiviz", "perfetto", "html", "table"])
def test_a_picture_is_whole_or_not_there(folder: Path, capsys: pytest.CaptureFixture[str], picture: str) -> None:
    """What is wrong with a log is found before a file is written to, and before anything is printed."""
    output = Path("kept.json" if picture == "perfetto" else "kept.html" if picture == "html" else "kept.txt")
    output.write_text("the picture of another run")
    assert 2 == main(["show", "wrong.jsonl", "--as", picture, "--output", str(output)])
    assert 2 == main(["show", "wrong.jsonl", "--as", picture])
    assert "" == capsys.readouterr().out
    assert "the picture of another run" == output.read_text()


def test_the_last_of_several_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several runs the last is shown, which is said; another by its name."""
    assert 0 == main(["show", "two.jsonl"])
    out, err = capsys.readouterr()
    assert out.startswith("Later\n")
    assert "two.jsonl has 1 earlier run, too; this is the last one; --run 3f2a shows another" in err
    assert 0 == main(["show", "two.jsonl", "--run", "3f2a"])
    assert capsys.readouterr().out.startswith("By hand\n")


def test_a_torn_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was cut off in the middle of a line is shown as far as it goes."""
    assert 0 == main(["show", "torn.jsonl"])
    out, err = capsys.readouterr()
    assert "the log ends after 1 s, before the run does" in out
    assert "torn.jsonl:5: the last line is torn, and was left out" in err


def test_a_scenario_is_run_and_a_log_comes_through_a_pipe(folder: Path) -> None:
    """FILE is run for its picture, `-` is standard input; both can be piped into each other."""
    shown = subprocess.run([COMMAND, "show", "quick.yaml"], capture_output=True, text=True, timeout=60)
    assert (0, "") == (shown.returncode, shown.stderr)
    assert shown.stdout.startswith("Nothing but a start and an end\n")
    assert "\nWorker      " in shown.stdout
    piped = subprocess.run(
        [COMMAND, "show", "-"],
        input=lines_of(EVENTS),
        env={**os.environ, "COLUMNS": "60"},
        capture_output=True,
        text=True,
    )
    assert "By hand" == piped.stdout.splitlines()[0]
    assert 60 >= max(map(len, piped.stdout.splitlines()))


def test_a_run_with_a_report_and_a_timeline(folder: Path) -> None:
    """Piped, standard output stays the log; the timeline comes on standard error, the report into its file."""
    done = subprocess.run(
        [COMMAND, "quick.yaml", "--report", "a.html", "--timeline"], capture_output=True, text=True, timeout=60
    )
    assert 0 == done.returncode
    assert "scenario.finished" == [json.loads(line)["event"] for line in done.stdout.splitlines()][-1]
    assert done.stderr.startswith("\nNothing but a start and an end\n")
    assert "Worker" in (folder / "a.html").read_text(encoding="utf-8")


def test_long_text_is_paged_on_a_terminal(folder: Path) -> None:
    """On a terminal that it does not fit on, the person's pager gets it."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        ["sh", "-c", f"stty rows 5; '{COMMAND}' show run.jsonl"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "PAGER": "sed s/^/paged:/", "TERM": "xterm"},
    ) as process:
        os.close(follower)
        received = b""
        while True:
            try:
                received += os.read(leader, 4096)
            except OSError:  # the last writer has gone
                break
        process.wait()
    os.close(leader)
    assert b"paged:" in received


@pytest.mark.parametrize(
    ("there", "variable", "chosen"),
    [
        (("less", "more"), None, "less -FRX '-Psspace goes on, q leaves'"),
        (("more",), None, "more"),
        ((), None, None),
        (("more",), "", None),
        (("more", "most"), "most -s", "most -s"),
        (("more",), "most", None),
    ],
)
def test_the_pager_is_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], variable: str | None, chosen: str | None
) -> None:
    """The person's own, or else less, or else more; who has asked for another, or for none, does not get these."""
    for name in there:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PAGER", raising=False)
    if variable is not None:
        monkeypatch.setenv("PAGER", variable)
    assert chosen == pager.chosen()


def test_a_run_for_a_picture_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is this command that was interrupted: nobody has to be told by whom."""
    outcome = Outcome(Status.INTERRUPTED, "interrupted", ("it got SIGINT",), 0.1)
    monkeypatch.setattr("run_scenario.cli.commands.show.run_for_its_log", lambda *_: outcome)
    assert Status.INTERRUPTED == main(["show", "daemon"])
    assert "run-scenario: interrupted\n" == capsys.readouterr().err
