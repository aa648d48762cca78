"""Numbers used inside segments: record codes and kinds of waiting.

A record is a msgpack array `[t, code, *fields]` with `t` in nanoseconds of the monotonic clock. `process` and
`queue` fields are positions in the scenario's lists; -1 stands for the main program. `since` is the monotonic
time at which a wait began. Descriptions of items are made by `recording.describe`.
"""

from __future__ import annotations

# An answer that a process gets over and over is one record, with two fields more at its end: how often, and
# until when (see `polling`).
CONTENT = 26  # before the poll that refers to it               number, place, content: what no fixed record can hold

# Life of a process, recorded by whoever does it.              fields after the code
STARTING = 1  # main program, before start()                   process, name, its own other threads if it forks
STARTED = 2  # first thing in the child                        process, pid, ppid, parent name, daemon
FINISHED = 3  # the target returned                            process, usage
EXITING = 4  # the target called sys.exit()                    process, exit code or text, usage
FAILED = 5  # the target raised                                process, exception type, message, traceback, usage, …
JOINING = 6  # main program                                    process, timeout or None
JOINED = 7  # main program                                     process, exit code, since
JOIN_TIMED_OUT = 8  # main program                             process, timeout, since
ALIVE = 9  # answer of is_alive()                              process, alive
TERMINATING = 10  # main program, before SIGTERM is sent       process, why ("step" or "daemon")
KILLING = 11  # main program, before SIGKILL is sent           process, why
INTERRUPTING = 43  # main program, before SIGINT is sent       process, why
REAPED = 12  # main program, after waitpid                     process, pid, exit code, usage
EXIT_SEEN = 13  # supervisor, when the pidfd shows it               process, pid, exit code or None, usage
ORPHANED = 14  # supervisor: lost its parent                        pid, command, its pid (0: not known)
SWEEPING = 15  # supervisor, before it sends a signal               pid, signal number, why, whether it sees ends
START_RETURNED = 17  # main program, after start()              process, pid
NOT_ENDED = 24  # supervisor: it is, or may be, left behind         pid, state: as in proc(5), ? or None
LINGERING = 18  # in the child, after its target               process, names of threads that go on
MISREPORTED = 19  # main program: the fork server is gone      process, exit code that poll() gives
ATEXIT_MISSED = 25  # in the child, after its target: what was registered is not called   names of functions
OWN_THREAD_FAILED = 67  # in the thread, at its end            its name, exception type, message
START_FAILED = 16  # main program: start() raised              process, exception type, message
RAISING_SIGNAL = 46  # before it sends a signal to itself      signal number
# What a program makes that no scenario describes: from then on its records name it by a number, counted in its run.
RESOURCE_MADE = (
    28  # before anything else of it                number, class, variable, file, line, size, its lock, more
)
POOL_CALL_MADE = (
    45  # before it is called               pool, call, method, function, callback, error callback, file, line
)
NOT_RECORDED = 44  # what of it is not recorded                 text
PROCESS_MADE = (
    29  # its parent, before it is started           number, name, target, daemon, path, arguments, start method, ...
    #                                                  the recorded objects that it is given, whether these are all
)
FORKING = 41  # a copy is about to be made by os.fork()         number, function, file, line, its own other threads
WAITED_FOR = 42  # own code has waited for a child               pid, exit code, usage
THREAD_NAMED = 47  # first thing in a thread                    native thread id, name
RESTARTING = 27  # its parent, before it is started again      process, how often before, its exit code

# Life of a worker that is a thread of the main program, or a plain call in it.
THREAD_STARTED = 22  # first thing in the thread               process, native thread id, identifier, daemon
THREAD_ENDED = 23  # last thing in the thread                  process, usage

# Output and logging of a target.
OUTPUT = 20  #                                                 stream (1 or 2), text, by logging
LOGGED = 21  #                                                 via, level, logger, message, fields

