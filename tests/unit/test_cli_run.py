"""`run`: what the door adds to a run. That runs are true is the acceptance tests' business."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_cli import COMMAND, FAILING, QUICK, call

from run_scenario.cli.settings import find_pyproject, read_settings
from run_scenario.errors import InvalidScenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with some scenarios."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text("version: 1\nprocesss: []\n")
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - target: mine:go\n")
    (tmp_path / "mine.py").write_text("def go():\n    print('gone')\n")
    return tmp_path


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a log."""
    return [json.loads(line) for line in text.splitlines()]


def test_piped_output_is_the_log_and_nothing_else(folder: Path) -> None:
    """Standard output is JSON Lines from the first event to the last; --log gets the same lines."""
    done = call("quick.yaml", "--log", "log.jsonl", cwd=folder)
    assert (0, "") == (done.returncode, done.stderr)
    names = [event["event"] for event in events(done.stdout)]
    assert ("scenario.started", "scenario.finished") == (names[0], names[-1])
    assert (folder / "log.jsonl").read_text() == done.stdout


def test_the_console_is_chosen(folder: Path) -> None:
    """--format console shows sentences and a summary, without colours where there is no terminal."""
    done = call("quick.yaml", "--format", "console", cwd=folder)
    assert 0 == done.returncode
    assert "Nothing but a start and an end" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1].startswith("passed after ")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("arguments", "coloured"), [([], True), (["--no-color"], False)])
