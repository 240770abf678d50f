"""What is said of a night, in the form that its receiver takes: JSON for programs, words for a chat, a card, a mail."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline import params
from pipeline.runtime import escape

LONGEST = 3000  # characters of what is said in words: chats refuse long messages, or cut them
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
CARD = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}


@dataclass(frozen=True)
class Message:
    """The bytes, and what type of content they are."""

    body: bytes
    content_type: str


def message_of(report: Mapping[str, object], form: params.MessageFormat) -> Message:
    """The report in this form. All but JSON has it in words, at most `LONGEST` characters and the link.

    Source: Slack, "Sending messages using incoming webhooks"; Microsoft Teams, "Create incoming webhooks with
    Workflows".
    """
    if form == "json":
        return _as_json(report)
    link = str(report["link"] or "")
    lines = [*_in_words(report)[:LONGEST].split("\n"), *filter(None, [link])]
    if form == "slack":
        return _as_json({"text": _mrkdwn("\n".join(lines))})
    if form == "teams":
        blocks = [{"type": "TextBlock", "text": _linked(line, link), "wrap": True} for line in lines]
        card = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None}
        return _as_json({"type": "message", "attachments": [{**card, "content": {**CARD, "body": blocks}}]})
    return Message("".join(f"{line}\n" for line in lines).encode(), TEXT)


def _as_json(facts: object) -> Message:
    return Message(json.dumps(facts).encode(), JSON)


def _in_words(report: Mapping[str, object]) -> str:
    r"""What happened in a line, and why.

    >>> _in_words({"date": "2026-01-31", "host": "a", "ending": "kept", "code": 20, "message": "it is worse"})
    'The night of 2026-01-31 on a: kept (code 20)\nit is worse'
    """
    title = "The night of {date} on {host}: {ending} (code {code})\n{message}".format_map(report)
    return escape.terminal(title)


def _mrkdwn(text: str) -> str:
    """The text for Slack, where `<!channel>` would call everybody.

    >>> _mrkdwn("R&D <!channel>")
    'R&amp;D &lt;!channel&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _linked(line: str, link: str) -> str:
    """The line of a card: the night's link as Markdown, and no other link, whatever a table's cells say.

    >>> _linked("[prize](https://a.example)", "")
    '[prize] (https://a.example)'
    """
    return f"[{link}]({link})" if link and line == link else line.replace("](", "] (")
