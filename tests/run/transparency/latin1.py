# -*- coding: latin-1 -*-
name = "café"


def f(text):
    return text.upper() + "ß"


x = f("äöü" + name)  # @devstash  # é
print(ascii(x), len(x), x == "ÄÖÜCAFÉß")
raise ValueError("é")
