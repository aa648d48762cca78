"""What CPython keeps private, and this package leans on: one name here for each, with the reason.

A private or undocumented attribute of *another's* object is read or replaced in this module alone
(tests/unit/test_runtime_cpython.py holds that). Four places have private names of their own, and cannot do without:

    primitives/queues.py, sync.py, shared.py, pipes.py   subclasses: they call and override what their base class has
    primitives/wire.py                                   the messages of a Connection, with its private methods
    recording/describe.py                                what it describes may have no code run, such as a property
    platform/system.py                                   the command lines of fork server and resource tracker

docs/explanation/cpython-internals.md is the table of all of them: since when each is there, and what breaks without it.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import process, util
from multiprocessing.process import BaseProcess
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any
from weakref import WeakSet

from run_scenario.recording.replacements import replace, when_put_back

FORKSERVER_EXITCODE = struct.Struct("q")
"""How the fork server writes a child's exit code into the pipe that is the child's sentinel."""
FORKSERVER_LOST = 255
"""The exit code that multiprocessing makes up for the children of a fork server that does not answer."""
_FORWARDING = "<run-scenario forwards this call>"
"""Stands for the file of functions that are called in the place of others; see `forward`."""
_PRIMITIVES = "run_scenario.runtime.primitives."
_CONTROL = "run_scenario.runtime.control."
_HAVE_THREADS = frozenset({"multiprocessing", "concurrent"})
"""Packages with threads of their own, whose failures are told otherwise."""
_POPEN_FORKSERVER = os.path.join("multiprocessing", "popen_forkserver.py")
BRING_EXIT_FUNCTION = tuple(
    f"multiprocessing.{name}"
    for name in (
        *("connection", "forkserver", "heap", "managers", "pool", "popen_fork", "popen_spawn_posix", "queues"),
        *("resource_sharer", "resource_tracker", "shared_memory", "synchronize"),
    )
)
"""Modules that import multiprocessing.util, which registers its function with atexit when it is imported."""
_POOL_THREADS = {
    "_worker_handler": "workers",
    "_task_handler": "tasks",
    "_result_handler": "results",
    "_executor_manager_thread": "executor",
}
"""Attribute of a Pool or ProcessPoolExecutor that holds one of its own threads -> what that thread is for."""


# The beginning and the end of a program


def run_as_main(module: str = "__main__") -> None:
    """Run a module as `python -m` does, in `sys.modules["__main__"]`, which it stays.

    Without a name, it is the `__main__` of a folder or a zip file that is the first entry of `sys.path`.
    """
    import runpy  # only a recorded module needs it

    # run_module() takes __main__ away at its end.
    runpy._run_module_as_main(module, alter_argv=module != "__main__")  # type: ignore[attr-defined]


def wait_for_threads() -> None:
    """Wait for threads that are no daemons, as the interpreter does at the end of a script.

    What is raised there, by a function that is called before or by Ctrl-C, it only writes to standard error.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # runs only when the interpreter ends, and ours goes on
    except BaseException as error:
        import traceback  # hardly anybody needs it

        where = "on threading shutdown:" if sys.version_info >= (3, 13) else f"in: {threading!r}"
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        told = traceback.format_exception(type(error), error, frames)
        if sys.stderr is not None:
            sys.stderr.write("".join((f"Exception ignored {where}\n", *told)))
            sys.stderr.flush()


def run_exit_functions() -> None:
    """Call what is registered with atexit, as the interpreter does at the end of a script."""
    atexit._run_exitfuncs()  # the main program is a fork, which ends by os._exit()


def forget_exit_functions() -> None:
    """Leave of the functions registered with atexit none, as at the beginning of a script."""
    atexit._clear()  # a fork has inherited those of the command


@functools.cache
def register_exit_function() -> None:
    """Register multiprocessing's own with atexit, once: what was registered before is called after it."""
    atexit.register(util._exit_function)  # type: ignore[attr-defined]  # ends daemons, joins children, flushes queues


def let_go_of_process_at_end() -> None:
    """Have a process that was spawned let go of its object, and so of its target, before its interpreter ends.

    Modules of ours that live to the very end, by a hook of os.fork() for one, lead to multiprocessing's, these to the
    object, and its target to all that the script's module holds: that would end when nothing can be printed any more.
    """
    if "--multiprocessing-fork" in sys.orig_argv:  # others end by os._exit()
        atexit.register(_replace_current_process)


