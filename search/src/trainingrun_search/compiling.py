"""The one way in which functions here are compiled: numba, cached on disk, exact.

``fastmath`` stays off: the compiled search must do the same arithmetic as the plain one, to the
bit. A function is recompiled when its own file changes, not when a file changes that it calls into:
so a compiled loop stands in one module with all that it calls.
Where no folder for the cache can be written, functions are compiled anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile at the first call with each set of types; releases the lock of the interpreter."""
    try:
        made = numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:  # numba: "no locator available", nothing can be written
        made = numba.njit(function, nogil=True, error_model="numpy")
    return cast(Function, made)
