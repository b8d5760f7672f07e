"""Classes with inheritance, properties, operators and their own exceptions."""

from abc import ABC, abstractmethod
from decimal import ROUND_HALF_UP, Decimal
from functools import total_ordering


class OutOfStock(Exception):
    def __init__(self, item, wanted):
        super().__init__(f"{item.name}: wanted {wanted}, have {item.stock}")
        self.item = item


@total_ordering
class Money:
    def __init__(self, amount):
        self.amount = Decimal(amount).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    def __add__(self, other):
        return Money(self.amount + other.amount)

    def __radd__(self, other):
        return self if other == 0 else NotImplemented

    def __mul__(self, factor):
        return Money(self.amount * Decimal(str(factor)))

    def __eq__(self, other):
        return isinstance(other, Money) and self.amount == other.amount

    def __lt__(self, other):
        return self.amount < other.amount

    def __hash__(self):
        return hash(self.amount)

    def __repr__(self):
        return f"{self.amount} EUR"


class Item(ABC):
    def __init__(self, name, price, stock):
        self.name, self.price, self.stock = name, Money(price), stock

    @abstractmethod
    def tax(self): ...

    @property
    def gross(self):
        return self.price * (1 + self.tax())

    def take(self, n):
        if n > self.stock:
            raise OutOfStock(self, n)
        return self.gross * n


class Book(Item):
    def tax(self):
        return 0.07


class Toy(Item):
    def tax(self):
        return 0.19


class Discounted(Toy):
    def __init__(self, *args, percent=10):
        super().__init__(*args)
        self.percent = percent

    @property
    def gross(self):
        return super().gross * (1 - self.percent / 100)


items = [Book("novel", "9.99", 3), Toy("robot", "25", 1), Discounted("ball", "5", 10, percent=20)]
for item in items:
    price = item.take(1)  # @devstash
    print(item.name, price)
try:
    items[1].take(2)  # @devstash
except OutOfStock as trouble:
    print(trouble, "|", trouble.item is items[1])
total = sum(item.take(1) for item in items)  # @devstash
print(total, total == Money("44.48"), max(item.gross for item in items))
cheapest = min(items, key=lambda item: item.gross)  # @devstash off
print(cheapest.name)
