"""CPython's own tests of multiprocessing: a start method, and the names of their classes."""

import sys
import unittest

import test._test_multiprocessing

METHOD = sys.argv.pop(1)
test._test_multiprocessing.install_tests_in_module_dict(globals(), METHOD)

if __name__ == "__main__":
    unittest.main(verbosity=0)
