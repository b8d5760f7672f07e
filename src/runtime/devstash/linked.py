"""Pickling beside live objects: what was there before the call is referred to by its number, see heap.py.

A result that is the receiver, that holds an argument, or that looks into an argument's memory comes back as just that.
Two pickles stand one behind the other in one stream and share a memo: the result, then what the call changed. Where the
result refers to nothing that was there before, the first of them is a plain pickle.

Arrays that look into the same memory are a case of their own, also within a result: NumPy pickles each of them as if it
were alone, and what is written to one would no longer be seen in the other.
"""

from __future__ import annotations

import sys
from _pickle import PickleBuffer
from types import FunctionType, ModuleType

from . import origin, sharing
from .heap import owner_of
from .pickling import LARGE
from .refusals import Unstorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .heap import Heap


class Shared(Exception):
    """A part of the value belongs to something that the call was given, and has no number."""

    def __init__(self, part: object) -> None:
        super().__init__(part)
        self.part = part


class Aliased(Exception):
    """Arrays of the value share their memory: it has to be pickled once more, with `owners` known."""


class Link:
    """What connects one pickling to the heap: numbers, memory, and whether any of it was needed."""

    def __init__(
        self,
        heap: Heap,
        replaced: set[int],
        modules: frozenset[str],
        bound: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.heap = heap
        self._bound = bound  # module and qualified name of what the call binds
        self.modules = modules  # those that were loaded before the call
        self._replaced = replaced  # numbers of objects whose state is stored: all of their parts go with it
        self.numbers = heap.numbers
        self.used = False
        #: Whether unpickling looks a class or function of the project up, which may then run.
        self.names_project = False
        #: What stands behind the value in the stream, once that is written.
        self.behind: Any = None
        self.aliased: set[int] = set()
        self._seen: dict[int, list[tuple[int, int]]] = {}  # memory of arrays met, by the id of its owner
        self._kept: list[Any] = []
        self._deep: dict[int, Any] | None = None
        self._dicts: dict[int, int] | None = None
        self._memory: dict[int, Any] | None = None
        self._private: set[int] = set()
        self._columns: dict[int, Any] = {}  # of frames met
        self._indexes: set[int] = set()  # the arrays in indexes of pandas, which nobody changes
        self._holding: dict[int, list[Any]] = {}  # arrays of objects met, by the id of their memory's owner
        numpy = sys.modules.get("numpy")
        self.array: Any = getattr(numpy, "ndarray", None)

    def shape(self) -> str:
        """See `Heap.shape`."""
        return self.heap.shape()

    def restart(self) -> None:
        """Forget what one pickling has seen."""
        self._seen, self._kept, self._private, self._columns, self._holding = {}, [], set(), {}, {}
        self._indexes = set()
        self.used = self.names_project = False
        self.behind = None

    def number(self, thing: Any) -> int | tuple[int] | None:
        """The number of `thing`, None for what is new; see `Heap.find`. Raises `Shared`."""
        place = id(thing)
        found = self.numbers.get(place)
        if found is not None:
            self.used = True
            return found
        if type(thing) is dict:
            if self._dicts is None:
                self._dicts = _attribute_dicts(self.heap)
            if place in self._dicts:
                self.used = True
                return (self._dicts[place],)
        if self._deep is None:
            self._deep = self._inner_parts()
        if place in self._deep:
            raise Shared(thing)
        if sharing.is_frame(thing) and sharing.copies_on_write():
            self._private.update(id(array) for block in _blocks(thing) for array in (block, *_arrays_in(block)))
        if type(thing).__name__.endswith("Index") and type(thing).__module__.startswith("pandas."):
            self._indexes.add(id(getattr(thing, "_data", None)))
        return None

    def _inner_parts(self) -> dict[int, Any]:
        """The changeable parts of the objects that are not taken apart, by id."""
        heap = self.heap
        whole = [
            value
            for number, (value, kind) in enumerate(zip(heap.objects, heap.kinds))
            if number not in self._replaced and (kind.opaque or heap.is_closed(value))
        ]
        parts = sharing.inner_parts(whole + heap.caches, self.numbers)
        for name in set(sys.modules) - self.modules:
            module = sys.modules[name]
            if isinstance(module, ModuleType) and origin.of_namespace(vars(module)) == origin.PROJECT:
                held = [value for label, value in vars(module).items() if label[:2] != "__"]
                parts.update(sharing.inner_parts(held, self.numbers))
                parts.update((id(value), value) for value in held if sharing.holds_state(value))
        return parts

    def reduce(self, thing: Any) -> Any:
        """How `thing` is pickled where not as usual, else NotImplemented."""
        if self._bound:
            self._require_other_name(thing)
        if isinstance(thing, (type, FunctionType)):
            self.names_project |= _is_project(thing)
            return NotImplemented
        if isinstance(thing, ModuleType):
            from importlib import import_module

            return import_module, (thing.__name__,)
        if sharing.is_frame(thing) and sharing.copies_on_write():
            return self._frame(thing)
        if self.array is not None and isinstance(thing, self.array):
            found = self._array(thing)
            return self._times(thing) if found is NotImplemented else found
        return NotImplemented

    def _require_other_name(self, thing: Any) -> None:
        """Refuse what is pickled by a name that the call itself binds: classes, functions, and what goes by the name of
        one, as a cached function does.
        """
        if not isinstance(thing, (type, FunctionType)):
            held = getattr(thing, "__dict__", None)
            if type(held) is not dict or type(held.get("__qualname__")) is not str:
                return
        parts = thing.__qualname__.split(".")
        names = {(str(thing.__module__), ".".join(parts[: count + 1])) for count in range(len(parts))}
        if not self._bound.isdisjoint(names):
            why = f"the call itself binds the name `{thing.__qualname__}`, by which a hit would find another"
            raise Unstorable("result", type(thing).__name__, why)

    def _frame(self, thing: Any) -> Any:
        """A frame goes as a copy if it shares a column of a type of pandas' own, with another frame or in itself: the
        column would come back as one, and nobody would know that it is shared.
        """
        columns = {id(block): block for block in _blocks(thing) if not isinstance(block, self.array)}
        kept = sum(not isinstance(block, self.array) for block in _blocks(thing))
        if kept == len(columns) and self._columns.keys().isdisjoint(columns):
            self._columns.update(columns)
            return NotImplemented
        copy = thing.copy()
        self._kept.append(copy)
        self._private.update(id(array) for block in _blocks(copy) for array in (block, *_arrays_in(block)))
        return copy.__reduce_ex__(5)

    def _times(self, thing: Any) -> Any:
        """Large arrays of `datetime64` and `timedelta64` over the buffer of their numbers: NumPy has no buffers of
        times, and would copy them into the stream.
        """
        if type(thing) is not self.array or thing.dtype.kind not in "mM" or thing.nbytes < LARGE:
            return NotImplemented
        if not thing.flags.c_contiguous and not thing.flags.f_contiguous:
            return NotImplemented
        return self.array, (thing.shape, thing.dtype, PickleBuffer(thing.view("i8")), 0, thing.strides)

    def _array(self, thing: Any) -> Any:
        if id(thing) in self._private or type(thing) is not self.array:
            return NotImplemented
        if thing.dtype.hasobject:
            self._require_alone(thing)
            return NotImplemented
        owner = owner_of(thing)
        given = self._given().get(id(owner))
        if given is not None:
            start = _address(thing) - _address(given)
            low, high = _extent(thing)
            low_given, high_given = _extent(given)
            if low < low_given or high > high_given:
                raise Shared(thing)
            self.used = True
            return view_of, (given, start, thing.shape, thing.strides, thing.dtype)
        self._kept.append(owner)
        known = self._seen.setdefault(id(owner), [])
        if id(owner) not in self.aliased:
            low, high = _extent(thing)
            if any(low < end and start < high for start, end in known):
                self.aliased.add(id(owner))
                raise Aliased
            known.append((low, high))
            return NotImplemented
        if thing is owner:
            return NotImplemented
        if not isinstance(owner, self.array) or not owner.flags.c_contiguous:
            raise Unstorable("result", "numpy.ndarray", "two arrays in it share memory that neither of them owns")
        place = _address(thing) - _address(owner)
        return self.array, (thing.shape, thing.dtype, owner, place, thing.strides)

    def _require_alone(self, thing: Any) -> None:
        """Refuse an array of objects that shares its memory: NumPy makes none over memory that is there."""
        if id(thing) in self._indexes or not thing.flags.writeable:
            return  # it is not written to
        owner = owner_of(thing)
        given = self._given().get(id(owner))
        if given is not None and _share_memory(thing, given):
            raise Shared(thing)
        others = self._holding.setdefault(id(owner), [])
        if any(_share_memory(thing, other) for other in others):
            raise Unstorable("result", "numpy.ndarray", "two arrays of objects in it share memory")
        self._kept.append(owner)
        others.append(thing)

    def _given(self) -> dict[int, Any]:
        """The arrays that the call was given, by the id of what owns their memory."""
        if self._memory is None:
            self._memory = {}
            for value in self.heap.objects:
                if isinstance(value, self.array):
                    self._memory.setdefault(id(owner_of(value)), value)
        return self._memory


def _is_project(thing: Any) -> bool:
    """Whether the code of a class or function is the project's; of what has no place in a module nobody knows."""
    if isinstance(thing, type):
        return origin.of_class(thing) == origin.PROJECT
    return origin.of_namespace(thing.__globals__) == origin.PROJECT


def _attribute_dicts(heap: Heap) -> dict[int, int]:
    """The dicts that hold the attributes of numbered objects, by id."""
    found = {}
    for number, (value, kind) in enumerate(zip(heap.objects, heap.kinds)):
        if kind.has_attributes and not heap.is_closed(value):
            held = getattr(value, "__dict__", None)
            if type(held) is dict:
                found[id(held)] = number
    return found


def view_of(array: Any, start: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any) -> Any:
    """An array that looks into the memory of `array` from `start` bytes behind its first element."""
    numpy: Any = sys.modules["numpy"]
    described = _Memory(array, start, shape, strides, dtype.itemsize)
    return numpy.asarray(described).view(dtype)


class _Memory:
    """Memory of another array, in the terms of NumPy's array interface, version 3."""

    def __init__(self, array: Any, start: int, shape: tuple[int, ...], strides: tuple[int, ...], size: int) -> None:
        self.array = array  # keeps the memory alive
        self.__array_interface__ = {
            "data": (_address(array) + start, not array.flags.writeable),
            "shape": shape,
            "strides": strides,
            "typestr": f"|V{size}",
            "version": 3,
        }


def _share_memory(one: Any, other: Any) -> bool:
    numpy: Any = sys.modules["numpy"]
    try:
        return bool(numpy.shares_memory(one, other, max_work=10_000))
    except Exception:  # it is too hard to tell
        return True


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _extent(array: Any) -> tuple[int, int]:
    """The first byte of an array's memory, and the one behind its last."""
    low = high = _address(array)
    if 0 in array.shape:
        return low, high
    for length, stride in zip(array.shape, array.strides):
        if stride < 0:
            low += (length - 1) * stride
        else:
            high += (length - 1) * stride
    return low, high + array.itemsize


def _blocks(frame: Any) -> list[Any]:
    manager = getattr(frame, "_mgr", None)
    return [block.values for block in getattr(manager, "blocks", ())]


def _arrays_in(column: Any) -> list[Any]:
    """The arrays in a column of a type of pandas' own: times, masked and categorical values, texts."""
    held = [getattr(column, name, None) for name in ("_ndarray", "_data", "_mask", "_codes")]
    return [array for array in held if hasattr(array, "dtype")]


_picklers: dict[Any, Any] = {}


def pickler(base: Any) -> Any:
    """The class of picklers derived from `base` whose objects have a `link`; one for each, since a class that is made
    for one call would keep alive all that it knows until the garbage collector comes by.
    """
    known = _picklers.get(base)
    if known is not None:
        return known
    inherited = getattr(base, "reducer_override", None)

    class Linked(base):  # type: ignore[misc]
        link: Link

        def persistent_id(self, thing: object) -> Any:
            return self.link.number(thing)

        def reducer_override(self, thing: object) -> Any:
            found = self.link.reduce(thing)
            if found is NotImplemented and inherited is not None:
                return inherited(self, thing)
            return found

    if base.__module__ == "_pickle":
        _picklers[base] = Linked
    return Linked
