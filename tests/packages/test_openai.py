"""The openai client against a server on loopback: the same question is asked once."""

import json

import pytest

openai = pytest.importorskip("openai")

SCRIPT = """
import sys
from openai import OpenAI

url, key, model, question = sys.argv[1:5]
client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
answer = client.chat.completions.create(  # @devstash ttl=1d
    model=model,
    messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}],
    temperature=0,
)
print(type(answer).__name__, answer.choices[0].message.content, answer.usage.total_tokens)
print(answer.model_dump_json())
"""


@pytest.fixture
def ask(stash, chat):
    stash.write("s.py", SCRIPT)

    def run(question="hello", model="small", key="key-1", url=None, **keywords):
        printed = stash.ok("s.py", url or chat.url, key, model, question, **keywords)
        assert f"ChatCompletion {model}: {question.upper()} 10" in printed
        return chat.count()

    return run


def test_second_run_sends_no_request(ask):
    assert ask() == 1
    assert ask() == 0
    assert ask() == 0


def test_what_a_hit_saves_is_told_in_tokens_too(ask, stash):
    assert ask() == 1
    assert '"tokens": 10' in stash.devstash("show", "--json", "s.py:7").stdout
    assert ask() == 0
    document = json.loads(stash.devstash("stats", "--json").stdout)
    assert (document["hits"], document["misses"], document["tokens"]) == (1, 1, 10)


def test_another_question_or_model_is_asked(ask):
    assert ask() == 1
    assert ask("goodbye") == 1
    assert ask(model="large") == 1
    assert ask() == ask("goodbye") == ask(model="large") == 0


def test_another_base_url_is_asked(ask, chat):
    assert ask() == 1
    assert ask(url=chat.url + "/elsewhere") == 1
    assert ask(url=chat.url + "/elsewhere") == 0


def test_another_api_key_hits(ask):
    assert ask(key="key-1") == 1
    assert ask(key="key-2") == 0


def test_key_from_the_environment_hits_too(stash, chat):
    stash.write("s.py", SCRIPT.replace(", api_key=key", ""))
    for key in ("one", "two"):
        stash.ok("s.py", chat.url, "unused", "small", "hello", env={"OPENAI_API_KEY": key})
    assert chat.count() == 1


def test_another_organisation_or_default_header_is_asked(stash, chat):
    for extra in (
        "organization='a'",
        "organization='b'",
        "default_headers={'X-Tenant': 'a'}",
        "default_query={'v': '2'}",
    ):
        stash.write("s.py", SCRIPT.replace("max_retries=0", "max_retries=0, " + extra))
        for expected in (1, 0):
            stash.ok("s.py", chat.url, "key", "small", "hello")
            assert chat.count() == expected, extra


def test_calls_through_one_client_do_not_disturb_each_other(stash, chat):
    """The second call of a client finds its entry, whether or not the first one was made in this run."""
    stash.write(
        "s.py",
        """
        import sys
        from openai import OpenAI
        client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
        def ask(question):
            return client.chat.completions.create(  # @devstash
                model="small", messages=[{"role": "user", "content": question}]
            ).choices[0].message.content
        for question in sys.argv[2:]:
            print(ask(question))
        """,
    )
    assert stash.ok("s.py", chat.url, "a", "b") == "small: A\nsmall: B\n"
    assert chat.count() == 2
    assert stash.ok("s.py", chat.url, "b", "c", "a") == "small: B\nsmall: C\nsmall: A\n"
    assert chat.count() == 1


def test_async_client(stash, chat):
    stash.write(
        "s.py",
        """
        import asyncio, sys
        from openai import AsyncOpenAI
        async def main():
            client = AsyncOpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
            answer = await client.chat.completions.create(  # @devstash
                model="small", messages=[{"role": "user", "content": "hello"}]
            )
            print(answer.choices[0].message.content)
        asyncio.run(main())
        """,
    )
    assert stash.twice("s.py", chat.url) == "small: HELLO\n"
    assert chat.count() == 1


def test_errors_are_as_without_devstash(stash, serve):
    server = serve(lambda *request: (429, "application/json", '{"error": {"message": "slow down"}}'))
    stash.write("s.py", SCRIPT)
    args = ("s.py", server.url, "key", "small", "hello")
    expected = stash.plain(*args)
    assert "RateLimitError" in expected.stderr and expected.status == 1
    for _ in range(2):
        assert stash.run(*args).raw == expected.raw


LOOP = """
import sys
from openai import OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)

def ask(question):
    answer = client.chat.completions.create(  # @devstash
        model="small", messages=[{"role": "user", "content": question}]
    )
    return answer.choices[0].message.content

def judge(question):
    if question == sys.argv[2]:
        raise KeyboardInterrupt
    return ask(question)

answers = [judge(question) for question in ["q%d" % i for i in range(8)]]
print(answers)
"""


def test_interrupted_loop_repeats_nothing_that_finished(stash, chat):
    stash.write("s.py", LOOP)
    assert stash.run("s.py", chat.url, "q5").status != 0
    assert chat.count() == 5
    printed = stash.ok("s.py", chat.url, "none")
    assert printed == str([f"small: Q{i}" for i in range(8)]) + "\n"
    assert chat.count() == 3
    assert stash.ok("s.py", chat.url, "none") == printed
    assert chat.count() == 0


def test_interrupted_comprehension_of_marked_calls(stash, chat):
    """The comprehension itself carries the marker."""
    stash.write(
        "s.py",
        """
        import sys
        from openai import OpenAI
        client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
        stop = int(sys.argv[2])
        def question(i):
            if i == stop:
                raise KeyboardInterrupt
            return "q%d" % i
        answers = [
            client.chat.completions.create(  # @devstash
                model="small", messages=[{"role": "user", "content": question(i)}]
            ).choices[0].message.content
            for i in range(6)
        ]
        print(answers)
        """,
    )
    assert stash.run("s.py", chat.url, "4").status != 0
    assert chat.count() == 4
    stash.ok("s.py", chat.url, "99")
    assert chat.count() == 2
