import pytest

from pipeline.runtime.urls import check_table_url, is_url


@pytest.mark.parametrize("text", ["s3://salaries/raw", "HTTPS://example.org/a.csv", "remote://storage/a.csv"])
def test_a_url_has_a_scheme(text):
    assert is_url(text)


@pytest.mark.parametrize("text", ["data/raw", "/s3://x", "s3:/salaries", "a b://c", ""])
def test_all_else_is_a_path(text):
    assert not is_url(text)


@pytest.mark.parametrize(
    "url",
    ["s3://salaries", "s3://salaries/", "gs://salaries/raw/2024", "https://example.org:8443/a@b.csv", "http://[::1]/a"],
)
def test_a_table_may_be_on_s3_on_google_and_on_the_web(url):
    check_table_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/a.csv", "S3://salaries/raw", "file:///a.csv", "remote://storage/a.csv", "s3://"),
        *("https://me:s3cret@example.org/a", "https://example.org/a.csv?token=s3cret", "https://example.org/a#s3cret"),
    ],
)
def test_any_other_url_is_refused_and_its_secrets_are_not_shown(url):
    with pytest.raises(ValueError, match=r"must begin with s3://, .* and have no password, \? or #; found ") as caught:
        check_table_url(url)
    assert "s3cret" not in str(caught.value)
