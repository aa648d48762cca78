"""Counts what is in log files: workers parse them line by line, in chunks, and the main program adds up."""

import collections
import datetime
import multiprocessing
import pathlib
import re
import sys

LINE = re.compile(r'\S+ - - \[(?P<time>[^]]+)\] "\w+ (?P<path>\S+)[^"]*" (?P<status>\d+) (?P<size>\d+)')


def parse(line):
    match = LINE.match(line)
    if match is None:
        return None
    when = datetime.datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S")
    return when.hour, match["path"], int(match["status"]), int(match["size"])


def lines_of(folder):
    for path in sorted(folder.glob("*.log")):
        with path.open() as file:
            yield from file


def write_logs(folder):
    folder.mkdir()
    for n in range(3):
        times = (f"0{1 + i % 9}/Jan/2024:{i % 24:02}:00:00" for i in range(400))
        text = [f'host - - [{t}] "GET /{i % 5}.html HTTP/1.1" {200 + i % 3} {i * n}' for i, t in enumerate(times)]
        (folder / f"access-{n}.log").write_text("\n".join([*text, "not a line of a log", ""]))


def main():
    multiprocessing.set_start_method(sys.argv[1])
    write_logs(folder := pathlib.Path("logs"))
    hours, statuses, bad, size = collections.Counter(), collections.Counter(), 0, 0
    with multiprocessing.Pool(3) as pool:
        for number, parsed in enumerate(pool.imap(parse, lines_of(folder), chunksize=64)):
            if parsed is None:
                bad += 1
                print("line", number, "is bad", file=sys.stderr)
                continue
            hours[parsed[0]] += 1
            statuses[parsed[2]] += 1
            size += parsed[3]
    report = f"{dict(sorted(hours.items()))}\n{dict(sorted(statuses.items()))}\n{bad} bad, {size} bytes\n"
    pathlib.Path("report.txt").write_text(report)
    print(report, end="")
    return 2 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
