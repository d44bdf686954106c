"""Exceptions: one for each status that a function of libtenas can fail with."""

from __future__ import annotations

from . import _abi


class TenasError(Exception):
    """What a function of libtenas fails with. Its text names the function, what was found and what was
    expected; `status` is the name of the C status, for example "TENAS_ERROR_IO"."""

    status: str = ""


class NullPointer(TenasError, ValueError):
    status = "TENAS_ERROR_NULL_POINTER"


class InvalidArgument(TenasError, ValueError):
    status = "TENAS_ERROR_INVALID_ARGUMENT"


class InvalidState(TenasError, RuntimeError):
    status = "TENAS_ERROR_INVALID_STATE"


class FileError(TenasError, OSError):
    status = "TENAS_ERROR_IO"


class FormatError(TenasError, ValueError):
    status = "TENAS_ERROR_FORMAT"


class DeviceError(TenasError, RuntimeError):
    status = "TENAS_ERROR_DEVICE"


class Busy(TenasError, RuntimeError):
    status = "TENAS_ERROR_BUSY"


class Cancelled(TenasError):
    status = "TENAS_ERROR_CANCELLED"


class BufferTooSmall(TenasError, ValueError):
    status = "TENAS_ERROR_BUFFER_TOO_SMALL"


class OutOfMemory(TenasError, MemoryError):
    status = "TENAS_ERROR_OUT_OF_MEMORY"


class NotFound(TenasError, LookupError):
    status = "TENAS_ERROR_NOT_FOUND"


class InternalError(TenasError, RuntimeError):
    status = "TENAS_ERROR_INTERNAL"


OF_STATUS: dict[int, type[TenasError]] = {getattr(_abi, kind.status): kind for kind in TenasError.__subclasses__()}