# Queues, by position in the scenario.
PUT = 30  # before the item can be got                         queue, stamp, item, since, is an object, form
GET = 31  #                                                    queue, stamp, item (or SAME), since
# What gives up after a timeout has it in ns, and one more (see `recorder.packed_timeout`).
EMPTY = 32  # answer of empty(), or get() gave up              queue, answer, 0; 1 by get(), more: after its timeout
FULL = 33  # answer of full(), or put() gave up                queue, answer, the same by put()
TASK_DONE = 34  #                                              queue
QUEUE_JOINING = 35  #                                          queue
QUEUE_JOINED = 36  #                                           queue, since
CLOSED = 37  #                                                 queue
THREAD_JOINED = 38  #                                          queue, since
DROPPED = 39  # the feeder could not pickle it, or may not send it   queue, stamp, item, error, whether it is too large
GET_FAILED = 49  # what was taken could not be unpickled       queue, stamp, error

# Ends of pipes, by the pipe's position among the scenario's resources: resource, end (0 left, 1 right), value, since.
PIPE_SENT = 60  # before it; value: the object
PIPE_RECEIVED = 61
PIPE_EOF = 62  # recv() raised EOFError
PIPE_BROKEN = 63  # send() or recv() raised OSError            resource, end, error, whether it was sending
PIPE_POLLED = 64  # value: poll()'s answer; end: with twice its timeout
PIPE_CLOSED = 65  # before it
PIPE_SEND_WAITED = 66  # after a send() that did not come back at once: there was no room, or no processor

# Synchronization objects, by position among the scenario's resources: resource, timeout or 0, value, since.
ACQUIRED = 70  # after it; since: when it began to wait
NOT_ACQUIRED = 71  # acquire() gave up
ACQUIRING = 72  # before it waits
RELEASED = 73  # before it
EVENT_SET = 80  # before it
EVENT_CLEARED = 81
EVENT_ASKED = 82  # is_set(); value: its answer
EVENT_WAITING = 83
EVENT_WAITED = 84  # value: whether it was set
CONDITION_WAITING = 85
CONDITION_WOKEN = 86  # value: whether it was notified
CONDITION_NOTIFIED = 87  # before it; value: how many at most
BARRIER_WAITING = 88
BARRIER_PASSED = 89  # value: what wait() returned
BARRIER_BROKEN = 90  # wait() raised
BARRIER_ABORTED = 91
BARRIER_RESET = 92

# Values and arrays, by position among the scenario's resources: resource, index of the element, content, 0.
VALUE_READ = 100  # after it
VALUE_WRITTEN = 101  # before it
ARRAY_READ = 102
ARRAY_WRITTEN = 103
VALUE_FINAL = 104  # at the end of the main program             resource, content
MEMORY_CREATED = 105  # a block of shared memory                resource, its name, its size, resource tracker's pid
MEMORY_ATTACHED = 106  #                                        the same
MEMORY_CLOSED = 107  #                                          resource
MEMORY_UNLINKED = 108  # before it; of own code: after it       resource
MEMORY_LEFT = 109  # supervisor: it is still there at the end        resource

# Managers.
MANAGER_STARTED = 110  #                                        name and pid of its process, address
MANAGER_SHUT_DOWN = 111  #                                      name and pid of its process
MANAGER_CALLED = (
    112  # of a proxy, after it                    resource, method, arguments, keywords, result, error, since
)
MANAGER_FAILED = 114  # who has started it stops it, and it has ended   pid, exit code
MANAGER_LOST = 113  # supervisor                                     pid, exit code or None

