"""Slow loaders of documents: two loaders of two files are two entries."""

from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"

SCRIPT = """
import os, sys, warnings
counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
warnings.simplefilter("ignore")
import pypdf
from langchain_community.document_loaders import PyPDFLoader

# Counts true executions: each opens the file anew.
original = pypdf.PdfReader.__init__
def counted(self, *args, **kwargs):
    os.write(counter, b"read\\n")
    original(self, *args, **kwargs)
pypdf.PdfReader.__init__ = counted

loader = PyPDFLoader(sys.argv[1])
docs = loader.load()  # @devstash files=*.pdf
for doc in docs:
    print(type(doc).__name__, doc.metadata["page"], doc.page_content)
"""


def test_pdf_loader(stash):
    pytest.importorskip("pypdf")
    pytest.importorskip("langchain_community")
    for name in ("one.pdf", "two.pdf"):
        stash.write(name, (FIXTURES / name).read_bytes())
    stash.write("s.py", SCRIPT)
    plain = stash.plain("s.py", "one.pdf")
    assert plain.stdout == "Document 0 First page of one\nDocument 1 Second page of one\n"
    stash.forget()
    assert stash.twice("s.py", "one.pdf") == plain.stdout
    assert len(stash.executions()) == 1
    # The receiver is part of the key: another path is another loader.
    assert stash.twice("s.py", "two.pdf") == "Document 0 Only page of two\n"
    assert len(stash.executions()) == 2
    assert stash.twice("s.py", "one.pdf") == plain.stdout
    assert len(stash.executions()) == 2
    # A changed file, named by the marker, is another input.
    stash.write("one.pdf", (FIXTURES / "two.pdf").read_bytes())
    assert stash.twice("s.py", "one.pdf") == "Document 0 Only page of two\n"
    assert len(stash.executions()) == 3
