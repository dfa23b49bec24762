"""The threads that a plugin's process may use: made before its code, and never more.

Only the standard library is used.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

STACK_BYTES = 1 << 20


def waiting_threads(count: int) -> ThreadPoolExecutor:
    """An executor whose threads all exist; ``asyncio.to_thread`` finds them.

    Args:
        count: How many.
    """
    threading.stack_size(STACK_BYTES)
    executor = ThreadPoolExecutor(count, thread_name_prefix="plugin")
    everybody = threading.Barrier(count + 1)
    for _ in range(count):
        executor.submit(everybody.wait)
    everybody.wait()
    return executor
