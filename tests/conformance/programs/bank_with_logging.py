"""Accounts with logging to stderr, warnings, and an exit status of its own."""

import logging
import sys
import warnings
from dataclasses import dataclass, field

logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(lineno)d:%(message)s", stream=sys.stdout)
logging.getLogger("devstash").setLevel(logging.CRITICAL)
log = logging.getLogger("bank")


class InsufficientFunds(Exception):
    pass


@dataclass
class Account:
    owner: str
    balance: int = 0
    history: list = field(default_factory=list)

    def deposit(self, amount):
        self.balance += amount
        self.history.append(amount)
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(f"{self.owner} has {self.balance}, not {amount}")
        return self.deposit(-amount)


def interest(balance, rate):
    if rate > 0.5:
        warnings.warn("that is a lot", stacklevel=2)
    return round(balance * (1 + rate), 2)


def audit(accounts):
    return {account.owner: (account.balance, sum(account.history)) for account in accounts}


accounts = [Account("ann"), Account("bob", 5, [5])]
for account in accounts:
    balance = account.deposit(10)  # @devstash
    log.info("%s now has %d", account.owner, balance)
try:
    accounts[0].withdraw(50)  # @devstash
except InsufficientFunds as trouble:
    log.error("%s", trouble)
print(audit(accounts))  # @devstash
print(interest(100, 0.02))  # @devstash
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(interest(100, 0.75))  # @devstash off
print([str(warning.message) for warning in caught])
moved = accounts[1].withdraw(3)  # @devstash
log.info("moved, %d left", moved)
sys.exit(len(accounts))
