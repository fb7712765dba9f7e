"""Plugins for `formulas`, in Python: formulas --worker-plugin 'python3 formulas/examples/plugin.py'.

Beside three that compute, there are some that misbehave in every way that the tests are about.
"""

import decimal
import os
import pathlib
import sys
import time

# Your own program has `selvedge_worker.py` beside it, and does not need this line.
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "selvedge" / "python"))

import selvedge_worker  # before anything that prints

PLUGINS = []


def plugin(arguments, about="", **more):
    """A function that formulas can call."""

    def register(f):
        selvedge_worker.function(f)
        PLUGINS.append({"name": f.__name__, "arguments": arguments, "about": about, **more})
        return f

    return register


@selvedge_worker.function
def formulas_plugins():
    return PLUGINS


@plugin(2, "the longest side of a right triangle")
def hypot(a, b):
    return (decimal.Decimal(a) ** 2 + decimal.Decimal(b) ** 2).sqrt()


@plugin([1, None], "the value in the middle")
def median(*values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


@plugin(2, "a modulo b, as Python has it", operator="%")
def pymod(a, b):
    return a % b


@plugin(1, "a, and prints what looks like an answer")
def chatter(a):
    print('{"id":1,"out":42}')
    os.write(1, b'{"id":2,"out":43}\n')
    return a


@plugin(0, "raises")
def oops():
    raise ValueError("nothing works\nany more")


@plugin(0, "never returns")
def hang():
    time.sleep(100_000)


@plugin(0, "never returns, whoever asks")
def deaf():
    while True:
        try:
            time.sleep(100_000)
        except BaseException:
            pass


@plugin(1, "ends the program with this status")
def leave(status):
    print("leaving", file=sys.stderr)
    os._exit(int(status))


@plugin(1, "one of the values that are no numbers, or look like none")
def odd(which):
    huge = 10**2000
    texts = ["--5", "-"]
    return [None, 0, False, "", "x" * 1_000_000, object(), float("inf"), huge, "1e-3", [1], -1e-7, True, *texts][int(which)]


selvedge_worker.serve(decimal=True)
