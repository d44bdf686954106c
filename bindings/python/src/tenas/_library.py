"""Finds the shared library, calls its functions, and owns what they make."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, ClassVar, TypeVar, Union

from . import _abi, errors

PathLike = Union[str, "os.PathLike[str]"]
Self = TypeVar("Self", bound="Handle")


@functools.cache
def library() -> ctypes.CDLL:
    """The library: the one that TENAS_LIBRARY names, else the one that this package carries, else the one
    on the loader's path. It is opened at the first call, so that importing the package costs nothing.

    A ctypes.CDLL releases Python's lock (the GIL) during each call, and takes it again in callbacks."""
    named = os.environ.get("TENAS_LIBRARY")
    carried = os.path.join(os.path.dirname(__file__), "libtenas.so")
    path = named or (carried if os.path.exists(carried) else "libtenas.so")
    try:
        opened = ctypes.CDLL(path)
        opened.tenas_abi_version.restype = ctypes.c_uint32
        opened.tenas_version.restype = ctypes.c_char_p
    except (OSError, AttributeError) as error:
        raise ImportError(
            f"libtenas cannot be loaded: {error}. Install a wheel of this package, which carries it, or name "
            "its file in the environment variable TENAS_LIBRARY."
        ) from error
    found = opened.tenas_abi_version()
    if found != _abi.TENAS_ABI_VERSION:
        raise ImportError(
            f"libtenas {opened.tenas_version().decode()} at {path}: found ABI version {found}, expected "
            f"{_abi.TENAS_ABI_VERSION}, which this package is for"
        )
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        function = getattr(opened, name)
        function.restype = result
        function.argtypes = arguments
    return opened


def version() -> str:
    """The version of the library that is loaded."""
    return str(library().tenas_version().decode())


class _Pending(threading.local):
    """What a callback raised during the call at hand of this thread: nothing may pass through C, so that
    it waits here for the call to return."""

    error: BaseException | None = None


pending = _Pending()


def guarded(function: Callable[[], bool]) -> int:
    """The body of a callback: 0 to go on, 1 to stop. After an exception no callback of that call runs."""
    try:
        if pending.error is not None:
            return 1
        return 0 if function() else 1
    except BaseException as error:  # call() raises it when C has returned
        pending.error = error
        return 1


class Handle:
    """Owns a C object. It is freed once: by close(), at the end of a `with`, or with this object."""

    _free: ClassVar[str]

    def _adopt(self, pointer: ctypes.c_void_p) -> None:
        self._pointer = pointer.value
        # The process of each call that is at work. Appending and removing are atomic.
        self._calls: list[int] = []
        self._finalizer = weakref.finalize(self, getattr(library(), self._free), pointer.value)
        # A thread may still compute when the interpreter ends.
        self._finalizer.atexit = False

    def close(self) -> None:
        """Frees what this object owns. It cannot be used afterwards; a second close does nothing."""
        pointer, self._pointer = self._pointer, None
        # A forked child has its parent's list, but none of its parent's calls.
        if os.getpid() in self._calls:
            self._pointer = pointer
            raise errors.Busy(f"close: found a call at work on this {type(self).__name__}, expected none")
        self._finalizer()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled: found an object of this process, expected one "
            "that is made anew in each"
        )


def _raw(argument: Any) -> Any:
    """What C gets for an argument."""
    if isinstance(argument, list):
        return (ctypes.c_void_p * len(argument))(*(handle._pointer for handle in argument))
    return argument._pointer if isinstance(argument, Handle) else argument


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status, with handles and lists of them as they are, and raises what it
    fails with."""
    handles: list[Handle] = []
    for each in arguments:
        if isinstance(each, Handle):
            handles.append(each)
        elif isinstance(each, list):
            handles += each
    process = os.getpid()
    opened = library()
    for handle in handles:
        handle._calls.append(process)
    try:
        raw = [_raw(each) for each in arguments]
        for handle in handles:
            if handle._pointer is None:
                raise ValueError(f"{name}: found a closed {type(handle).__name__}, expected an open one")
        status = getattr(opened, name)(*raw)
    finally:
        for handle in handles:
            handle._calls.pop()
    error, pending.error = pending.error, None
    if error is not None:
        raise error
    if status != _abi.TENAS_OK:
        message = opened.tenas_last_error_message().decode(errors="replace")
        raise errors.OF_STATUS.get(status, errors.TenasError)(message)


def long_call(name: str, *arguments: Any) -> None:
    """A call that calls back. Ctrl-C ends it within the time of a candidate, with KeyboardInterrupt."""

    def interrupt(*_: object) -> None:
        # Python may run a handler before the first line of a callback, where nothing catches.
        pending.error = KeyboardInterrupt()

    # Signals come to the main thread; what the host has set for itself stays.
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        call(name, *arguments)
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        call(name, *arguments)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        late, pending.error = pending.error, None
    if late is not None:  # it came when the call had just returned
        raise late


def c_text(value: PathLike) -> bytes:
    """A text for C, which would take a NUL for its end: a path cut short may name another file."""
    encoded = os.fsencode(value)
    if b"\0" in encoded:
        raise ValueError(f"found a text with a NUL inside, expected none: {value!r}")
    return encoded


def c_texts(values: Iterable[str]) -> Any:
    encoded = [c_text(each) for each in values]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def text(name: str, *arguments: Any) -> str:
    """The text that a function writes into a buffer. Without one it tells the length."""
    length = ctypes.c_size_t()
    call(name, *arguments, None, 0, ctypes.byref(length))
    buffer = ctypes.create_string_buffer(length.value + 1)
    call(name, *arguments, buffer, len(buffer), ctypes.byref(length))
    return buffer.value.decode()


def array(kind: Any, name: str, *arguments: Any) -> Any:
    """The array that a function writes. Without one it tells the number of its values."""
    count = ctypes.c_size_t()
    call(name, *arguments, None, 0, ctypes.byref(count))
    values = (kind * count.value)()
    call(name, *arguments, values, len(values), ctypes.byref(count))
    return values


def number(kind: Any, name: str, *arguments: Any) -> Any:
    """The number, or the text of the library's, that a function sets its last argument to."""
    out = kind()
    call(name, *arguments, ctypes.byref(out))
    return out.value.decode() if kind is ctypes.c_char_p else out.value


def struct(kind: Any, name: str, *arguments: Any) -> Any:
    """The struct that a function fills in."""
    out = kind(struct_size=ctypes.sizeof(kind))
    call(name, *arguments, ctypes.byref(out))
    return out


def made(name: str, *arguments: Any) -> ctypes.c_void_p:
    """The new handle that a function sets its last argument to."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out))
    return out


def whole(name: str, value: object, limit: int = 2**64) -> int:
    """A whole number that C can take: ctypes would cut it to its lowest bits."""
    if not isinstance(value, int) or not 0 <= value < limit:
        raise ValueError(f"{name}: found {value!r}, expected a whole number from 0 to {limit - 1}")
    return value


def choice(name: str, value: str, choices: dict[str, int]) -> int:
    """The number of a choice by its name."""
    if value not in choices:
        raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(map(repr, choices))}")
    return choices[value]


def build_info() -> dict[str, Any]:
    """What this build of the library can do on this machine: version, engines, instruction set, GPUs."""
    import json

    info: dict[str, Any] = json.loads(text("tenas_build_info"))
    return info
