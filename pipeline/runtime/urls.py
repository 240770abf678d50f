"""Which texts are URLs, and which of them may name a table."""

import re

from pipeline.runtime.masking import shown_address

TABLE_URL = r"(s3|gs|https?)://[^@?#/]+(/[^?#]*)?"  # s3://salaries/raw; no password, no version, no query


def is_url(text: str) -> bool:
    """Whether a text is a URL of any kind, and no path on this machine.

    >>> is_url("s3://salaries/raw"), is_url("data/raw/salaries.csv")
    (True, False)
    """
    return re.match(r"[a-z0-9+.-]+://", text, re.IGNORECASE) is not None


def check_table_url(url: str) -> None:
    """Raise ValueError if a URL is none that a table may be at. The message shows no password.

    >>> check_table_url("https://me:secret@example.org/a.csv")
    Traceback (most recent call last):
    ValueError: the URL of a raw table must begin with s3://, gs://, https:// or http:// and have no password, ? or #; \
found https://***@example.org/a.csv; what opens it belongs into the environment, or dvc get-url brings the table here
    """
    if not re.fullmatch(TABLE_URL, url):
        rule = "the URL of a raw table must begin with s3://, gs://, https:// or http:// and have no password, ? or #"
        fix = "what opens it belongs into the environment, or dvc get-url brings the table here"
        raise ValueError(f"{rule}; found {shown_address(url)}; {fix}")
