"""What a process has used, read from the kernel from outside: the process pays nothing for it."""

import time
from pathlib import Path

_SCHEDULED = 2
_KIB = 1024


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, all threads, user and system. Raises OSError when it is gone.

    The clock of another process, as clock_getcpuclockid(3) names it: nanoseconds, where /proc counts in hundredths.
    """
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process. Raises OSError when it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    raise OSError(f"/proc/{pid}/status has no VmRSS")