def test_a_terminal_gets_the_console(folder: Path, arguments: list[str], coloured: bool) -> None:
    """On a terminal the view is for a person, in colours unless they are not wanted."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [COMMAND, "quick.yaml", *arguments],
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    )
    os.close(follower)
    received = b""
    try:
        while chunk := os.read(leader, 4096):
            received += chunk
    except OSError:  # the last writer has gone
        pass
    os.close(leader)
    assert 0 == process.wait()
    assert b"passed after" in received
    assert coloured == (b"\x1b[1;32mpassed" in received)


def test_several_files(folder: Path) -> None:
    """They run one after another; the status is the highest, and a failed one does not keep the others from running."""
    done = call("failing.yaml", "quick.yaml", "quick.yaml", cwd=folder)
    assert 1 == done.returncode
    finished = [
        (event["scenario"], event["outcome"]) for event in events(done.stdout) if event["event"] == "scenario.finished"
    ]
    assert [("failing", "failed"), ("quick", "passed"), ("quick", "passed")] == finished


@pytest.mark.parametrize("names", [["wrong.yaml", "quick.yaml"], ["quick.yaml", "wrong.yaml"]])
def test_several_files_of_which_one_is_invalid(folder: Path, names: list[str]) -> None:
    """All are checked before the first one runs; then none is run."""
    done = call(*names, cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("wrong.yaml:2:1: error:")
    assert done.stderr.endswith("run-scenario: nothing was run: wrong.yaml cannot be run as written\n")


def test_the_log_on_standard_output(folder: Path) -> None:
    """`--log -` is what --format json shows, once, and no file called `-`."""
    done = call("quick.yaml", "--log", "-", cwd=folder)
    assert ["scenario.started"] == [e["event"] for e in events(done.stdout) if e["event"] == "scenario.started"]
    assert not (folder / "-").exists()


@pytest.mark.parametrize("format_", ["json", "console"])
def test_a_refusal_is_told_once(folder: Path, format_: str) -> None:
    """The way out stands with the place in the file, and nowhere else that a person reads."""
    done = call("own.yaml", "--format", format_, cwd=folder)
    assert 1 == done.stderr.count("--allow mine")
    assert (0 if format_ == "console" else 2) == done.stdout.count("--allow mine")


def test_ctrl_z_leaves_no_status_line(tmp_path: Path) -> None:
    """The status line is erased before the command is stopped, and drawn again when it goes on."""
    (tmp_path / "long.yaml").write_text(QUICK.replace("seconds: 0", "seconds: 60"))
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [COMMAND, "long.yaml"],
        cwd=tmp_path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        process_group=0,  # as a shell does; an orphaned process group cannot be stopped
    )
    os.close(follower)
    try:
        read_until(leader, b" alive")
        process.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert read_until(leader, b"\r\x1b[2K").endswith(b"\r\x1b[2K")
        process.send_signal(signal.SIGCONT)
        read_until(leader, b" alive")
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # the last writer has gone
            read_until(leader, b"nothing like this")
        os.close(leader)
    assert 143 == process.wait()


def read_until(descriptor: int, wanted: bytes) -> bytes:
    """Return what a terminal gets, until it has got `wanted`."""
    received = b""
    while wanted not in received:
        readable, _, _ = select.select([descriptor], [], [], 30)
        assert readable, f"nothing more came after {received!r}"
        received += os.read(descriptor, 4096)
    return received


def test_a_failed_run_says_why_on_standard_error(folder: Path) -> None:
    """Whoever pipes the log away still reads one sentence."""
    done = call("failing.yaml", cwd=folder)
    assert 1 == done.returncode
    assert done.stderr.startswith("run-scenario: failing: failed after ")
    assert "Worker" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_options_go_before_the_scenario(folder: Path) -> None:
    """--start-method and --timeout win over the file."""
    done = call("--timeout", "7.5", "quick.yaml", "--start-method", "spawn", cwd=folder)
    started = events(done.stdout)[0]
    assert (7.5, "spawn") == (started["timeout"], started["start_method"])


def test_a_log_that_cannot_be_written_runs_nothing(folder: Path) -> None:
    """The status is 4, the message names the path, and no process was started."""
    done = call("quick.yaml", "--log", "nowhere/log.jsonl", cwd=folder)
    assert (4, "", "run-scenario: cannot write the log to nowhere/log.jsonl: no such file or directory\n") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )


def test_the_summary_says_who_did_what(folder: Path) -> None:
    """Each consumer is named with its tasks, and with its pill apart from them."""
    text = call("list", "poison-pill", cwd=folder).stdout
    (folder / "two.yaml").write_text(text.replace("replicas: cpu_count", "replicas: 2"))
    done = call("two.yaml", "--format", "console", cwd=folder)
    assert 0 == done.returncode
    [row] = [line for line in done.stdout.splitlines() if re.match(r"tasks +\d", line)]
    tasks = [2, 36, 101, 193, 323, 513, 1327, 100000, 9999999, 433785907]
    taken = re.findall(r"Consumer-\d+ (\d+)(?: \(([^)]*)\))? \+ 1 pill", row)
    assert sorted(map(str, tasks)) == sorted(item for _, items in taken for item in items.split(", ") if item)
    assert len(tasks) == sum(int(count) for count, _ in taken)


@pytest.mark.fault("F45")
def test_a_full_disk(folder: Path) -> None:
    """A log that takes nothing more is status 4, and names the path."""
    done = call("quick.yaml", "--log", "/dev/full", cwd=folder)
    assert 4 == done.returncode
    assert "run-scenario: cannot write the log to /dev/full: no space left on device\n" == done.stderr


def test_a_full_disk_beside_another_log(folder: Path) -> None:
    """The other log is whole, and says what broke the run off; so does the view."""
    done = call("quick.yaml", "--format", "console", "--log", "/dev/full", cwd=folder)
    assert 4 == done.returncode
    assert "the run itself failed: cannot write the log to /dev/full: no space left on device" in done.stdout
    assert "interrupted" not in done.stdout


def test_a_reader_that_leaves_beside_another_log(folder: Path) -> None:
    """Standard output goes nowhere; the file has the whole log, up to its last event, with the command's status."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [COMMAND, "quick.yaml", "--format", "json", "--log", "whole.jsonl"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=folder, timeout=60)
    os.close(writer)
    assert (141, b"") == (done.returncode, done.stderr)
    events = [json.loads(line) for line in (folder / "whole.jsonl").read_text().splitlines()]
    assert list(range(1, len(events) + 1)) == [event["seq"] for event in events]
    finished = events[-1]
    assert ("scenario.finished", "interrupted", 141) == tuple(finished[k] for k in ("event", "outcome", "exit_status"))
    assert ["its output was closed"] == finished["reasons"]


