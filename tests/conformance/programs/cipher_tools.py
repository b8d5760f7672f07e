# args: encrypt "Attack at dawn" --shift 3
"""Ciphers picked by subcommand, with closures, tables and partials."""

import argparse
import base64
import functools
import hashlib
import hmac
import itertools
import string


def rotation(shift):
    letters = string.ascii_lowercase
    moved = letters[shift:] + letters[:shift]
    table = str.maketrans(letters + letters.upper(), moved + moved.upper())
    return lambda text: text.translate(table)


def xor(key, data):
    return bytes(a ^ b for a, b in zip(data, itertools.cycle(key)))


def signed(function, secret):
    @functools.wraps(function)
    def inner(*args):
        text = function(*args)
        return text, hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:16]

    return inner


def crack(text, words):
    for shift in range(26):
        guess = rotation(-shift % 26)(text)
        if words & set(guess.lower().split()):
            return shift, guess
    return None


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
for name in ("encrypt", "decrypt"):
    sub = commands.add_parser(name)
    sub.add_argument("text")
    sub.add_argument("--shift", type=int, default=13)
options = parser.parse_args()
shift = options.shift if options.command == "encrypt" else -options.shift % 26
rotate = rotation(shift)
out = rotate(options.text)  # @devstash
print(out)
text, tag = signed(rotate, b"secret")(options.text)  # @devstash
print(text == out, tag)
found = crack(out, {"dawn", "dusk"})  # @devstash
print(found)
key = b"k3y"
hidden = base64.b64encode(functools.partial(xor, key)(options.text.encode())).decode()  # @devstash
print(hidden)
shown = functools.reduce(
    lambda data, f: f(data), [base64.b64decode, functools.partial(xor, key), bytes.decode], hidden
)  # @devstash
print(shown)