def _replace_current_process() -> None:
    current, like = process.current_process(), BaseProcess.__new__(multiprocessing.Process)
    vars(like).update({name: value for name, value in vars(current).items() if name in _WHO_IT_IS})
    process._current_process = like  # type: ignore[attr-defined]


_WHO_IT_IS = frozenset({"_identity", "_config", "_parent_pid", "_parent_name", "_popen", "_closed", "_name"})
"""What a process's object has besides its call and what the script has stored there."""


def calls_exit_functions() -> bool:
    """Tell whether a process that multiprocessing has started calls what was registered with atexit in it."""
    # Up to 3.12 a forked one ends by os._exit(); a spawned one is a program like any other.
    return sys.version_info >= (3, 13) or multiprocessing.get_start_method(allow_none=True) == "spawn"


def when_threads_start(note: Callable[[int, str], None]) -> None:
    """Have `note` called in each thread that is started from now on, with its native id and its name."""
    plainly: Callable[[threading.Thread], None] = threading.Thread._set_native_id  # type: ignore[attr-defined]
    if hasattr(plainly, "noted"):
        return

    def set_native_id(self: threading.Thread) -> None:
        plainly(self)  # what else a thread does first, a subclass may have replaced
        if self is not threading.main_thread() and self.native_id is not None:
            note(self.native_id, self.name)

    set_native_id.noted = True  # type: ignore[attr-defined]
    replace(threading.Thread, "_set_native_id", set_native_id)


def before_threads_fail(
    change: Callable[[BaseException], None], note: Callable[[str, BaseException], None] | None = None
) -> None:
    """Have `change` called with each exception that ends a thread, before it is shown.

    `note` is called before that, for a thread that own code has started, with its name; not for one of a pool.
    """
    plainly = threading.excepthook
    if hasattr(plainly, "changing"):
        return

    def excepthook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            if note is not None and args.thread is not None and _package_of(args.exc_traceback) not in _HAVE_THREADS:
                note(args.thread.name, args.exc_value)
            change(args.exc_value)
            trace = args.exc_value.__traceback__
            args = threading.ExceptHookArgs((args.exc_type, args.exc_value, trace, args.thread))
        plainly(args)

    excepthook.changing = change  # type: ignore[attr-defined]
    replace(threading, "excepthook", excepthook)


def _package_of(trace: TracebackType | None) -> str:
    """Return the top-level package of what a thread runs that has failed."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__") == "threading":
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def frames_of_caller() -> Iterator[FrameType]:
    """Yield the frames of the code that has called the function which asks, the innermost first."""
    frame: FrameType | None = sys._getframe(2)  # `inspect` is not worth its import here
    while frame is not None:
        if frame.f_code.co_filename != _FORWARDING:
            yield frame
        frame = frame.f_back


def package_of_caller() -> str:
    """Return the top-level package of the code that has called the function which asks."""
    frame: FrameType | None = sys._getframe(2)  # `inspect` is not worth its import here
    name = ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith(_CONTROL):  # which stands for functions of `os`
            break
        frame = frame.f_back
    return name.partition(".")[0]


def copied(function: Any) -> Any:
    """Return a function that does what this one does now."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def forward(function: Any, module: str, expression: str) -> None:
    """Have a function hand its calls on, until all is put back, whoever has it by whatever name.

    To what, an expression says, which begins with a name of a module. The function must not be a closure.
    """
    name, imported = function.__name__, expression.partition("[")[0]
    text = f"def {name}(*args, **kwargs):\n from {module} import {imported}\n return {expression}(*args, **kwargs)\n"
    made: dict[str, Any] = {}
    exec(compile(text, _FORWARDING, "exec"), made)
    before = function.__code__, function.__defaults__, function.__kwdefaults__

    def become(code: CodeType, defaults: Any, kwdefaults: Any) -> None:
        function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, kwdefaults

    become(made[name].__code__, None, None)
    when_put_back(lambda: become(*before))


# Processes


def popen_of(started: BaseProcess) -> Any:
    """Return what a started process is waited for with: it has `pid`, `returncode`, `poll`, `terminate`, `method`."""
    return started._popen  # type: ignore[attr-defined]  # no public attribute tells how and when it was waited for


def is_started(made: BaseProcess) -> bool:
    """Return whether a process was started: by whomever, be it the one that this one was forked from."""
    return getattr(made, "_popen", None) is not None  # `ident` is the current one's, too, which nobody starts


