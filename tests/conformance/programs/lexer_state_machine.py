"""A Markdown-to-HTML converter as a state machine, with inline marks."""

import html
import re
from enum import Enum, auto


class State(Enum):
    TEXT = auto()
    LIST = auto()
    CODE = auto()


INLINE = [
    (re.compile(r"\*\*(.+?)\*\*"), r"<b>\1</b>"),
    (re.compile(r"\*(.+?)\*"), r"<i>\1</i>"),
    (re.compile(r"`(.+?)`"), lambda match: f"<code>{match.group(1)}</code>"),
]


def inline(text):
    text = html.escape(text, quote=False)
    for pattern, replacement in INLINE:
        text = pattern.sub(replacement, text)
    return text


class Converter:
    def __init__(self):
        self.state = State.TEXT
        self.out = []

    def enter(self, state):
        if state is self.state:
            return
        close = {State.LIST: "</ul>", State.CODE: "</pre>"}.get(self.state)
        opened = {State.LIST: "<ul>", State.CODE: "<pre>"}.get(state)
        self.out += [tag for tag in (close, opened) if tag]
        self.state = state

    def line(self, text):
        if text.startswith("    "):
            self.enter(State.CODE)
            self.out.append(html.escape(text[4:]))
        elif text.startswith("- "):
            self.enter(State.LIST)
            self.out.append(f"<li>{inline(text[2:])}</li>")
        else:
            self.enter(State.TEXT)
            heading = re.match(r"(#+) (.*)", text)
            if heading:
                level = len(heading.group(1))
                self.out.append(f"<h{level}>{inline(heading.group(2))}</h{level}>")
            elif text:
                self.out.append(f"<p>{inline(text)}</p>")


def convert(text):
    converter = Converter()
    for line in text.splitlines():
        converter.line(line)
    converter.enter(State.TEXT)
    return "\n".join(converter.out)


SOURCE = """# Title *and* more

Some **bold** text with `x < y`.

- one
- two **three**

    code & more
done"""

print(convert(SOURCE))  # @devstash
pieces = [inline(piece) for piece in SOURCE.split("\n\n")]  # @devstash
print(len(pieces), pieces[1])
headings = re.findall(r"^# (.*)$", SOURCE, re.M)  # @devstash
print(headings)
