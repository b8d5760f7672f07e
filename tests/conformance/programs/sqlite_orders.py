"""Loads orders into sqlite and asks a few questions of them."""

import contextlib
import random
import sqlite3

SCHEMA = """
create table customers (id integer primary key, name text);
create table orders (id integer primary key, customer integer references customers, total real);
"""


def generate(seed, n):
    source = random.Random(seed)
    return [(i, source.randint(1, 3), round(source.uniform(5, 50), 2)) for i in range(n)]


@contextlib.contextmanager
def database(path=":memory:"):
    connection = sqlite3.connect(path)
    try:
        connection.executescript(SCHEMA)
        yield connection
    finally:
        connection.close()


def fill(connection, orders):
    connection.executemany("insert into customers values (?, ?)", [(1, "ann"), (2, "bob"), (3, "cid")])
    connection.executemany("insert into orders values (?, ?, ?)", orders)
    connection.commit()


def report(orders):
    with database() as connection:
        fill(connection, orders)
        query = """select name, count(*), round(sum(total), 2) from orders join customers
                   on customers.id = customer group by name order by name"""
        return connection.execute(query).fetchall()


orders = generate(7, 40)  # @devstash
rows = report(orders)  # @devstash
for name, count, total in rows:
    print(f"{name:5} {count:3} {total:8.2f}")

with database() as connection:
    fill(connection, orders)
    biggest = connection.execute("select max(total) from orders").fetchone()  # @devstash
    names = [name for (name,) in connection.execute("select name from customers order by 1")]  # @devstash
print(biggest, names)
