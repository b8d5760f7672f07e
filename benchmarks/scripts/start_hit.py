"""One marked call, which hits from the second run on."""

import os


def answer(number):
    os.write(9, b".")
    return {"number": number, "text": "some text"}


value = answer(1)  # @devstash
print({"length": len(value)})