def test_a_reader_that_leaves(folder: Path) -> None:
    """The run ends without a word and with status 141."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, "quick.yaml"], stdout=writer, stderr=subprocess.PIPE, cwd=folder, timeout=60)
    os.close(writer)
    assert (141, b"") == (done.returncode, done.stderr)


def test_an_interrupt_ends_all_files(folder: Path) -> None:
    """After Ctrl-C the scenarios that are left are not run; the status is 130."""
    (folder / "long.yaml").write_text(QUICK.replace("seconds: 0", "seconds: 60"))
    with subprocess.Popen(
        [COMMAND, "long.yaml", "quick.yaml"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        while json.loads(lines[-1])["event"] != "process.started" or json.loads(lines[-1])["process"] == "MainProcess":
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert 130 == process.returncode
    assert {"long"} == {event["scenario"] for event in events("".join(lines) + rest)}


def test_code_needs_consent(folder: Path) -> None:
    """Without --allow, nothing of one's own runs: the place in the file and the way out are told."""
    done = call("own.yaml", cwd=folder)
    assert 2 == done.returncode
    assert done.stderr.startswith("own.yaml:3:")
    assert "--allow mine" in done.stderr
    assert "    3 |   - target: mine:go\n" in done.stderr
    assert "gone" not in done.stdout


def test_consent_on_the_command_line(folder: Path) -> None:
    """With --allow, it runs."""
    done = call("own.yaml", "--allow", "mine", cwd=folder)
    assert (0, "") == (done.returncode, done.stderr)
    assert "gone" in {event.get("text") for event in events(done.stdout)}


def test_consent_in_pyproject(folder: Path) -> None:
    """pyproject.toml of the current folder's project counts, found upwards; the scenario's own folder does not."""
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[tool.run-scenario]\nallow = ["mine"]\n')
    assert 0 == call("../../own.yaml", cwd=below).returncode
    (folder / "a" / "pyproject.toml").write_text("")
    assert 2 == call("../../own.yaml", cwd=below).returncode


def test_pyproject_is_not_read_without_need(folder: Path) -> None:
    """A scenario of built-ins runs beside the most broken pyproject.toml."""
    (folder / "pyproject.toml").write_text("[[[")
    assert 0 == call("quick.yaml", cwd=folder).returncode


MALFORMED = [
    ("[tool.run-scenario\n", 1, 19, "this is not TOML: "),
    ("[tool.run-scenario]\nallow = [\n", 2, 10, "this is not TOML: "),
    ('[tool.run-scenario]\nallow = "mine"\n', 2, 1, "'allow' is not a list of the names of top-level packages"),
    ('[tool.run-scenario]\n  allow = ["mine.sub"]\n', 2, 3, "'allow' is not a list of the names of top-level packages"),
    ("[tool.run-scenario]\nallow = [1]\n", 2, 1, "'allow' is not a list of the names of top-level packages"),
    ('[x]\nalow = 1\n[tool.run-scenario]\nalow = ["mine"]\n', 4, 1, "[tool.run-scenario] has no key 'alow'"),
    ("[tool]\nrun-scenario = 3\n", 2, 1, "[tool.run-scenario] is not a table"),
    ('[tool.run-scenario]\nprocessors = "mine:f"\n', 2, 1, "'processors' is not a list of functions"),
    ('[tool.run-scenario]\nprocessors = ["mine"]\n', 2, 1, "'processors' is not a list of functions"),
]


@pytest.mark.parametrize(("text", "line", "column", "what"), MALFORMED)
def test_a_malformed_pyproject(tmp_path: Path, text: str, line: int, column: int, what: str) -> None:
    """The problem is located like one of a scenario."""
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(InvalidScenario) as raised:
        read_settings(file)
    (problem,) = raised.value.problems
    assert (str(file), line) == (problem.where.file, problem.where.line)
    if sys.version_info < (3, 14) or "TOML" not in what:
        assert column == problem.where.column
    assert problem.what.startswith(what)
    assert problem.hint


