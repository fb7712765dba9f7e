"""A Python program that takes calls from a Rust program: the other side of selvedge's `Worker`.

Python 3.9 or later, nothing else. Either selvedge runs this file by itself (`worker::Builder::python`), or a
program of yours imports it, before anything that prints:

    import selvedge_worker

    @selvedge_worker.function
    def add(a, b):
        return a + b

    selvedge_worker.serve()

The protocol is one JSON object a line, on descriptors that nobody else has: when this module is
imported it takes standard input and output away. What is printed from then on goes to standard error.

Where calls run. Those of a worker with one thread (the default) run in the main thread, one after
another in the order in which they came: libraries that want the main thread work, and so does `signal`.
`serve(threads=4)` runs up to four calls at once, in threads of a pool.

Cancelling. A call in the main thread is interrupted as by Ctrl-C: `Cancelled`, a KeyboardInterrupt, is
raised inside of it, also in `time.sleep` or a read. In a pool's thread it is raised at the next line of
Python that runs there, not before a blocking call returns. Neither ends a C extension that looks at
nothing; the other side kills the worker if it takes too long.
"""

import atexit
import contextvars
import ctypes
import importlib
import json
import logging
import os
import queue
import re
import select
import signal
import sys
import threading
import time
import traceback
import types
import urllib.parse

VERSION = 1
__all__ = ["Cancelled", "baggage", "config", "context", "function", "serve", "stopping"]


class Cancelled(KeyboardInterrupt):
    """Raised inside a call that nobody waits for any more."""


