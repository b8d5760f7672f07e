"""The entry file, from its bytes to its value: find the parts, check them, and only then unpickle.

One file holds a plain pickle, a readable manifest, a table of the large buffers inside the pickle and a
footer:

    pickle stream … STOP | manifest | buffer table | footer (104 bytes, the last 8 of them the magic)

`docs/cache-format.md` describes every byte. This module is on the way of every hit and therefore reads
only; what writes entries is in `writing.py` and is imported when there is something to keep.

The order of the checks is the safety of the whole: nothing is given to the unpickler before the
authentication tag, made with the user's own key, has been found right over everything that can execute.
"""

import sys
from _blake2 import blake2b
from _operator import _compare_digest as same_digest

from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: Rows of the buffer table: offset, length, flags, digest.
    Rows = list[tuple[int, int, int, bytes]]

FORMAT = 1
# The end of every entry of this format; the place of the format number and of the magic never changes.
MAGIC = b"devstash"
TRAILER = FORMAT.to_bytes(4, "little") + b"\0\0\0\0" + MAGIC
# Five numbers, checksum, tag, trailer.
FOOTER = 40 + 16 + 32 + 16
# Names the format inside the tag, so that a tag of one format says nothing in another; 16 bytes at most.
PERSON = b"devstash entry 1"
# Files up to this size are read in one go and checked whole on each load; larger ones are mapped.
SMALL = 1 << 20
# Large buffers start at multiples of this, so that mapped arrays are aligned for any vector instruction.
ALIGNMENT = 64
# Longer buffers are digested piece by piece, by all processors; hashing.py takes a while to import.
PIECE = 4 << 20
# One row of the buffer table: offset, length, flags, digest.
ROW = 8 + 8 + 8 + 16
READ_ONLY = 1
_NUMBER = (1 << 64) - 1
# Streams of up to this many bytes are worth reading without the pickle module: 0.15 ms against its 3 ms.
_PLAIN = 4096
# From so many values on the pickle module, which reads one in 10 us less, is on its way to pay for itself.
_WORTH_IT = 100
_read_plainly = 0
# What stands behind the key of a call that read no file and changed nothing: nearly all of them.
NOTHING_ELSE = b'"trace":[],"effects":{},'
# So much behind them tells what a hit saves: the members `duration` and `tokens`.
TOLD = 80


