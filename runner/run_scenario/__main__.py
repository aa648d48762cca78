"""`python -m run_scenario` is the command `run-scenario`."""

if __name__ == "__main__":
    # Until `main` can catch it, Ctrl-C ends this process as it ends any program: not with a traceback of imports. This
    # comes first, and from the built-in module: `signal` itself imports enum and much else. What the interpreter
    # imports before our first line (site, files called *.pth) is out of our hands.
    import _signal  # type: ignore[import-not-found]  # built into CPython

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

    from run_scenario.cli import main

    raise SystemExit(main())
