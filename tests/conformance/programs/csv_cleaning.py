"""Cleans a messy CSV: trims, parses dates and amounts, drops duplicates, writes a summary by month."""

import csv
import datetime
import decimal
import io
from collections import defaultdict

RAW = """id, date , amount,name
1,2023-01-05, 10.50 ,Ann
2,05/01/2023,7.25,bob
2,05/01/2023,7.25,bob
3,,3,Cid
4,2023-02-10,"1,200.00", Dana
5,2023-02-30,5,Eve
"""

FORMATS = ("%Y-%m-%d", "%d/%m/%Y")


def parse_date(text):
    for form in FORMATS:
        try:
            return datetime.datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    return None


def parse_amount(text):
    return decimal.Decimal(text.strip().replace(",", ""))


def read(text):
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    return [{key.strip(): value.strip() for key, value in row.items()} for row in rows]


def clean(rows):
    seen = set()
    for row in rows:
        if row["id"] in seen:
            continue
        seen.add(row["id"])
        yield {**row, "date": parse_date(row["date"]), "amount": parse_amount(row["amount"])}


def by_month(rows):
    totals = defaultdict(decimal.Decimal)
    for row in rows:
        if row["date"]:
            totals[row["date"].strftime("%Y-%m")] += row["amount"]
    return totals


rows = read(RAW)  # @devstash
print(len(rows), "rows read")
rows = list(clean(rows))  # @devstash
print(len(rows), "rows left")
rejected = [row["id"] for row in rows if row["date"] is None]  # @devstash
print("without a date:", rejected)
totals = by_month(rows)  # @devstash
for month, total in sorted(totals.items()):  # @devstash
    print(month, total)
print(type(totals).__name__, totals.default_factory is decimal.Decimal)
