"""Crawls a web of pages held in memory, several at a time, and never one twice."""

import asyncio
import html.parser

PAGES = {
    "/": '<a href="/a">A</a> <a href="/b">B</a>',
    "/a": '<a href="/b">B</a> <a href="/c">C</a><title>Page A</title>',
    "/b": '<a href="/">home</a><title>Page B</title>',
    "/c": '<a href="/missing">?</a><title>Page C</title>',
}


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if (tag, name) == ("a", "href")]


class NotFound(Exception):
    pass


async def fetch(path):
    await asyncio.sleep(0)
    try:
        return PAGES[path]
    except KeyError:
        raise NotFound(path) from None


def links(text):
    parser = Links()
    parser.feed(text)
    return parser.found


class Crawler:
    def __init__(self, workers=3):
        self.workers = workers
        self.pages = {}
        self.missing = []

    async def work(self, queue):
        while True:
            path = await queue.get()
            try:
                text = await fetch(path)  # @devstash
                self.pages[path] = links(text)  # @devstash
                for link in self.pages[path]:
                    if link not in self.pages:
                        self.pages.setdefault(link, [])
                        queue.put_nowait(link)
            except NotFound as trouble:
                self.missing.append(str(trouble))
            finally:
                queue.task_done()

    async def crawl(self, start):
        queue = asyncio.Queue()
        queue.put_nowait(start)
        tasks = [asyncio.create_task(self.work(queue)) for _ in range(self.workers)]
        await queue.join()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self


async def main():
    crawler = await Crawler().crawl("/")
    for path, found in sorted(crawler.pages.items()):
        print(path, found)
    print("missing:", crawler.missing)
    texts = await asyncio.gather(*(fetch(path) for path in ("/a", "/b")))  # @devstash
    print([len(text) for text in texts])


asyncio.run(main())
