"""The allocator for training on a CPU."""

from __future__ import annotations

import os
import sys


def keep_memory() -> None:
    """Restarts the program with an allocator that gives nothing back to the system.

    Each step allocates the same large tensors again; to map and clear them anew took more than half
    of the time. The C library reads these settings only when a program starts.
    """
    settings = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
    settings["MALLOC_TOP_PAD_"] = str(1 << 28)
    if "MALLOC_MMAP_MAX_" not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **settings})
