"""run-scenario: describe, run, see and test multi-process Python programs."""

__version__ = "0.1.0"
__all__ = ["__version__"]
