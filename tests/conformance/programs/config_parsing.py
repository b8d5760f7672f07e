"""Reads an INI file with defaults, overlays the environment, validates, and shows what came out."""

import configparser
import os
from dataclasses import asdict, dataclass, fields

TEXT = """
[DEFAULT]
timeout = 30
[server]
host = example.org
port = 8080
debug = yes
[client]
timeout = 5
retries = 2
"""


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    timeout: float
    debug: bool = False

    def __post_init__(self):
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port} is out of range")


def load(text):
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def overlay(section, environment, prefix):
    changed = dict(section)
    for name, value in environment.items():
        if name.startswith(prefix):
            changed[name[len(prefix) :].lower()] = value
    return changed


def convert(kind, section):
    convertors = {"str": str, "int": int, "float": float, "bool": lambda text: text in ("yes", "true", "1")}
    values = {}
    for field in fields(kind):
        if field.name in section:
            name = field.type if isinstance(field.type, str) else field.type.__name__
            values[field.name] = convertors[name](section[field.name])
    return kind(**values)


sections = load(TEXT)  # @devstash
print(sections)
environment = {"APP_PORT": "9090", "HOME": "/nowhere"}
server = convert(Server, overlay(sections["server"], environment, "APP_"))  # @devstash
print(server, asdict(server))
try:
    convert(Server, {**sections["server"], "port": "99999"})  # @devstash
except ValueError as trouble:
    print("refused:", trouble)
print(sorted(sections["client"].items()))  # @devstash
path = os.path.join("etc", "app.ini")  # @devstash
print(path)