def is_parent_of(started: BaseProcess) -> bool:
    """Return whether it was this process that has started another."""
    parent: int = started._parent_pid  # type: ignore[attr-defined]  # a forked child inherits the objects
    return parent == os.getpid()


def bootstrap_of(base: type[BaseProcess]) -> Callable[..., int]:
    """Return the method in which each child begins, whatever its class, before `run` is called."""
    method: Callable[..., int] = base._bootstrap  # type: ignore[attr-defined]
    return method


def replace_bootstrap(base: type[BaseProcess], method: Callable[..., int]) -> None:
    """Have each child begin in another method."""
    replace(base, "_bootstrap", method)  # `run` is overridden by subclasses, and is no place


def prepare_children_with(prepare: Callable[..., None], state: Callable[[str], tuple[Any, ...] | None]) -> None:
    """Have each child that is not forked call `prepare`, once, before it imports the script.

    `state` returns with what, for the name of the child; None: it is not called. Of several, the first is called first.
    """
    from multiprocessing import spawn

    plainly = spawn.get_preparation_data
    known = getattr(plainly, "known", frozenset[str]())
    key = f"{prepare.__module__}.{prepare.__name__}"
    if key in known:
        return

    def data(name: str) -> dict[str, Any]:
        arguments = state(name)
        # A child takes what it knows of these, and leaves the rest.
        return {**plainly(name), **({} if arguments is None else {key: _Called(prepare, arguments)})}

    data.known = known | {key}  # type: ignore[attr-defined]
    replace(spawn, "get_preparation_data", data)


