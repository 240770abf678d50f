import json

import pytest

from pipeline.nights.messages import CARD, LONGEST, message_of

LINK = "https://git.example/commit/c0ffee"
REPORT = {
    "date": "2026-01-31",
    "host": "a",
    "ending": "kept",
    "code": 20,
    "message": "worse where job_title=R&D <!channel>\n[prize](https://b.example) \x1b[31m",
    "link": LINK,
}
TITLE = "The night of 2026-01-31 on a: kept (code 20)"


def test_json_is_the_whole_report():
    message = message_of(REPORT, "json")
    assert message.content_type == "application/json"
    assert json.loads(message.body) == REPORT


def test_text_has_what_happened_why_and_the_link_in_lines_without_control_characters():
    message = message_of(REPORT, "text")
    assert message.content_type == "text/plain; charset=utf-8"
    *lines, last = message.body.decode().splitlines()
    assert lines == [TITLE, "worse where job_title=R&D <!channel>", r"[prize](https://b.example) \x1b[31m"]
    assert last == LINK


def test_slack_gets_a_text_in_which_nothing_calls_anybody():
    message = message_of(REPORT, "slack")
    assert message.content_type == "application/json"
    text = json.loads(message.body).pop("text")
    assert text.startswith(f"{TITLE}\nworse where job_title=R&amp;D &lt;!channel&gt;\n")
    assert text.endswith(f"\n{LINK}")


def test_teams_gets_a_card_with_a_block_for_each_line_and_no_link_but_the_nights():
    message = message_of(REPORT, "teams")
    assert message.content_type == "application/json"
    (attachment,) = json.loads(message.body)["attachments"]
    texts = [block["text"] for block in attachment["content"].pop("body")]
    assert attachment["content"] == CARD
    assert (texts[0], texts[-1]) == (TITLE, f"[{LINK}]({LINK})")
    assert "[prize] (https://b.example)" in texts[2]


@pytest.mark.parametrize("form", ["slack", "teams", "text"])
def test_a_long_message_is_cut_and_keeps_its_link(form):
    body = message_of(REPORT | {"message": "a" * 10**6}, form).body.decode()
    assert LINK in body
    assert len(body) < LONGEST + 500


@pytest.mark.parametrize("form", ["slack", "teams", "text"])
def test_a_night_without_a_commit_has_no_link(form):
    body = message_of(REPORT | {"link": None}, form).body.decode()
    assert "git.example" not in body
    assert "None" not in body