class _Worker:
    """The state of this side."""

    def __init__(self):
        self.input, self.output = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            # What is printed is seen at once, and no letter is an error.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
        self.write_lock = threading.Lock()
        self.decimal = False
        self.config = {}
        self.max_line = 64 << 20
        self.stopping = False
        # What calls and scripts see: one module, so that functions of a script see what was set.
        self.module = types.ModuleType("__worker__")
        self.names = self.module.__dict__
        sys.modules["__worker__"] = self.module
        # The numbers of calls, in the order in which they came; `None` is the end.
        self.calls = queue.SimpleQueue()
        # Under `lock`: calls that have not begun (who takes one out answers it), and the threads by the call that they run.
        self.lock = threading.Lock()
        self.waiting = {}
        self.running = {}
        # The call of the main thread, and whether it is to be interrupted. Plain fields: the handler of a
        # signal reads them between two instructions of the same thread.
        self.main_thread = threading.main_thread().ident
        self.main_call = None
        self.main_cancel = None
        self.main_writes = False

    # Writing

    def send(self, message):
        self.write(json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")))

    def write(self, text):
        """Writes one whole line, though the main thread may be interrupted while it does."""
        data = memoryview(text.encode("utf-8") + b"\n")
        is_main = threading.get_ident() == self.main_thread
        if is_main:
            self.main_writes = True
        try:
            with self.write_lock:
                while data:
                    data = data[os.write(self.output, data) :]
        finally:
            if is_main:
                self.main_writes = False
        if is_main and self.main_cancel is not None:
            self.interrupted(None, None)  # it came too early

    def answer(self, number, value):
        head = '{"id":%d,"out":' % number
        try:
            default = str_of_decimal if self.decimal else None
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)
            size = len((head + text + "}").encode("utf-8"))
        except BaseException as error:  # a `__str__` or a key of the user may raise anything
            if isinstance(error, Cancelled):
                raise
            kind = type(value).__name__
            self.fail(number, error, "the result, a `%s`, cannot be written as JSON: %s" % (kind, said(error)))
            return
        if size > self.max_line:
            message = "the result has %d bytes as JSON, and a line may have %d" % (size, self.max_line)
            self.fail(number, OverflowError(message))
            return
        self.write(head + text + "}")

    def fail(self, number, error, message=None):
        message = said(error) if message is None else message
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == _HERE:
            frames = frames.tb_next
        trace = traceback.format_exception(type(error), error, frames)
        told = {"type": type(error).__name__, "message": printable(message), "traceback": printable("".join(trace))}
        longest = max(256, min(1 << 20, self.max_line // 16))
        for key, text in told.items():
            if len(text) > longest:
                told[key] = text[: longest // 2] + " [..] " + text[-longest // 2 :]
        self.send({"id": number, "err": told})

    # Reading

    def lines(self):
        parts = []
        while True:
            self.insist()
            try:
                chunk = os.read(self.input, 1 << 16)
            except OSError:
                return
            if not chunk:
                return
            parts.append(chunk)
            if b"\n" in chunk:
                *whole, rest = b"".join(parts).split(b"\n")
                parts = [rest] if rest else []
                yield from whole

    def read(self):
        """Reads messages until the end, or until nobody reads what it writes; on a thread of its own."""
        try:
            for line in self.lines():
                if line.strip():
                    self.hear(line)
        finally:
            self.end()

    def hear(self, line):
        try:
            message = json.loads(line, parse_float=number_of(self.decimal))
            if not isinstance(message, dict):
                raise ValueError("a message is a JSON object")
            self.take(message)
        except Exception as error:
            head = re.match(rb'\s*\{\s*"id"\s*:\s*(\d{1,18})\s*[,}]', line)
            shown = line[:80].decode("utf-8", "backslashreplace")
            text = "cannot understand the line `%s`: %s" % (shown, said(error))
            self.fail(int(head.group(1)) if head else None, error, text)

    def take(self, message):
        if "stop" in message:
            self.stop()
        elif "cancel" in message:
            self.cancel(message["cancel"])
        elif "call" in message:
            number = message["id"]
            if not isinstance(number, int):
                raise ValueError("its number is no number")
            with self.lock:
                self.waiting[number] = message
            self.calls.put(number)
        else:
            raise ValueError("it has neither `call` nor `cancel` nor `stop`")

    def stop(self):
        """No call begins any more; those that run may end. The handler of a signal may interrupt it, and call it."""
        self.stopping = True
        self.calls.put(None)

    def end(self):
        """The other side is gone or has lost its patience: nothing may keep this process alive."""
        self.stop()
        with self.lock:
            numbers = list(self.running)
        for number in numbers:
            self.cancel(number)
        time.sleep(2)
        os._exit(1)

    def cancel(self, number):
        """Ends a call; one that has not begun is answered at once, whatever runs."""
        with self.lock:
            is_waiting = self.waiting.pop(number, None) is not None
            thread = self.running.get(number)
            if thread is not None and thread != self.main_thread:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Cancelled))
                return
        if is_waiting:
            self.fail(number, Cancelled("the call was cancelled before it began"))
        elif thread is not None:
            self.main_cancel = number
            signal.pthread_kill(thread, signal.SIGINT)

    def insist(self):
        """A signal that comes just before the main thread begins to sleep does not wake it: here is another, and another."""
        if self.main_cancel not in self.running:
            return
        poll, pause = select.poll(), 1
        poll.register(self.input, select.POLLIN)
        while self.main_cancel in self.running and not poll.poll(pause):
            signal.pthread_kill(self.main_thread, signal.SIGINT)
            pause = min(2 * pause, 100)

    def interrupted(self, _signal, _frame):
        if self.main_writes:
            return  # half a line would be the end of everything
        # Nothing to cancel: somebody else's SIGINT, a terminal's, which is not for us. Another call: it has ended, or
        # will see for itself when it begins.
        number = self.main_cancel
        if number is not None and number == self.main_call:
            self.main_call = self.main_cancel = None
            raise Cancelled("the call was cancelled")

    # Running

    def work(self, is_main):
        """Runs calls until there are to be no more."""
        while True:
            number = self.calls.get()
            if number is None or self.stopping:
                self.calls.put(None)  # for the other threads
                return
            self.run(number, is_main)

    def run(self, number, is_main):
        with self.lock:
            message = self.waiting.pop(number, None)
            if message is None:
                return  # it was cancelled
            self.running[number] = threading.get_ident()
        try:
            try:
                try:
                    if is_main:
                        self.main_call = number
                        self.interrupted(None, None)  # it may have come too early
                    value = contextvars.copy_context().run(self.perform, message)
                finally:
                    if is_main:
                        self.main_call = None
                    with self.lock:
                        self.running.pop(number, None)
                flush()
            except SystemExit as error:
                flush()
                if not is_main:
                    os._exit(status_of(error))  # in a pool's thread nobody else would hear of it
                raise
            except BaseException as error:
                flush()
                self.fail(number, error)
            else:
                self.answer(number, value)
        except Cancelled as error:  # it came while the answer was made
            self.fail(number, error)
        finally:
            with self.lock:
                self.running.pop(number, None)

    def perform(self, message):
        _CONTEXT.set(message.get("context") or {})
        function = self.find(message["call"])
        return function(*(message.get("args") or ()), **(message.get("kwargs") or {}))

    def find(self, path):
        own = {
            "selvedge.import": self.import_module,
            "selvedge.exec": self.exec,
            "selvedge.get": self.get,
            "selvedge.set": self.set,
        }.get(path)
        return own or self.get(path)

    # What every Python worker can do

    def import_module(self, name, names=None):
        """Takes all public names of a module, or some; the module itself is there by its first name as well."""
        module = importlib.import_module(name)
        if names is not None:
            for wanted in names:
                if not hasattr(module, wanted):
                    module_of_that_name(name, wanted)
                self.names[wanted] = getattr(module, wanted)
            return None
        public = getattr(module, "__all__", None)
        if public is None:
            public = [wanted for wanted in vars(module) if not wanted.startswith("_")]
        for wanted in public:
            self.names[wanted] = getattr(module, wanted)
        top = name.partition(".")[0]
        self.names.setdefault(top, sys.modules[top])
        return None

    def exec(self, code):
        """Runs a script; its names stay."""
        exec(compile(code, "<exec>", "exec"), self.names)

    def get(self, path):
        """A name, or an attribute of one: `math.pi`."""
        first, *rest = path.split(".")
        if first in self.names:
            value = self.names[first]
        else:
            builtins = sys.modules["builtins"]
            if not hasattr(builtins, first):
                known = sorted(name for name in self.names if not name.startswith("__"))[:20]
                raise NameError("name %r is not defined; there are: %s" % (first, ", ".join(known) or "none"))
            value = getattr(builtins, first)
        for name in rest:
            value = getattr(value, name)
        return value

    def set(self, name, value):
        self.names[name] = value

    # The whole life

    def serve(self, threads, decimal):
        first = next((line for line in self.lines_of_start()), None)
        if first is None:
            return  # nobody has ever said anything
        self.decimal = decimal
        try:
            told = json.loads(first)["config"]
            version = told["version"]
            if version != VERSION:
                raise ValueError("it speaks version %r of the protocol, this is %d" % (version, VERSION))
            if not threads:
                threads = told.get("threads") or 1
            self.max_line = told.get("max_line") or self.max_line
            self.config = told.get("user")
            level = told.get("log_level") or "INFO"
            if logging.getLevelName(5) == "Level 5":
                logging.addLevelName(5, "TRACE")
            logging.root.setLevel(5 if level == "TRACE" else level)
            logging.raiseExceptions = False
        except Exception as error:
            self.fail(None, error, "cannot understand the configuration: %s" % said(error))
            return
        language = "python %d.%d.%d" % sys.version_info[:3]
        self.send({"out": "ok", "version": VERSION, "language": language, "pid": os.getpid()})
        logging.root.addHandler(_Handler(self))  # nothing comes before the greeting
        # Its handler raises only inside a call of the main thread.
        signal.signal(signal.SIGINT, self.interrupted)
        # Somebody stops the process: as if it had been said on the line.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: self.stop())
        threading.Thread(target=self.read, name="selvedge-reader", daemon=True).start()
        if threads == 1:
            self.work(True)
        else:
            pool = [threading.Thread(target=self.work, args=(False,), name="call-%d" % n) for n in range(threads)]
            for thread in pool:
                thread.start()
            for thread in pool:
                thread.join()

    def lines_of_start(self):
        """The first line, byte by byte: what follows is the reader's."""
        line = bytearray()
        while True:
            byte = os.read(self.input, 1)
            if not byte:
                return
            if byte == b"\n":
                yield bytes(line)
                return
            line += byte


class _Handler(logging.Handler):
    """Sends records to the other side."""

    def __init__(self, worker):
        super().__init__()
        self.worker = worker
        # How many letters of a message are sent: as JSON it fits into a line.
        self.longest = min(1 << 16, worker.max_line // 10)

    def emit(self, record):
        try:
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            told = {
                "level": printable(record.levelname)[:32],
                "logger": printable(record.name)[: self.longest // 4],
                "message": printable(message)[: self.longest],
            }
            self.worker.send({"log": told})
        except Exception as error:
            print("a log record was lost: %s" % said(error), file=sys.stderr)


def said(error):
    try:
        return str(error)
    except BaseException:
        return "(its text cannot be had)"


def printable(text):
    """Without what UTF-8 cannot say."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def module_of_that_name(package, name):
    try:
        importlib.import_module(package + "." + name)
    except ImportError as error:
        raise ImportError("cannot import name %r from %r: %s" % (name, package, said(error))) from None


def number_of(decimal):
    if not decimal:
        return None
    from decimal import Decimal

    return Decimal


def str_of_decimal(value):
    from decimal import Decimal

    if isinstance(value, Decimal):
        return str(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def status_of(error):
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # closed by the user


_HERE = said.__code__.co_filename
_CONTEXT = contextvars.ContextVar("selvedge-context", default={})
_WORKER = _Worker()


def function(f):
    """Makes `f` callable from the other side, by its name."""
    _WORKER.names[f.__name__] = f
    return f


def serve(threads=None, decimal=False, names=None):
    """Takes calls until the other side says stop or is gone.

    `threads`: how many calls run at once. `decimal`: numbers with a point are `decimal.Decimal`, and such
    results are sent as strings. `names`: more that can be called, such as `globals()`.
    """
    _WORKER.names.update(names or {})
    _WORKER.serve(threads, decimal)


def config():
    """What the other side configured."""
    return _WORKER.config


def context():
    """The header fields that came with the present call: `traceparent`, `tracestate`, `baggage`."""
    return dict(_CONTEXT.get())


def baggage():
    """The baggage of the present call, decoded, without properties."""
    members = {}
    for member in _CONTEXT.get().get("baggage", "").split(","):
        key, equals, value = member.partition("=")
        if equals:
            members[key.strip()] = urllib.parse.unquote(value.partition(";")[0].strip())
    return members


def stopping():
    """Whether the other side has said stop: a long call may end early."""
    return _WORKER.stopping


atexit.register(flush)
