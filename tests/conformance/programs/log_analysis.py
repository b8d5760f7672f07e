"""Parses web server logs and reports what went wrong, and when."""

import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

LOG = r"""
10.0.0.1 - - [10/Oct/2023:13:55:36 +0200] "GET /index.html HTTP/1.1" 200 2326
10.0.0.2 - - [10/Oct/2023:13:56:01 +0200] "GET /missing HTTP/1.1" 404 209
192.168.1.9 - ann [10/Oct/2023:14:01:10 +0200] "POST /login HTTP/1.1" 500 -
10.0.0.1 - - [10/Oct/2023:14:02:00 +0200] "GET /index.html HTTP/1.1" 304 0
not a log line
"""

LINE = re.compile(
    r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^]]+)\] "(?P<method>\S+) (?P<path>\S+) [^"]*" (?P<status>\d+) (?P<size>\S+)'
)


def parse(line):
    match = LINE.match(line)
    if match is None:
        return None
    entry = match.groupdict()
    entry["time"] = datetime.strptime(entry["time"], "%d/%b/%Y:%H:%M:%S %z")
    entry["status"] = int(entry["status"])
    entry["size"] = 0 if entry["size"] == "-" else int(entry["size"])
    entry["host"] = ip_address(entry["host"])
    return entry


def errors(entries):
    return [entry for entry in entries if entry["status"] >= 400]


def per_hour(entries):
    hours = defaultdict(Counter)
    for entry in entries:
        hour = entry["time"].astimezone(timezone.utc).replace(minute=0, second=0)
        hours[hour][entry["status"] // 100] += 1
    return dict(hours)


lines = LOG.strip().splitlines()  # @devstash
entries = [parse(line) for line in lines]  # @devstash
print(entries.count(None), "bad lines")
entries = [entry for entry in entries if entry]
for entry in errors(entries):  # @devstash
    print(entry["time"].isoformat(), entry["method"], entry["path"], entry["status"])
hours = per_hour(entries)  # @devstash
for hour, counts in sorted(hours.items()):
    print(hour, dict(counts))
local = [e for e in entries if e["host"] in ip_network("10.0.0.0/8")]  # @devstash
print(len(local), sum(e["size"] for e in local))
span = entries[-1]["time"] - entries[0]["time"]  # @devstash
print(span, span > timedelta(minutes=5))
