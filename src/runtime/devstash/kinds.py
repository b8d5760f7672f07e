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
        ClassMethodDescriptorType,
        CodeType,
        CoroutineType,
        FunctionType,
        GetSetDescriptorType,
        MappingProxyType,
        MemberDescriptorType,
        MethodDescriptorType,
        MethodType,
        MethodWrapperType,
        ModuleType,
        WrapperDescriptorType,
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
    MappingProxyType = type(type.__dict__)
    GetSetDescriptorType = type(FunctionType.__code__)
    MemberDescriptorType = type(FunctionType.__globals__)
    MethodDescriptorType = type(str.join)
    WrapperDescriptorType = type(object.__init__)
    ClassMethodDescriptorType = type(dict.__dict__["fromkeys"])

__all__ = [
    "BuiltinFunctionType",
    "CellType",
    "ClassMethodDescriptorType",
    "CodeType",
    "CoroutineType",
    "FunctionType",
    "GetSetDescriptorType",
    "MappingProxyType",
    "MemberDescriptorType",
    "MethodDescriptorType",
    "MethodType",
    "MethodWrapperType",
    "ModuleType",
    "WrapperDescriptorType",
]
