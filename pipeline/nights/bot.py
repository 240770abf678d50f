"""The bot that signs what nights commit."""

import datetime

from pipeline.repository.workspace import Workspace

AUTHOR, ADDRESS = "nightly", "nightly@localhost"


def identity(date: datetime.date) -> dict[str, str]:
    """Variables for git: the bot at the date's midnight, UTC, so that a night is always the same commit."""
    values = {"NAME": AUTHOR, "EMAIL": ADDRESS, "DATE": f"{date.isoformat()}T00:00:00+0000"}
    return {f"GIT_{role}_{part}": values[part] for role in ("AUTHOR", "COMMITTER") for part in values}


def as_bot(workspace: Workspace, date: datetime.date) -> Workspace:
    """The workspace, with the bot as the author of all commits and tags."""
    return workspace.with_variables(identity(date))
