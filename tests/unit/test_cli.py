"""The command, called as a person calls it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest

import commands
import run_scenario
from effort import in_part
from run_scenario import bundled, targets
from run_scenario.cli import main
from run_scenario.cli.command import COMMANDS
from run_scenario.cli.commands import list as list_command
from run_scenario.cli.output_format import OutputFormat
from run_scenario.errors import Status, UsageError
from run_scenario.report import listing

COMMAND = str(Path(sys.executable).parent / "run-scenario")
NAMES = [path.stem for path in bundled.scenarios()]
QUICK = """\
version: 1
title: Nothing but a start and an end
processes:
  - target: sleep
    kwargs: {seconds: 0}
"""
FAILING = """\
version: 1
processes:
  - name: Worker
    target: exit
    kwargs: {code: 7}
"""


def call(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command without a terminal and return what came of it."""
    return commands.run(
        [COMMAND, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def told(*arguments: str, cwd: Path | None = None) -> str:
    """Return the standard output of a command that succeeds without a word on standard error."""
    done = call(*arguments, cwd=cwd)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with some scenarios."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text("version: 1\nprocesss: []\n")
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - target: mine:go\n")
    (tmp_path / "mine.py").write_text("def go():\n    print('gone')\n")
    return tmp_path


def test_version() -> None:
    """--version is the package's."""
    assert f"run-scenario {run_scenario.__version__}\n" == told("--version")


def test_as_a_module() -> None:
    """python -m run_scenario is the same command."""
    done = subprocess.run([sys.executable, "-m", "run_scenario", "--version"], capture_output=True, text=True)
    assert told("--version") == done.stdout


def test_help_names_every_command() -> None:
    """The first help shows commands, examples and exit statuses."""
    text = told("--help")
    for word in (*COMMANDS, "examples:", "exit status:"):
        assert word in text
    assert [] == [status for status in Status if not re.search(rf"\b{status.value}\b", text)]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str) -> None:
    """Each command's help shows it in use."""
    assert f"\n  run-scenario {command}" in told(command, "--help").replace("run-scenario daemon", "run-scenario run")


def test_without_arguments() -> None:
    """No arguments are a mistake that is answered with the help."""
    done = call()
    assert (2, "") == (done.returncode, done.stdout)
    assert "examples:" in done.stderr


def test_list() -> None:
    """Each bundled scenario has a line with its title, under the heading of its chapter, in the order of these."""
    lines = told("list").splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == NAMES
    filled = {path.parent.name for path in bundled.scenarios()}
    headings = [heading for chapter, heading in bundled.CHAPTERS.items() if chapter in filled]
    assert headings == [line for line in lines if line in bundled.CHAPTERS.values()]


def test_list_of_a_chapter() -> None:
    """A chapter's folder names its part of the list."""
    text = told("list", "daemons")
    assert text.startswith(f"{bundled.CHAPTERS['daemons']}\n  daemon ")
    assert "count-down" not in text


def test_list_search() -> None:
    """A search narrows the list down to what mentions all its words; titles are searched too, and what is used."""
    entries = list_command._entries()

    def found(*words: str) -> list[str]:
        lines = listing.scenarios(entries, words, None, list_command._scripts).splitlines()
        return [line.split()[0] for line in lines if line.startswith("  ")]

    assert "\n  crash-isolation  " in told("list", "--search", "ONE PROCESS crashes")
    assert ["consumers-until-empty"] == found("is_prime", "consume_until_empty", "JOINABLEQUEUE", "example 7")
    for word in ("GIL", "starvation", "bounded buffer", "race", "hang", "mutual exclusion", "deadlock"):
        assert found(word), word
    assert ["readers-and-writers"] == found("readers", "writers")
    assert {"lost-update", "consumers-until-empty"} <= set(found("race"))
    assert not {"crash-isolation", "names"} & set(found("race"))  # a trace is no race
    assert {"missing-pill", "circle"} <= set(found("hang"))
    assert "mutated-item" not in found("hang")  # what was changed does not hang
    assert ["readers-and-writers"] == found("readers writers") == found("Reader WRITER")
    assert found("synchronisation") == found("synchronization")
    assert 10 < len(found("synchronisation"))
    assert found("is_alive") == found("isAlive")
    assert {"is-alive", "daemon-join"} <= set(found("isAlive"))
    assert found("exitcode") == found("exit codes")
    assert {"wake-up"} <= set(found("Condition.wait"))
    assert found("getppid") == ["pids"] == found("os.getppid()")  # a book says so of it
    assert {"terminate", "daemon-cleanup"} <= set(found("exit handlers") + found("atexit"))


def test_a_search_finds_what_is_called_otherwise_here(tmp_path: Path) -> None:
    """Names that only a script of the scenario has, and words of others; that is said."""
    text = told("list", "--search", "Queue.get_nowait", cwd=tmp_path)
    assert "  empty-queue " in text
    assert "\n'get_nowait' is in their scripts: run-scenario python NAME\n" in text
    assert "\n'Mutex' is called 'lock' here.\n" in told("list", "--search", "Mutex")


def test_the_synonyms_are_needed_and_lead_somewhere() -> None:
    """What is known by itself is no synonym, and what it stands for is mentioned."""
    entries = list_command._entries()
    for known, terms in bundled.SYNONYMS.items():
        hits = [listing.find(term, entries) for term in terms]
        assert all(hit.names and hit.note for hit in hits), known
        assert "" == listing.find(known, entries).note


@pytest.mark.parametrize("width", [60, 80])
def test_a_list_fits_its_terminal(width: int) -> None:
    """A title that is too long goes on below itself."""
    entries = list_command._entries()
    for wanted in ((), ("hang",), ("mutex",)):
        lines = listing.scenarios(entries, wanted, width).splitlines()
        assert max(map(len, lines)) <= width
        listed = [line.split()[0] for line in lines if re.match(r"  \S", line)]
        assert [each.name for each in entries if not wanted or each.name in listed] == listed


def test_the_topics_are_of_scenarios() -> None:
    """Each names scenarios that are there."""
    names = {path.stem for path in bundled.scenarios()}
    assert [] == [name for topic in bundled.TOPICS.values() for name in topic if name not in names]


def test_list_search_without_success() -> None:
    """Nothing found is said kindly, with a word that would be found, or with the way out."""
    assert "no bundled scenario mentions 'deamon'; did you mean 'daemon'?\n" == told("list", "--search", "deamon")
    assert "no bundled scenario mentions 'xyzzy'; 'run-scenario list' shows them all\n" == told(
        "list", "--search", "daemon", "xyzzy"
    )
    assert "no bundled scenario mentions 'pids' and 'example 7' at once; look for fewer words\n" == told(
        "list", "--search", "pids", "example 7"
    )


def test_list_prints_a_scenario(tmp_path: Path) -> None:
    """What is printed is the file; its first line leads editors to a schema beside it, on whatever machine."""
    file = bundled.find_scenario("daemon")
    assert file
    first, how, *rest = told("list", "daemon.yaml", cwd=tmp_path).splitlines(keepends=True)
    assert "# yaml-language-server: $schema=scenario.schema.json\n" == first
    assert "run-scenario schema > scenario.schema.json" in how
    assert file.read_text().partition("\n")[2] == "".join(rest)


def test_targets() -> None:
    """All targets are listed; one is shown in full."""
    assert set(targets.names()) <= set(told("targets").split())
    assert "Parameters\n" in told("targets", "consume")
    assert "is_prime" in told("targets", "is_prime")


def test_targets_write_numbers_out() -> None:
    """The range of a parameter is readable at both ends."""
    assert "-2,147,483,648 to 2,147,483,647" in told("targets", "exit")


@pytest.mark.parametrize("name", ["scenario", "event"])
def test_schema(name: str) -> None:
    """The schemas are printed as they are."""
    assert bundled.schema_text(name) == told("schema", name)


def test_validate_bundled(tmp_path: Path) -> None:
    """Bundled names are found from any folder, with and without .yaml."""
    assert (
        "daemon.yaml: valid (2 processes, 3 expectations)\nnames.yaml: valid (3 processes, 2 expectations)\n"
        == told("validate", "daemon", "names.yaml", cwd=tmp_path)
    )


def test_validate_tells_what_a_scenario_is_made_of(tmp_path: Path) -> None:
    """All that it has is counted, and nothing that it has not."""
    assert (
        "main-fires-the-gun.yaml: valid (3 processes, 1 synchronization primitive, 10 steps, 2 expectations)\n"
        == told("validate", "main-fires-the-gun", cwd=tmp_path)
    )


def test_validate_tells_all_files(folder: Path) -> None:
    """One wrong file does not hide the others, nor does one that is not there; the status is 2."""
    done = call("validate", "missing.yaml", "wrong.yaml", "quick.yaml", cwd=folder)
    assert (2, "quick.yaml: valid (1 process)\n") == (done.returncode, done.stdout)
    assert done.stderr.startswith("run-scenario: there is no file 'missing.yaml' here")
    assert "\nwrong.yaml:2:1: error: unknown key 'processs'" in done.stderr
    assert "    2 | processs: []\n" in done.stderr
    assert "did you mean 'processes'?" in done.stderr


def test_a_file_comes_before_a_bundled_name(tmp_path: Path) -> None:
    """A file of one's own called like a bundled scenario is the one that is meant."""
    (tmp_path / "daemon.yaml").write_text(QUICK)
    assert "daemon.yaml: valid (1 process)\n" == told("validate", "daemon.yaml", cwd=tmp_path)


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    """A folder called like a bundled scenario does not hide it; any other is told to be a folder."""
    (tmp_path / "daemon").mkdir()
    (tmp_path / "mine").mkdir()
    assert "daemon.yaml: valid (2 processes, 3 expectations)\n" == told("validate", "daemon", cwd=tmp_path)
    assert "mine:1:1: error: this is a folder, not a file" in call("validate", "mine", cwd=tmp_path).stderr


def test_plan() -> None:
    """The main program's steps, in the words of Python."""
    lines = told("plan", "daemon-join").splitlines()
    assert (
        "1  worker_1 = Process(name='Worker 1', target=sleep, kwargs={'seconds': 30}, daemon=True)",
        "6  worker_1.join(1)",
    ) == (lines[0], lines[5])


MISTAKES = [
    (["deamon"], "there is no file 'deamon' here, and no bundled scenario of that name; did you mean 'daemon'?"),
    (["run", "quik.yaml"], "no bundled scenario of that name; did you mean 'quick.yaml'?"),
    (["./daemon.yaml"], "there is no file './daemon.yaml'; did you mean 'daemon'?"),
    (["validat", "x.yaml"], "did you mean the command 'validate'?"),
    (["list", "daemon", "--search", "join"], "'list NAME' prints one file: give it a NAME or --search, not both"),
    (["list", "deamon"], "there is no bundled scenario 'deamon'; did you mean 'daemon'?"),
    (["list", "deamons"], "there is no bundled scenario 'deamons'; did you mean 'daemons'?"),
    (["targets", "slep"], "there is no built-in target 'slep'; did you mean 'sleep'?"),
    (["quick.yaml", "--timout", "3"], "there is no option '--timout'; did you mean '--timeout'?"),
    (["quick.yaml", "--tim", "3"], "there is no option '--tim'; did you mean"),
    (
        ["quick.yaml", "--timeout", "soon"],
        "'soon' is not a number of seconds above 0 and up to 86400, such as 10 or 2.5",
    ),
    (["quick.yaml", "--timeout", "nan"], "'nan' is not a number of seconds"),
    (["quick.yaml", "--timeout", "0"], "'0' is not a number of seconds"),
    (["quick.yaml", "--allow", "mine.py"], "'mine.py' is not the name of a top-level package: mine"),
    (["quick.yaml", "--allow", "../x"], "'../x' is not the name of a top-level package, such as mypackage"),
    (["quick.yaml", "--start-method", "frok"], "invalid choice: 'frok'"),
    (["plan", "quick.yaml", "names"], "unexpected argument 'names': 'run-scenario plan' takes one FILE"),
    (["targets", "square", "sleep"], "unexpected argument 'sleep': 'run-scenario targets' takes one NAME"),
    (["schema", "foo"], "there is no schema 'foo'; there are scenario, expectations and event"),
    (["completion", "fish"], "there is no completion for 'fish'; there is one for bash, zsh, tcsh"),
    (["quick.yaml", "--log", "-", "--format", "console"], "give --log the path of a file"),
    (["python", "quick.yaml", "names"], "unexpected argument 'names': 'run-scenario python' takes one FILE"),
    (["plan"], "the following arguments are required: FILE"),
    (["exercise", "chek", "x"], "there is no command 'exercise chek'; did you mean 'check'?"),
    (["exercise", "grade"], "there is no command 'exercise grade'; there are list, new, check, hint"),
    (["exercise", "--runs", "3"], "there is no option '--runs'"),
    (["exercise", "new", "patience", "--runs", "3"], "there is no option '--runs'"),
    (["exercise", "new", "patients"], "there is no exercise 'patients': neither a folder nor a bundled one"),
    (["exercise", "new", "."], "the folder '.' is no exercise: it has no exercise.yaml and no starter.yaml"),
    (["exercise", "check", "patience.yaml"], "'run-scenario exercise new patience' writes it"),
    (["exercise", "check", "quick.yaml"], "quick.yaml does not say of which exercise it is"),
    (["exercise", "check", "patience", "--runs", "0"], "'0' is not a whole number above 0"),
    (["exercise", "hint", "patience", "9"], "there is no hint 9: patience has 3"),
    (["exercise", "hint", "patience", "two"], "'two' is not a whole number above 0"),
    (["run"], "the following arguments are required: FILE"),
    (["--verbose"], "there is no option '--verbose'"),
    (["\x1b[31m"], "there is no file '\\x1b[31m' here"),
    (["quick.yaml", "--\x1b[31m"], "there is no option '--\\x1b[31m'"),
]


@pytest.mark.parametrize(("arguments", "message"), in_part(MISTAKES))
def test_a_mistake(folder: Path, arguments: list[str], message: str) -> None:
    """A mistake on the command line has status 2, one kind sentence, no traceback, nothing on standard output."""
    done = call(*arguments, cwd=folder)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("run-scenario: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.replace("\n", "").isprintable()


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_scripts(shell: str) -> None:
    """Each script knows the commands, the options and the bundled scenarios."""
    script = told("completion", shell)
    assert all(word in script for word in ("validate", "start-method", "count-down"))
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


COMPLETIONS = [
    ("run-scenario val", {"validate"}),
    ("run-scenario count", {"count-down", "count.yaml"}),
    ("run-scenario che", {"check"}),
    ("run-scenario check count.txt count", {"count-down", "count.yaml"}),
    ("run-scenario co", {"compare", "completion", "count.yaml", *(name for name in NAMES if name.startswith("co"))}),
    ("run-scenario count.yaml ", {"count.yaml", *NAMES}),
    ("run-scenario count.yaml --timeo", {"--timeout"}),
    ("run-scenario --vers", {"--version"}),
    ("run-scenario --timeout 3 count", {"count-down", "count.yaml"}),
    ("run-scenario targets consume", {"consume", "consume_until_empty", "consume_until_timeout"}),
    ("run-scenario completion ", {"bash", "zsh", "tcsh"}),
    ("run-scenario run --log x count", {"count-down", "count.yaml"}),
    ("run-scenario count-down --start-", {"--start-method"}),
    ("run-scenario run --format ", {"auto", "console", "github", "json"}),
    ("run-scenario list count", {"count-down"}),
    ("run-scenario list daemons", {"daemons"}),
    ("run-scenario list --sea", {"--search"}),
    ("run-scenario schema ", {"scenario", "expectations", "event"}),
    ("run-scenario exercise ", {"list", "new", "check", "hint"}),
    ("run-scenario exercise check p", {"patience", "pass-it-on", "poison-pills"}),
    ("run-scenario exercise hint --exer", {"--exercise"}),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("line", "expected"), in_part(COMPLETIONS))
def test_completion_in_bash(tmp_path: Path, line: str, expected: set[str]) -> None:
    """Pressing the tab key in bash offers what fits: commands, options, files, bundled scenarios."""
    (tmp_path / "count.yaml").touch()
    (tmp_path / "count.txt").touch()
    script = told("completion", "bash")
    words = line.split(" ")
    press = f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words) - 1}; _run_scenario"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{press}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert expected == set(done.stdout.split())


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """`run-scenario … | head` ends without a word, with status 141."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (141, "") == (done.returncode, done.stderr)


def test_a_full_disk() -> None:
    """Standard output that takes nothing is an error with status 4."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (4, "run-scenario: cannot write to standard output: no space left on device\n") == (
        done.returncode,
        done.stderr,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(folder: Path, closed: str) -> None:
    """A closed stream is no reason to fail, and no file gets its number: the log holds nothing but the log."""
    done = subprocess.run(f"{COMMAND} quick.yaml --log log.jsonl {closed}", shell=True, cwd=folder, timeout=60)
    assert 0 == done.returncode
    events = [json.loads(line)["event"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert ("scenario.started", "scenario.finished") == (events[0], events[-1])


@pytest.mark.parametrize(
    "arguments", [["list"], ["validate", "daemon"], ["plan", "daemon"], ["python", "daemon"], ["--help"]]
)
def test_a_terminal_that_only_knows_ascii(arguments: list[str], tmp_path: Path) -> None:
    """A character that the output cannot say is no reason to fail."""
    done = call(*arguments, cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.isascii()


LIGHT = [["--version"], ["--help"], ["list"], ["targets"], ["schema"], ["run", "--help"]]


@pytest.mark.parametrize("arguments", LIGHT)
def test_light_commands_import_little(arguments: list[str]) -> None:
    """What costs a tenth of a second to import is not imported by a command that does not need it."""
    program = (
        "import sys\nfrom run_scenario.cli import main\n"
        f"main({arguments!r})\n"
        "heavy = {'rich', 'structlog', 'jsonschema', 'shtab', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "[]\n" == done.stderr


def test_an_interrupt_in_a_library(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """What argparse does at last may fail where Ctrl-C has come between: that is no fault of ours."""

    def interrupted(arguments: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise AttributeError("save_nargs")

    monkeypatch.setattr("run_scenario.cli.entry_point.parse", interrupted)
    assert 130 == main(["list"])
    assert ("", "run-scenario: interrupted\n") == capfd.readouterr()


def test_no_command_chooses_its_format_by_itself() -> None:
    """`output_format` alone looks at --format: a command asks it for a decision, or for sinks."""
    commands = Path(run_scenario.__file__).parent / "cli" / "commands"
    with_format = [path.stem for path in commands.glob("*.py") if "add_format(" in path.read_text()]
    wanted = {"run", "check", "compare", "exercise", "explore", "grade", "inspect", "predict", "recover", "replay"}
    assert wanted == set(with_format)
    for path in commands.glob("*.py"):
        read = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert "options.format" not in read, path
        if path.stem in with_format:
            assert "output_format import" in path.read_text(), path


@pytest.mark.parametrize(
    ("format_", "log", "terminal", "expected"),
    [
        ("auto", None, True, OutputFormat.CONSOLE),
        ("auto", None, False, OutputFormat.JSON),
        ("github", None, False, OutputFormat.CONSOLE),
        ("auto", "my.jsonl", True, OutputFormat.CONSOLE),
        ("auto", "-", True, OutputFormat.JSON),
        ("json", None, True, OutputFormat.JSON),
        ("console", None, False, OutputFormat.CONSOLE),
        ("console", "my.jsonl", False, OutputFormat.CONSOLE),
    ],
)
def test_console_or_json(
    monkeypatch: pytest.MonkeyPatch, format_: str, log: str | None, terminal: bool, expected: OutputFormat
) -> None:
    """--format decides; without it a terminal gets the console view, unless the log is to go there."""
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: terminal))
    assert expected is OutputFormat.chosen(Namespace(format=format_), log)


def test_the_console_view_and_the_log_do_not_share_standard_output() -> None:
    """What asks for both is refused, by every command alike."""
    with pytest.raises(UsageError, match="both want standard output"):
        OutputFormat.chosen(Namespace(format="console"), "-")