class _Called:
    """What is called by whoever unpickles it."""

    def __init__(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        guest = sys.modules.get("run_scenario.runtime.script.guest")
        return guest.unpickled_in_child(*self._call) if guest else self._call


def is_initialized(made: BaseProcess) -> bool:
    """Return whether the constructor of `Process` has been called, which a subclass may have forgotten."""
    return hasattr(made, "_popen")


def target_of(made: BaseProcess) -> str:
    """Return what a process calls: `module:function`, or the name of its own class if that says what it does."""
    target: Any = getattr(made, "_target", None)
    return name_of(type(made) if target is None else target)


def call_of(made: BaseProcess) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return what a process calls, and with which arguments."""
    return getattr(made, "_target", None), getattr(made, "_args", ()), getattr(made, "_kwargs", {})


def typecode_of(raw: Any) -> str:
    """Return the type code of a simple ctypes object, or of the elements of an array of those."""
    kind: Any = type(raw)
    return str(getattr(kind._type_, "_type_", kind._type_))


def start_method_of(made: BaseProcess) -> str:
    """Return how a process is started: as its class has it, which its context has chosen."""
    return getattr(made, "_start_method", None) or multiprocessing.get_start_method()


def name_of(called: Any) -> str:
    """Return how something that is called is named in a log: `module:function`, of the script itself the name alone."""
    name = getattr(called, "__qualname__", None) or type(called).__qualname__
    module = getattr(called, "__module__", None)
    owner = getattr(called, "__self__", None)
    if owner is not None and str(module).startswith(_PRIMITIVES):  # a method of what stands for multiprocessing's own
        plain = next((base for base in type(owner).__mro__ if base.__module__.startswith("multiprocessing.")), None)
        if plain is not None:
            module, name = plain.__module__, f"{plain.__qualname__}.{called.__name__}"
    return str(name) if module in (None, "__main__", "__mp_main__") else f"{module}:{name}"


def interpreter_flags_with(flag: str) -> None:
    """Have the interpreters that multiprocessing starts from now on get one more flag."""
    flags: Callable[[], list[str]] = util._args_from_interpreter_flags  # type: ignore[attr-defined]
    # set_executable() takes a path alone, and no flags with it.
    util._args_from_interpreter_flags = lambda: [*flags(), flag]  # type: ignore[attr-defined]


def set_semaphore_prefix(prefix: str) -> None:
    """Have the names of semaphores that are created here, or in children, begin with this."""
    _config()["semprefix"] = prefix  # by their names they can be found and removed when everybody has been killed


def semaphore_prefix() -> str:
    """Return what the names of semaphores begin with."""
    prefix: str = _config()["semprefix"]
    return prefix


def name_memory_after_run(module: Any) -> None:
    """Have blocks of shared memory without a name get one that begins like those of semaphores.

    `module` is multiprocessing.shared_memory.
    """
    module._make_filename = lambda: f"{semaphore_prefix()}-{os.urandom(4).hex()}"  # to be found, as semaphores are


def memory_file(block: Any) -> str:
    """Return which file of the system a block of shared memory is, as `DEVICE-INODE`: its name may be given again."""
    status = os.fstat(block._fd)
    return f"{status.st_dev:x}-{status.st_ino:x}"


def is_mapped(block: Any) -> bool:
    """Return whether a block of shared memory is not closed yet, as far as it can be: `buf` may be gone before."""
    return block._mmap is not None


def tracker_of(block: Any) -> int:
    """Return the process id of the resource tracker that a block of shared memory is registered with; 0: not known."""
    return resource_tracker_pid() if getattr(block, "_track", True) else 0  # from 3.13 on it need not be


def allocated_offsets(row: Any) -> list[int]:
    """Return where the elements of a ShareableList begin, and where the last one ends."""
    offsets: list[int] = row._allocated_offsets  # what fits into an element was decided when the list was made
    return offsets


def set_socket_folder(folder: str) -> None:
    """Have fork server and managers listen in this folder."""
    _config()["tempdir"] = folder  # otherwise it is a new one, which nobody removes when everybody has been killed


def socket_folder() -> str | None:
    """Return the folder in which fork server and managers listen; None: there is none yet."""
    folder: str | None = _config().get("tempdir")
    return folder


def _config() -> dict[str, Any]:
    config: dict[str, Any] = process.current_process()._config  # type: ignore[attr-defined]  # children inherit it
    return config


# Fork server and resource tracker


def resource_tracker_pid() -> int:
    """Return the process id of this process's resource tracker; 0 if there is none."""
    return _pid_of("resource_tracker", "_resource_tracker", "_pid")


def fork_server_pid() -> int:
    """Return the process id of this process's fork server; 0 if there is none."""
    return _pid_of("forkserver", "_forkserver", "_forkserver_pid")


def _pid_of(module: str, variable: str, attribute: str) -> int:
    # Whoever has not imported the module has not started it; to import it here would be a cost for everybody.
    loaded = sys.modules.get(f"multiprocessing.{module}")
    return (getattr(getattr(loaded, variable), attribute) or 0) if loaded else 0


def is_hang_up(error: BaseException) -> bool:
    """Return whether an error is what a fork server that cannot fork leaves to the process that asked it to."""
    if not isinstance(error, EOFError):
        return False
    frames = error.__traceback__  # the error says nothing of its cause: only where it was raised does
    while frames is not None and not frames.tb_frame.f_code.co_filename.endswith(_POPEN_FORKSERVER):
        frames = frames.tb_next
    return frames is not None


def keep_tracker_silent_after(path: str) -> None:
    """Have resource trackers that are started from here say nothing of what is left once there is a file of that path.

    They complain of every semaphore whose programs were ended before they could unregister it.
    """
    plainly: Callable[..., int] = util.spawnv_passfds
    begin = "from multiprocessing.resource_tracker import main;"
    quiet = (
        "import os, warnings; show = warnings.showwarning; "
        f"warnings.showwarning = lambda *about, **more: os.path.exists({path!r}) or show(*about, **more); "
    )

    def spawn(executable: Any, arguments: list[str], descriptors: Any) -> int:
        *others, last = arguments  # the tracker is a command line, and is open to nothing else
        return plainly(executable, [*others, last.replace(begin, quiet + begin)], descriptors)

    util.spawnv_passfds = spawn  # type: ignore[assignment]


# Queues, locks and connections


def start_feeder_with(queue: Any, pickler: Any) -> Callable[[Any], None]:
    """Return the method of the class `queue` that starts a queue's feeder, as this Python has it, with another pickler.

    Both methods find class and pickler among the globals of their module: the same code gets others.
    """
    feed = staticmethod(_with_globals(queue._feed, _ForkingPickler=pickler))
    started: Callable[[Any], None] = _with_globals(
        queue._start_thread, Queue=type("Feeding", (queue,), {"_feed": feed})
    )
    return started


def _with_globals(function: Any, **others: Any) -> Any:
    return FunctionType(function.__code__, {**function.__globals__, **others}, function.__name__)


def semlock_of(lock: Any) -> Any:
    """Return the C object in a lock or semaphore: `acquire` and `release` of it are recorded by nobody."""
    return lock._semlock


def is_held_here(lock: Any) -> bool:
    """Tell whether this thread has a lock, of which it may be asked only if it has an owner."""
    held: bool = lock._semlock._is_mine()  # a condition asserts that, and nothing happens otherwise
    return held


def element_type(array: Any) -> Any:
    """Return the C type of a ctypes array's elements."""
    return array._type_  # documented for ctypes; what a write would store is tried with it


def in_memory_of(plain: Any, kind: Any, reduce: Callable[[Any], Any]) -> Any:
    """Return an object of another type in the memory of a RawValue or RawArray; `reduce` pickles it for a child."""
    from multiprocessing import reduction, sharedctypes

    made = sharedctypes.rebuild_ctype(kind, plain._wrapper, None)  # type: ignore[attr-defined]
    reduction.ForkingPickler.register(kind, reduce)  # in place of what has just been registered
    return made


def lock_of(condition: Any) -> Any:
    """Return the lock of a condition between threads."""
    return condition._lock


def waiters_of(condition: threading.Condition) -> Any:
    """Return what holds who waits for a condition, as long as it is there: to be read with its lock held."""
    return condition._waiters  # type: ignore[attr-defined]  # notify() asks twice whose the lock is before it looks


def is_zero(semaphore: Any) -> bool:
    """Return whether a semaphore's value is 0."""
    zero: bool = semaphore._semlock._is_zero()  # get_value() raises NotImplementedError on macOS
    return zero


def take_descriptor(connection: Any) -> int:
    """Take its descriptor from a connection, which is closed then, as far as it knows."""
    descriptor: int = connection._handle
    connection._handle = None  # otherwise it closes the descriptor when it is collected
    return descriptor


# Pools and managers


def pool_threads(pool: Any) -> Iterator[threading.Thread]:
    """Yield the threads that a Pool or a ProcessPoolExecutor has for itself, those that are started already."""
    for name in _POOL_THREADS:  # each has some of them
        thread = getattr(pool, name, None)
        if thread is not None:
            yield thread


def threads_of_executors() -> set[threading.Thread]:
    """Return the threads that concurrent.futures has end when the main thread is over, unless they are busy."""
    kept = {"concurrent.futures.thread": "_threads_queues", "concurrent.futures.process": "_threads_wakeups"}
    return {thread for module, name in kept.items() for thread in getattr(sys.modules.get(module), name, ())}


def kind_of_pool_thread(pool: Any, thread: threading.Thread | None) -> str:
    """Return what a thread does for a pool, as in `_POOL_THREADS`; empty if it is none of the pool's own."""
    return next((kind for name, kind in _POOL_THREADS.items() if thread and getattr(pool, name, None) is thread), "")


def pool_thread_was(traceback: TracebackType | None) -> str:
    """Return what a pool's thread was in when it failed: unpickling, a callback, or other."""
    doing = "other"
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if (os.path.basename(code.co_filename), code.co_name) == ("connection.py", "recv"):
            return "unpickling"
        if (os.path.basename(code.co_filename), code.co_name) == ("pool.py", "_set"):
            doing = "callback"
        traceback = traceback.tb_next
    return doing


def was_taking_task(traceback: TracebackType | None) -> bool:
    """Tell whether a pool's worker failed while it took its next task: that cannot be unpickled."""
    caller = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        here = os.path.basename(code.co_filename), code.co_name
        if here == ("queues.py", "get") and caller in (("pool.py", "worker"), ("process.py", "_process_worker")):
            return True
        caller, traceback = here, traceback.tb_next
    return False


def when_feeder_starts(executor: Any, note: Callable[[threading.Thread], None]) -> None:
    """Have `note` called with the thread that hands an executor's tasks on, once it has started."""
    queue = executor._call_queue  # its thread is started by another thread, at some later time
    start = queue._start_thread

    def started() -> None:
        start()
        note(queue._thread)

    queue._start_thread = started


def context_for_executor(max_tasks_per_child: int | None) -> Any:
    """Return the context that a ProcessPoolExecutor takes if none is given."""
    context = multiprocessing.get_context()
    if max_tasks_per_child is not None and context.get_start_method() == "fork":
        return multiprocessing.get_context("spawn")  # as its constructor has it: a fork there would not be safe
    return context


def manager_process(manager: Any) -> BaseProcess:
    """Return the process of a manager that has been started here."""
    started: BaseProcess = manager._process
    return started


def is_managers(made: BaseProcess) -> bool:
    """Return whether a process that is to be started is a manager's."""
    target = getattr(made, "_target", None)
    return getattr(target, "__name__", "") == "_run_server" and target.__module__ == "multiprocessing.managers"


def before_manager_serves(made: BaseProcess, begin: Callable[..., None], run: Any) -> None:
    """Have `begin` called in a manager's process before it serves.

    It is called with `run`, and the manager's own initializer, which it has to call, and its arguments.
    """
    *others, initializer, initargs = made._args  # type: ignore[attr-defined]
    made._args = (*others, begin, (run, initializer, initargs))  # type: ignore[attr-defined]


def serve_under(manager: Any, name: str, make: Callable[[], Any], proxy: Any) -> None:
    """Have this manager alone, which is not started yet, serve what `make` returns."""
    # As register() notes it, but not for the whole class: others serve something else under the same name.
    entry = make, getattr(proxy, "_exposed_", None), None, proxy
    manager._registry = {**type(manager)._registry, name: entry}


def note_what_managers_make(base: Any, note: Callable[[Any, str, tuple[Any, ...]], None]) -> None:
    """Have `note` called with the key of what a manager has made (see `proxy_key`), its name, and what was given.

    Those that are marked as a scenario's are left out.
    """
    plainly = base._create
    if hasattr(plainly, "noted"):
        return

    def create(self: Any, kind: str, /, *args: Any, **kwargs: Any) -> Any:
        token, exposed = plainly(self, kind, *args, **kwargs)
        if not getattr(self, "is_described", False):
            note((token.address, token.id), kind, (*args, *kwargs.values()))
        return token, exposed

    create.noted = True  # type: ignore[attr-defined]
    replace(base, "_create", create)


def mark_as_described(manager: Any) -> None:
    """Mark a manager as one that a scenario describes, before it starts: what it does is told by who runs that."""
    manager.is_described = True


def note_managers(
    base: Any,
    started: Callable[[Any], None],
    end: Callable[[BaseProcess], int | None],
    shut_down: Callable[[BaseProcess], None],
) -> None:
    """Have `started` called with each manager that starts, and `shut_down` with the process of each that was stopped.

    Before that, `end` is called with the process, and returns its exit code: None, unless it has ended by itself.
    Each way to stop one leads through here: shutdown(), `with`, and the end of the program. Those that are marked as a
    scenario's are left out.
    """
    start_plainly, finalize_plainly = base.start, base._finalize_manager
    if hasattr(start_plainly, "__wrapped__"):
        return
    described: WeakSet[BaseProcess] = WeakSet()

    @functools.wraps(start_plainly)
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        start_plainly(self, *args, **kwargs)
        if getattr(self, "is_described", False):
            described.add(self._process)
        else:
            started(self)

    def finalize(process: BaseProcess, *args: Any) -> None:
        if process in described:
            finalize_plainly(process, *args)
            return
        has_failed = end(process)  # so it was not this that has ended it
        finalize_plainly(process, *args)
        if not has_failed:
            shut_down(process)

    replace(base, "start", start)
    replace(base, "_finalize_manager", staticmethod(finalize))


def is_proxy(made: Any) -> bool:
    """Return whether something stands for what a manager holds; it is not asked itself, and no module is imported."""
    managers = sys.modules.get("multiprocessing.managers")
    return managers is not None and issubclass(type(made), managers.BaseProxy)


def proxy_key(proxy: Any) -> tuple[Any, str]:
    """Return the address of a proxy's manager, and the id of its object there."""
    return proxy._token.address, proxy._id


def is_releasable(shown: str) -> bool:
    """Tell by the representation of a Lock, a Condition or a BoundedSemaphore of `threading` if it can be released."""
    # A manager answers no other question about them that changes nothing.
    _, of_semaphore, values = shown.partition(": value=")
    if of_semaphore:
        value, _, initial = values.rstrip(">").partition("/")
        return value != initial
    return "<unlocked " not in shown


def proxy_call(base: Any) -> Callable[..., Any]:
    """Return the method of the class `base` (BaseProxy) that every call of a proxy goes through."""
    method: Callable[..., Any] = base._callmethod
    return method


def replace_proxy_call(base: Any, method: Callable[..., Any]) -> None:
    """Have every call of a proxy go through another method."""
    if proxy_call(base) is not method:
        replace(base, "_callmethod", method)  # proxies' classes are made by managers: a subclass would not be used
