"""`python -m run_scenario`: the same as the command `run-scenario`."""

from run_scenario.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
