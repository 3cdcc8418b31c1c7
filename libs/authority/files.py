"""Reading a small file whole. Nothing is waited for, and owner and mode are those of the file that was opened."""

import os
import stat


class NoFile(OSError):
    """What stands there is not a regular file, or is too large to be meant."""


def read_small(path: str, bytes_max: int) -> tuple[os.stat_result, bytes]:
    """The file's state and content. Raises OSError, or ValueError for what is no path."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise NoFile("it is no file")
        if seen.st_size > bytes_max:
            raise NoFile(f"it is larger than {bytes_max} bytes")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return seen, file.read(bytes_max)
    finally:
        os.close(descriptor)


def why(error: OSError | ValueError) -> str:
    """What went wrong, without the path that stands beside it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