class Refused(Exception):
    """The entry is not to be used. `reason` is the name of the miss, `detail` says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


if sys.byteorder == "little":

    def numbers(data: memoryview) -> "list[int]":
        """The unsigned 64-bit little-endian numbers that `data` consists of."""
        return data.cast("Q").tolist()
else:

    def numbers(data: memoryview) -> "list[int]":
        """The unsigned 64-bit little-endian numbers that `data` consists of."""
        return [int.from_bytes(data[place : place + 8], "little") for place in range(0, len(data), 8)]


def authenticator(secret: bytes) -> blake2b:
    """The keyed hash to be copied for each tag."""
    return blake2b(key=secret, digest_size=32, person=PERSON)


def buffer_digest(data: memoryview) -> bytes:
    """The digest of a buffer, as the table has it."""
    if len(data) <= PIECE:
        return blake2b(data, digest_size=16).digest()
    from .hashing import digest_of

    return digest_of(data)[:16]


def value_of(
    view: memoryview,
    tagger: blake2b,
    text: bytes,
    buffers_are_sound: "Callable[[], bool]",
    judge: "Callable[[list[Any], dict[str, Any]], Any]",
) -> "tuple[object, Any, bytes]":
    """The value of the entry whose whole file is `view`, what its call changed, and the piece of the manifest that
    tells what a hit saves (see journal.py), if it was made with our key for the call keyed `text`.

    Large buffers become slices of `view`, which should be writable. `buffers_are_sound` is asked, for an entry with
    large buffers, whether these need not be checked this time. `judge` is asked about an entry with a trace or with
    effects: it raises `Refused`, or returns what finds live objects by their numbers (None if there are none). Raises
    `Refused`; nothing of the file is executed before its tag, which covers all but the large buffers, has been found
    right.
    """
    stream, manifest, inner, inner_length, rows = signed_parts(view, tagger)
    place = stream + len(text) + 8
    if view[stream:place] != b'{"key":' + text + b",":
        raise Refused("other key", "it holds the result of another call")
    find = None
    if view[place : place + len(NOTHING_ELSE)] != NOTHING_ELSE:
        trace, effects, length = happened(bytes(view[place : stream + manifest]))
        place += length
        find = judge(trace, effects)
    else:
        place += len(NOTHING_ELSE)
    told = bytes(view[place : min(place + TOLD, stream + manifest)])
    if not rows:
        return *_unpickled(view[:stream], None, find), told
    views = sound_buffers(view, rows, buffers_are_sound())
    return *_unpickled(view[inner : inner + inner_length], views, find), told


def signed_parts(view: memoryview, tagger: blake2b) -> "tuple[int, int, int, int, Rows]":
    """The length of the stream and of the manifest, place and length of the pickle proper, and the rows of the large
    buffers, of an entry that was made with our key. Raises `Refused`.
    """
    require_footer(view)
    stream, manifest, table, inner, inner_length = numbers(view[-FOOTER:-64])
    if stream + manifest + table + FOOTER != len(view) or inner + inner_length > stream:
        raise Refused("damaged", "the lengths in its footer do not fit its size")
    tag = tagger.copy()
    if table:
        rows = table_of(view[stream + manifest : stream + manifest + table], stream)
        place = 0
        for offset, length, _, _ in rows:
            tag.update(view[place:offset])
            place = offset + length
        tag.update(view[place:-48])
    else:
        rows = []
        tag.update(view[:-48])
    if not same_digest(tag.digest(), bytes(view[-48:-16])):
        raise Refused(*_wrong_tag(view, rows))
    return stream, manifest, inner, inner_length, rows


def sound_buffers(view: memoryview, rows: "Rows", known: bool = False) -> "list[memoryview]":
    """The large buffers. Raises `Refused` for one that is not what was stored, unless they are `known` to be."""
    buffers = [view[offset : offset + length] for offset, length, _, _ in rows]
    if not known:
        for buffer, row in zip(buffers, rows):
            if buffer_digest(buffer) != row[3]:
                raise Refused("damaged", f"{row[1]} bytes at {row[0]} are not those that were stored")
    return [buffer.toreadonly() if row[2] & READ_ONLY else buffer for buffer, row in zip(buffers, rows)]


def quick(data: bytes, tagger: blake2b, text: bytes) -> "tuple[Any, bytes] | None":
    """The value of the entry whose whole file is `data`, and the piece of its manifest, as `value_of` would find them,
    for the usual case: no large buffers, no trace, no effects, and nothing wrong. None for all others.
    """
    if data[-16:] != TRAILER:
        return None
    lengths = int.from_bytes(data[-FOOTER:-80], "little")
    stream, manifest, table = lengths & _NUMBER, lengths >> 64 & _NUMBER, lengths >> 128
    place = stream + len(text) + 8
    if table or stream + manifest + FOOTER != len(data) or data[stream:place] != b'{"key":' + text + b",":
        return None
    told = place + len(NOTHING_ELSE)
    if data[place:told] != NOTHING_ELSE:
        return None
    tag = tagger.copy()
    tag.update(data[:-48])
    if not same_digest(tag.digest(), data[-48:-16]):
        return None
    try:
        return _loads(data, None), data[told : told + TOLD]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # `value_of` will find the words for it
        let_through(error)
        return None


def again(data: bytes) -> "tuple[Any] | None":
    """The value of an entry that `quick` has found to be in order; the pickle ends where its last opcode is."""
    try:
        return (_loads(data, None),)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # `value_of` will find the words for it
        let_through(error)
        return None


def happened(text: bytes) -> "tuple[list[Any], dict[str, Any], int]":
    """The members `trace` and `effects`, which stand first behind the key, and where the next one begins."""
    from .scanner import scan

    rest = text.decode("ascii")
    trace, place = scan(rest, len('"trace":'))
    effects, place = scan(rest, place + len(',"effects":'))
    return trace, effects, place + 1


def require_footer(view: memoryview) -> None:
    """Raise `Refused` unless `view` ends as an entry of this format does."""
    if len(view) < FOOTER or view[-16:] != TRAILER:
        raise Refused(*_not_ours(view))


def _unpickled(stream: memoryview, buffers: "list[memoryview] | None", find: "Any") -> "tuple[object, Any]":
    """What the authenticated `stream` builds: the value, and what stands behind it if the call had effects."""
    try:
        if find is None:
            return _loads(stream, buffers), None
        from .unlinked import read

        return read(stream, buffers, find)
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # also a SystemExit of a module imported by the stream: the script did not ask for it
        let_through(error)
        raise Refused("damaged", f"unpickling raised {type(error).__name__}: {error}") from error


def _loads(stream: "memoryview | bytes", buffers: "list[memoryview] | None") -> object:
    """What a plain pickle builds. The pickle module is large to import for a script that has no use for it, so the
    first small values of a program that has not are read by plain.py, if they are what that reads.
    """
    global _read_plainly
    if "_pickle" not in sys.modules and len(stream) <= _PLAIN and _read_plainly < _WORTH_IT:
        from . import plain

        _read_plainly += 1
        try:
            return plain.loads(bytes(stream))
        except plain.Unknown:
            pass
    from _pickle import loads

    return loads(stream, buffers=buffers)


def table_of(table: memoryview, stream: int) -> "list[tuple[int, int, int, bytes]]":
    """The rows of a buffer table that can be right: buffers inside the stream, in order, apart."""
    rows = []
    place = 0
    for start in range(0, len(table) - len(table) % ROW, ROW):
        row = table[start : start + ROW]
        offset, length, flags = numbers(row[:24])
        if offset < place or offset + length > stream:
            break
        rows.append((offset, length, flags, bytes(row[24:])))
        place = offset + length
    if len(rows) * ROW != len(table):
        raise Refused("damaged", "its table of buffers makes no sense")
    return rows


def _not_ours(view: memoryview) -> "tuple[str, str]":
    """Why the last bytes are not those of an entry of this format."""
    if len(view) == 0:
        return "damaged", "the file is empty"
    if len(view) < FOOTER or view[-8:] != MAGIC:
        return "damaged", "truncated, or not written by devstash"
    number = int.from_bytes(view[-16:-12], "little")
    if FORMAT < number < 1 << 16 and not any(view[-12:-8]):
        return "future format", f"format {number} of a newer devstash; this one reads format {FORMAT}"
    return "damaged", "its footer is not that of an entry"


def _wrong_tag(view: memoryview, rows: "list[tuple[int, int, int, bytes]]") -> "tuple[str, str]":
    """Whether an entry with a wrong tag is damaged or was written with another key."""
    if checksum(view, rows) == view[-64:-48]:
        return "foreign", "signed with another key than yours"
    return "damaged", "its checksum is wrong"


def checksum(view: memoryview, rows: "list[tuple[int, int, int, bytes]]") -> bytes:
    """The digest of all that comes before the checksum itself, large buffers left out."""
    whole = blake2b(digest_size=16)
    place = 0
    for offset, length, _, _ in rows:
        whole.update(view[place:offset])
        place = offset + length
    whole.update(view[place:-64])
    return whole.digest()