def test_a_malformed_pyproject_is_shown(folder: Path) -> None:
    """The command shows it with its line and has status 2."""
    (folder / "pyproject.toml").write_text('[tool.run-scenario]\nallow = "mine"\n')
    done = call("own.yaml", cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"{folder / 'pyproject.toml'}:2:1: error: 'allow' is not a list" in done.stderr
    assert '    2 | allow = "mine"\n' in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        '[tool.run-scenario]\nprocesors = ["mine:redact"]\n',
        '[ tool . "run-scenario" ]\nprocesors = ["mine:redact"]\n',
        '[tool]\nrun-scenario.procesors = ["mine:redact"]\n',
        'tool.run-scenario = {procesors = ["mine:redact"]}\n',
    ],
)
@pytest.mark.parametrize("arguments", [("--log", "log.jsonl"), ("--format", "console")])
def test_a_misspelt_key_is_reported_where_none_is_needed(folder: Path, text: str, arguments: tuple[str, str]) -> None:
    """A scenario of built-ins is not run either: its log would not be processed as wanted."""
    (folder / "pyproject.toml").write_text(text)
    done = call("quick.yaml", *arguments, cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert "[tool.run-scenario] has no key 'procesors'" in done.stderr
    assert "the keys are 'allow' and 'processors'" in done.stderr
    assert not (folder / "log.jsonl").exists()


def test_pyproject_that_cannot_be_read(tmp_path: Path) -> None:
    """Text that is not UTF-8 is a located problem too."""
    file = tmp_path / "pyproject.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidScenario, match="this file cannot be read"):
        read_settings(file)


def test_the_nearest_pyproject_is_found(tmp_path: Path) -> None:
    """It is looked for from the folder upwards."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert tmp_path / "pyproject.toml" == find_pyproject(tmp_path / "a" / "b")


PROCESSORS = """\
import structlog
print("loaded")

def mark(logger, method_name, event_dict):
    print("marking")
    return {**event_dict, "marked": method_name}

def drop(logger, method_name, event_dict):
    if event_dict["event"] == "scenario.finished":
        raise structlog.DropEvent
    return event_dict

def forget(logger, method_name, event_dict):
    pass

def of_one(event_dict):
    return event_dict

number = 3
coder = structlog.processors.UnicodeEncoder()
"""


def with_processors(folder: Path, *names: str, allow: str = '"mine_too"') -> Path:
    """Have the project of the folder name processors; return its file."""
    (folder / "mine_too.py").write_text(PROCESSORS)
    file = folder / "pyproject.toml"
    listed = ",\n  ".join(f'"{name}"' for name in names)
    file.write_text(f"[tool.run-scenario]\nallow = [{allow}]\nprocessors = [\n  {listed}\n]\n")
    return file


def test_the_processors_of_a_project(folder: Path) -> None:
    """The lines of each log go through them, in their order; what they print is kept out of the log."""
    with_processors(folder, "mine_too:mark", "mine_too:drop")
    done = call("quick.yaml", "--log", "log.jsonl", cwd=folder)
    assert 0 == done.returncode
    assert {"loaded", "marking"} == set(done.stderr.splitlines())
    assert (folder / "log.jsonl").read_text() == done.stdout
    assert all(event["marked"] == event["level"] for event in events(done.stdout))
    assert "process.exited" == events(done.stdout)[-1]["event"]


def test_what_is_judged_and_drawn_has_not_been_processed(folder: Path) -> None:
    """The outcome, the summary and a timeline are of the events as they were, whatever the log is without."""
    with_processors(folder, "mine_too:drop")
    done = call("failing.yaml", "--log", "log.jsonl", "--format", "console", "--timeline", cwd=folder)
    assert 1 == done.returncode
    assert "failed after" in done.stdout
    assert "the log ends before" not in done.stdout
    assert "scenario.finished" not in (folder / "log.jsonl").read_text()


@pytest.mark.parametrize(
    ("name", "allow", "what", "hint"),
    [
        ("mine_too:nope", '"mine_too"', "cannot find 'mine_too:nope': module 'mine_too' has no 'nope'", ""),
        ("nowhere:nope", '"nowhere"', "cannot import 'nowhere:nope': there is no module 'nowhere'", ""),
        ("mine_too:number", '"mine_too"', "'mine_too:number' is an 'int' object, which cannot be called", ""),
        ("mine_too:structlog.DropEvent", '"mine_too"', "'mine_too:structlog.DropEvent' leads into structlog", ""),
        (
            "structlog:DropEvent",
            '"structlog"',
            "'structlog:DropEvent' is a class; a processor is a function",
            "name an object of that class",
        ),
        ("mine_too:coder", '"mine_too"', "'mine_too:coder' leads to structlog.processors.UnicodeEncoder", ""),
        (
            "mine_too:mark",
            "",
            "'mine_too:mark' would run code of the package 'mine_too', which you have not allowed",
            "if you trust it, name 'mine_too' in 'allow' as well",
        ),
        (
            "mine_too:of_one",
            '"mine_too"',
            "'mine_too:of_one' cannot be called as a processor is: too many positional arguments; "
            "its parameters are (event_dict)",
            "write its parameters as (logger, method_name, event_dict)",
        ),
    ],
)
def test_what_is_no_processor(folder: Path, name: str, allow: str, what: str, hint: str) -> None:
    """Nothing is run, and the place in pyproject.toml is shown; what was done already is no way out."""
    file = with_processors(folder, name, allow=allow)
    done = call("quick.yaml", "--log", "log.jsonl", cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert f"{file}:4:4: error: {what}" in done.stderr
    assert f'    4 |   "{name}"\n' in done.stderr
    assert ("'allow'" in done.stderr) == ("'allow'" in hint)
    assert hint in done.stderr
    assert not (folder / "log.jsonl").exists()


def test_a_processor_is_not_asked_for_more_than_it_is(folder: Path) -> None:
    """An object of an allowed package that can be called is one, too."""
    with_processors(folder, "mine_too:coder", allow='"mine_too", "structlog"')
    assert 0 == call("quick.yaml", cwd=folder).returncode


def test_a_processor_that_fails_ends_the_run(folder: Path) -> None:
    """No line is written without it; which one it was, at which event and what to do is reported, with status 4."""
    file = with_processors(folder, "mine_too:forget")
    done = call("quick.yaml", "--log", "log.jsonl", "--format", "console", cwd=folder)
    assert 4 == done.returncode
    assert (
        f"run-scenario: cannot write the log: the processor 'mine_too:forget' of {file}:4 returned None instead of a "
        "dict for event 1, scenario.started; end it with `return event_dict`, or take it out of the processors\n"
    ) in done.stderr
    assert "" == (folder / "log.jsonl").read_text()


def test_processors_of_a_file_that_others_can_write_do_not_count(folder: Path) -> None:
    """Nothing of them is imported, and it is said why; a file that names none is not spoken of."""
    file = with_processors(folder, "mine_too:mark")
    file.chmod(0o666)
    done = call("quick.yaml", cwd=folder)
    assert 0 == done.returncode
    assert f"run-scenario: processors of {file} are ignored, because others can write to it\n" == done.stderr
    assert "marked" not in done.stdout
    file.write_text('[tool.run-scenario]\nallow = ["mine"]\n')
    assert "" == call("quick.yaml", cwd=folder).stderr


def test_a_run_without_processors_imports_no_toml(folder: Path) -> None:
    """Every run looks whether there are settings; where there are none, that costs no import."""
    (folder / "pyproject.toml").write_text('[tool.mypy]\npackages = ["run-scenario"]\n')
    code = (
        "import sys; from run_scenario.cli import main; main(['quick.yaml', '--format', 'json']); "
        "print({'tomllib', 'structlog'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=60)
    assert "set()\n" == done.stderr


BEFORE_IT_BEGINS = """\
import sys
from run_scenario.cli import main
from run_scenario.runtime.supervisor.client import SupervisorClient

heavy = {"msgspec", *(["inspect"] if sys.version_info[:2] != (3, 14) else []),  # there argparse imports it
          "multiprocessing", "socket", "yaml", "jsonschema", "rich", "structlog"}
send = SupervisorClient.send


def told(self, request):
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
    send(self, request)


SupervisorClient.send = told
main(["quick.yaml", "--format", "json"])
print(sorted({"multiprocessing", "rich", "structlog"} & set(sys.modules)), file=sys.stderr)
"""


def test_a_run_begins_before_its_log_is_prepared(folder: Path) -> None:
    """The supervisor has its request before what writes events is imported; the runner never needs multiprocessing."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", BEFORE_IT_BEGINS]
    for _ in range(2):  # the second time, the scenario comes from the cache
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=60)
    assert (0, "[]\n[]\n") == (done.returncode, done.stderr)


def test_the_end_looks_at_no_object(folder: Path) -> None:
    """When the command is over, its objects are left to the system: Python does not look for circles among them."""
    code = "import gc, sys; from run_scenario.cli import main; sys.argv = ['', 'quick.yaml', '--format', 'json']; "
    code += "main(); print(gc.get_freeze_count() > len(gc.get_objects()), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=60)
    assert (0, "True\n") == (done.returncode, done.stderr)


def test_a_log_that_is_only_read_runs_nothing(folder: Path) -> None:
    """Who looks at a log has not agreed to a project's code: `check` and `show` call no processor."""
    with_processors(folder, "mine_too:mark")
    assert 0 == call("quick.yaml", "--log", "log.jsonl", cwd=folder).returncode
    for arguments in (("check", "log.jsonl", "quick.yaml", "--format", "json"), ("show", "log.jsonl")):
        done = call(*arguments, cwd=folder)
        assert 0 == done.returncode
        assert "loaded" not in done.stderr