# Pools, by position among the scenario's resources; calls count from 1, tasks from 0.
POOL_CREATED = 120  #                                           pool, processes
POOL_WORKER_STARTED = 121  # by the worker                      pool, name, pid, ppid, other threads of who forks it
POOL_WORKER_FAILED = 122  # outside of a task                   pool, exception, message, what it did
POOL_WORKER_REAPED = 123  #                                     pool, pid, exit code, name, usage, who has terminated it
POOL_CRASH_LOOP = 124  #                                        pool, workers started, whether it goes on
POOL_CALLED = 125  #                              pool, call, tasks; path, arguments, input, chunk size, callbacks
POOL_TASK_STARTED = 126  # by the worker                        pool, call, task, arguments
POOL_TASK_FINISHED = 127  #                                     pool, call, task, result
POOL_TASK_FAILED = (
    128  #                                       pool, call, task, exception, message, no Exception, null input
)
POOL_RESULT = 129  # one of imap()                              pool, call, position, result, since
POOL_RETURNED = 130  # all of map(), the one of apply()         pool, call, result, since
POOL_CALL_FAILED = (
    131  #                                       pool, call, exception, message; timeout in seconds, if any
)
POOL_CLOSED = 132
POOL_TERMINATED = 133  # before it                              pool, what does it if no call does
POOL_JOINED = 134  #                                            pool, since
POOL_THREAD_FAILED = 135  # one of the pool's own has ended         pool, its task, what it did, exception, message
POOL_CALLED_BACK = 136  # before it, by a thread of the main program  pool, call, keyword, argument
POOL_CALL_BROKEN = 137  # by a thread of the main program      pool, call, exception, message

# Steps of `main`.
STEP_CALLED = 140  # what no object records itself              subject, method, result
STEP_RAISED = 141  #                                            subject, method, exception, message

# The run as a whole, recorded by the main program (REFUSED) and the supervisor.
REFUSED = 50  # what cannot or may not be run     list of [line and column in the file (0: unknown), kind, text, hint]
STALL = 51  #                                                  "deadlock" or "deadline", list of process reports
TIMED_OUT = 52
SIGNALLED = 48  # supervisor, before it passes it on to a script       signal number, list of process reports
STOPPING = 53  # the runner asked for the end                   signal number
MAIN_EXITED = 54  # supervisor, after waitpid                       pid, exit code, usage
LEAKED = 55  # supervisor: removed what the run had left            list of names
MAIN_FORKED = 57  # supervisor: it has not yet begun to record itself   pid
LIMIT = 40  # supervisor: there is more than was allowed             name of the limit, how much was found
TROUBLE = 56  # something of our own failed                    text
STACKS_ASKED = 59  # supervisor: before it asks them for their stacks   pids
HELPER_LOST = 58  # supervisor: one of multiprocessing's own ended   pid, "fork server" or "resource tracker", exit code

# What a thread waits for (kept in its slot of the segment's header, not recorded).
MOVING = 0
W_GET = 1
W_PUT = 2
W_JOIN_QUEUE = 3
W_JOIN_PROCESS = 4
W_JOIN_THREAD = 5
W_SLEEP = 6
W_EXIT = 7  # the target is over; the process waits for its threads, queues and children
W_FEED = 8  # a queue's feeder thread: it moves only when somebody puts or the pipe drains
W_GET_TIMED = 10  # as W_GET, but it gives up at some time
W_ACQUIRE = 11
W_EVENT = 12
W_CONDITION = 13
W_BARRIER = 14
W_ANSWER = 15  # inside set(), notify() and the like, which want an answer from everybody they wake up
W_RECEIVE_LEFT = 21
W_RECEIVE_RIGHT = 22
W_SEND_LEFT = 23
W_SEND_RIGHT = 24
W_MANAGER = 30
W_SERVE = 31  # a manager's main thread: it looks once a second whether it is to end, and moves only when it is asked to
W_POOL_TASK = 35
W_POOL_RESULT = 36
W_POOL_JOIN = 37
W_NO_MORE = 38  # a pool's own thread that may run for ever and moves nobody: the one that takes the results has ended
W_THREAD = 39  # seen from outside alone: it waits for another thread of its own process
W_OWN = 40  # seen from outside alone: it waits for other processes, at what the scenario does not name
W_OUTSIDE = 42  # seen from outside alone: in a call to the system; of `OUTSIDE`, by position in place of a resource
W_HELP = 41  # a pool's own thread, which waits for tasks, results or workers; it may call callbacks
W_TASK = 9  # task_done(): needs the queue's condition

OUTSIDE = ("sleep", "accept", "connect", "receive", "send", "select", "lock")
"""What a thread does in a call to the system that tells no more of what would end it."""

SAME = b"="
"""In a GET record: the item is the plain value that was put."""

UNKNOWN = "?"
"""The state of a process that is there, where the system shows no more."""
