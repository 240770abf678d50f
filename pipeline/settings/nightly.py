"""`nightly:` what a night may do, when its table is rejected, and when its model goes out."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.runtime.sections import Section
from pipeline.settings.numbers import Count, Limit, Seconds


class DriftLimits(Section):
    """`nightly.drift.stop:` and `.warn:` how far tonight's table and its new rows may be off; null is any far."""

    rows_gone: Limit
    rows_added: Limit
    rows_changed: Limit
    estimated_values: Limit
    new_categories: Limit
    stability_index: Limit
    target_mean: Limit
    target_spread: Limit
    unseen_values: Limit
    new_rows_bias: Limit
    new_rows_error: Limit
    new_rows_coverage: Limit
    bias_over_nights: Limit


class Drift(Section):
    """`nightly.drift:` beyond one limit tonight's table is rejected, beyond the other the report says so.

    What new rows say is beyond a limit if it is so with this confidence, and if they are enough.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_new_rows: Count
    stop: DriftLimits
    warn: DriftLimits


class Gate(Section):
    """`nightly.gate:` when a challenger takes the champion's place."""

    tolerance: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_test_rows: Count
    too_few: Literal["promote", "keep"]
    max_over_mean: Annotated[float, Field(gt=0)]
    max_over_ridge: Annotated[float, Field(gt=0)] | None
    slice_tolerance: Annotated[float, Field(ge=0)]
    min_slice_rows: Count


class StalenessLimits(Section):
    """`nightly.staleness.stop:` and `.warn:` how many days or nights nothing may have changed; null is any number."""

    champion_days: Limit
    source_days: Limit
    kept_in_a_row: Limit


class Staleness(Section):
    """`nightly.staleness:` beyond one limit a quiet night needs somebody, beyond the other its message says so."""

    stop: StalenessLimits
    warn: StalenessLimits


def _a_link(link: str) -> str:
    if not re.fullmatch(r"https?://\S+", link):  # not shown: it may hold a password
        raise ValueError("must be an address that begins with https:// or http://, without blanks; found another text")
    rest = link.replace("{commit}", "").replace("{date}", "")
    if braces := re.search(r"\{[^}]*\}?|\}", rest):
        raise ValueError(
            f"must have nothing in braces but {{commit}} and {{date}}; found {braces[0]}: write one of these"
        )
    return link


MessageFormat = Literal["json", "slack", "teams", "text"]
"""The form of what is said of a night."""


class Notify(Section):
    """`nightly.notify:` who is told how the night ended, and in which form: a command (its words) and a webhook.

    The heartbeat is an address that only hears that a night has ended.
    """

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None
    webhook: str | None
    heartbeat: str | None
    format: MessageFormat
    link: Annotated[str, AfterValidator(_a_link)] | None
    seconds: Seconds


class Nightly(Section):
    """`nightly:` where tonight's table comes from, how long each step may take, and what a model must do to go out."""

    source: Annotated[str, Field(min_length=1)] | None
    recipe: str
    tries: Count
    fetch_seconds: Seconds
    max_bytes: Count | None
    repro_seconds: Seconds
    publish_seconds: Seconds
    record_kept: bool
    drift: Drift
    gate: Gate
    staleness: Staleness
    notify: Notify
