"""The types of functions, methods and their like, by the names that `types` has for them.

`types` itself is imported by nothing else that every run needs, and costs as much as all of our own hit (0.25 ms).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import (
        BuiltinFunctionType,
        CellType,
        CodeType,
        CoroutineType,
        FunctionType,
        MethodType,
        MethodWrapperType,
        ModuleType,
    )
else:

    def _function():
        cell = 0
        return lambda: cell

    class _Class:
        def method(self):
            pass

    async def _coroutine():
        pass

    _made = _coroutine()
    CoroutineType = type(_made)
    _made.close()
    FunctionType = type(_function)
    CodeType = type(_function.__code__)
    CellType = type(_function().__closure__[0])
    MethodType = type(_Class().method)
    BuiltinFunctionType = type(len)
    MethodWrapperType = type("".__str__)
    ModuleType = type(sys)

__all__ = [
    "BuiltinFunctionType",
    "CellType",
    "CodeType",
    "CoroutineType",
    "FunctionType",
    "MethodType",
    "MethodWrapperType",
    "ModuleType",
]
