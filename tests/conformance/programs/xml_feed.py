"""Reads an RSS feed, sorts it by date, and writes an e-mail about it."""

import email.message
import email.policy
import email.utils
import textwrap
import xml.etree.ElementTree as ET

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>News &amp; more</title>
<item><title>Second</title><pubDate>Tue, 03 Jan 2023 10:00:00 +0100</pubDate>
<description>Something &lt;b&gt;happened&lt;/b&gt; again.</description></item>
<item><title>First</title><pubDate>Mon, 02 Jan 2023 10:00:00 +0100</pubDate><description/></item>
</channel></rss>"""


def items(root):
    for node in root.iter("item"):
        yield {child.tag: (child.text or "").strip() for child in node}


def by_date(entries):
    return sorted(entries, key=lambda entry: email.utils.parsedate_to_datetime(entry["pubDate"]))


def compose(title, entries):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = title
    message["To"] = "reader@example.org"
    lines = [f"* {entry['title']}: {entry['description'] or '(no text)'}" for entry in entries]
    message.set_content("\n".join(textwrap.fill(line, 40) for line in lines))
    return message


root = ET.fromstring(FEED)  # @devstash
title = root.findtext("channel/title")  # @devstash
entries = list(items(root))  # @devstash
ordered = by_date(entries)  # @devstash
print([entry["title"] for entry in ordered])
message = compose(title, ordered)  # @devstash
print(message["Subject"], message["To"])
print(message.get_content())  # @devstash
text = ET.tostring(root, encoding="unicode")  # @devstash
print(len(text), text.count("<item>"))
