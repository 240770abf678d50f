"""Secrets in every position of addresses and commands; and programs that repeat them in their own ways."""

import json
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.masking import masked, secrets_in, shown_address, without_user

ADDRESSES = [
    "https://{}@a.example/salaries.csv",
    "https://me:{}@a.example:8080/salaries.csv",
    "https://{}:x-oauth-basic@a.example/salaries.csv?raw=1",
    "https://a.example/salaries.csv?token={}",
    "https://a.example/salaries.csv?a=b&sig={}&c=d",
    "https://a.example/salaries.csv?{}",
    "https://a.example/salaries.csv#{}",
    "s3://{}@bucket/salaries.csv",
]
SECRETS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*\0"), min_size=4, max_size=40)
TRICKY = st.text(st.sampled_from("@:/?#%&='\"\\ \n0aé"), min_size=4, max_size=20)
NONE = "0"  # a secret that is too short to be one


def forms(secret):
    """How programs may write the secret."""
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), unquote(secret))
    yield from (repr(secret), json.dumps(secret), quote(secret, safe="").lower())


def leaked(text, secret, *, own):
    """The runs of four characters of the secret that the text shows, and that are not among its own words."""
    runs = {form[at : at + 4] for form in forms(secret) for at in range(len(form) - 3)}
    return [run for run in runs if run in text and run not in own]


def failure(address, secret):
    said = "\n".join([f"ERROR: '{address.format(form)}' does not exist: {form} is wrong" for form in forms(secret)])
    return str(CommandError(["dvc", "get-url", "--", address.format(secret)], "ended with code 255", said.encode()))


@pytest.mark.parametrize("address", ADDRESSES)
@given(SECRETS | TRICKY)
@example("p@ss'w\"ord")
@example("pä ss/w?o#rd")
@example("100%25@a.example")
def test_no_four_characters_of_a_secret_in_an_address_are_shown(address, secret):
    own = failure(address, NONE) + "***"
    assert not leaked(failure(address, secret), secret, own=own)
    assert not leaked(shown_address(address.format(secret)), secret, own=own)


@given(st.lists(SECRETS | TRICKY, min_size=1, max_size=3))
def test_no_word_that_is_told_to_be_secret_is_shown(secrets):
    said = " ".join(form for secret in secrets for form in forms(secret)).encode()
    text = str(CommandError(["curl", *secrets], "ended with code 1", said, secrets=secrets))
    assert text.startswith("curl *** ")
    own = "curl *** ended with code 1"
    assert not [leak for secret in secrets for leak in leaked(text, secret, own=own)]


@given(SECRETS | TRICKY)
def test_what_hides_nothing_is_shown_as_it_is(text):
    assert masked(text.replace("://", ""), []) == text.replace("://", "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://a.example/x.csv", "https://a.example/x.csv"),
        ("https://cdn.example/gh/me/table@1.2/x.csv", "https://***@1.2/x.csv"),  # this could be a password, too
        ("https://me:p@ss@a.example/x.csv", "https://***@a.example/x.csv"),
        ("https://me:p/ss@a.example/x.csv", "https://***@a.example/x.csv"),
        ("https://me:p#ss@a.example/x.csv", "https://***"),
        ("https://a.example/x.csv?mail=a@b.example", "https://***"),
        ("s3://bucket/key.csv", "s3://bucket/key.csv"),
        ("../salaries.csv", "../salaries.csv"),
        ("git@a.example:me/table", "git@a.example:me/table"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(address, shown):
    assert shown_address(address) == shown
    assert shown_address(shown_address(address)) == shown_address(address)
    assert masked(f"found {address} there") == f"found {shown_address(address)} there"


def test_an_address_without_its_user_still_has_its_query():
    assert without_user("https://me:p@ss@a.example/x.csv?t=1") == "https://a.example/x.csv?t=1"
    assert without_user("https://me:p?ss@a.example/x.csv") is None


def test_every_rule_that_is_not_kept_is_told_without_secrets():
    error = RuleError("the source", rule="must be read", found="ftp://me:secret@a.example/x?t=1234", fix="mend it")
    assert str(error) == "the source must be read, found ftp://***@a.example/x?*** mend it"


def test_secrets_of_fewer_than_four_characters_hide_no_words_of_ours():
    assert masked("a cat sat", ["cat"]) == "a cat sat"
    assert list(secrets_in("https://a.example/x")) == []
