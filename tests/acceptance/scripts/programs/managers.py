"""Own types, generators and functions behind a customized manager, after the example of the documentation."""

import operator
import sys
from multiprocessing import freeze_support, set_start_method
from multiprocessing.managers import BaseManager, BaseProxy


class Foo:
    def f(self):
        print("you called Foo.f()", flush=True)

    def g(self):
        print("you called Foo.g()", flush=True)

    def _h(self):
        print("you called Foo._h()", flush=True)


def baz():
    for i in range(10):
        yield i * i


class GeneratorProxy(BaseProxy):
    _exposed_ = ("__next__",)

    def __iter__(self):
        return self

    def __next__(self):
        return self._callmethod("__next__")


def get_operator_module():
    return operator


class MyManager(BaseManager):
    pass


MyManager.register("Foo1", Foo)
MyManager.register("Foo2", Foo, exposed=("g", "_h"))
MyManager.register("baz", baz, proxytype=GeneratorProxy)
MyManager.register("operator", get_operator_module)


def test():
    manager = MyManager()
    manager.start()
    print("-" * 20, flush=True)
    f1 = manager.Foo1()
    f1.f()
    f1.g()
    print(hasattr(f1, "_h"), sorted(f1._exposed_) == sorted(["f", "g"]), flush=True)
    f2 = manager.Foo2()
    f2.g()
    f2._h()
    print(hasattr(f2, "f"), sorted(f2._exposed_) == sorted(["g", "_h"]), flush=True)
    print(*(f"<{i}>" for i in manager.baz()), flush=True)
    op = manager.operator()
    print("op.add(23, 45) =", op.add(23, 45), "op.pow(2, 94) =", op.pow(2, 94), len(op._exposed_) > 100, flush=True)


if __name__ == "__main__":
    freeze_support()
    set_start_method(sys.argv[1])
    test()
