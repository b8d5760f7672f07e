#!/usr/bin/env python3
# vim: set fileencoding=cp1252 :


def f(text):
    return text + "€"


print(ascii(f("“quoted”")))  # @devstash
été = f("x")  # @devstash
print(ascii(été))
