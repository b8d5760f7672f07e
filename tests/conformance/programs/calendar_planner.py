"""Plans recurring meetings across zones and draws a month."""

import calendar
import datetime
from datetime import timedelta, timezone
from enum import IntEnum


class Day(IntEnum):
    MONDAY = 0
    FRIDAY = 4


def recurring(start, day, count):
    first = start + timedelta(days=(day - start.weekday()) % 7)
    return [first + timedelta(weeks=i) for i in range(count)]


def at(day, hour, offset):
    return datetime.datetime.combine(day, datetime.time(hour), timezone(timedelta(hours=offset)))


def overlap(left, right):
    (a, b), (c, d) = left, right
    latest, earliest = max(a, c), min(b, d)
    return max(timedelta(0), earliest - latest)


start = datetime.date(2024, 2, 27)
meetings = recurring(start, Day.FRIDAY, count=3)  # @devstash
print([day.isoformat() for day in meetings])
times = [at(day, 9, offset) for day in meetings[:1] for offset in (1, -5)]  # @devstash
print([time.astimezone(timezone.utc).strftime("%H:%M") for time in times], times[0] < times[1])
hours = timedelta(hours=8)
shared = overlap((times[0], times[0] + hours), (times[1], times[1] + hours))  # @devstash
print(shared)
month = calendar.TextCalendar(firstweekday=Day.MONDAY).formatmonth(2024, 2)  # @devstash
print(month)
days = sum(calendar.monthrange(2024, m)[1] for m in range(1, 13))  # @devstash
print(days, calendar.isleap(2024))
