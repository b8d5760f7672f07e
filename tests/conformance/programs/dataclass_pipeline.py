"""A pipeline of stages over dataclasses, with validation and a registry of stages."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Callable


class Status(enum.Enum):
    NEW = "new"
    DONE = "done"
    BAD = "bad"


@dataclass
class Record:
    id: int
    name: str
    value: float = 0.0
    status: Status = Status.NEW
    notes: list[str] = field(default_factory=list)


STAGES: dict[str, Callable[[Record], Record]] = {}


def stage(function):
    STAGES[function.__name__] = function
    return function


@stage
def normalise(record):
    return dataclasses.replace(record, name=record.name.strip().title())


@stage
def scale(record, factor=2.5):
    return dataclasses.replace(record, value=record.value * factor)


@stage
def check(record):
    if record.value < 0:
        return dataclasses.replace(record, status=Status.BAD, notes=[*record.notes, "negative"])
    return dataclasses.replace(record, status=Status.DONE)


def run(records, names):
    for name in names:
        records = [STAGES[name](record) for record in records]
    return records


def summary(records):
    by_status = {status: [] for status in Status}
    for record in records:
        by_status[record.status].append(record.id)
    return {status.name: ids for status, ids in by_status.items()}


records = [Record(1, " ann "), Record(2, "BOB", 2.0), Record(3, "cid", -1.0)]
done = run(records, ["normalise", "scale", "check"])  # @devstash
for record in done:
    print(record)
print(summary(done))  # @devstash
print(done[1].status is Status.DONE, isinstance(done[0], Record))
again = run(done, ["scale"])  # @devstash
print([record.value for record in again], dataclasses.asdict(again[2])["status"])
