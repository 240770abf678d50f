"""What all steps of a night share: its clone, its date, the settings of the commit it began at; and how it can end."""

import datetime
import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.nights.record import NightOutcome, Record
from pipeline.nights.record_files import FILES
from pipeline.repository.delivery import check_unchanged
from pipeline.repository.dvc_lock import LOCK, Stage, inputs, outputs, read_lock
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.private import private
from pipeline.runtime.urls import is_url
from pipeline.runtime.yaml_files import read

MAX_BYTES = 1 << 30
"""Of a table, where the settings say nothing; more if yesterday's has more than a `MAX_GROWTH`th of it."""
MAX_GROWTH = 32  # many times what a table grows in a night, and what its text is longer than its gzip
QUOTES = "quotes.txt"  # in the night's folder
FAILURES = (RuleError, CommandError, OSError)  # what fails a night; any other error is a defect


class NightEnded(Exception):  # noqa: N818 (no error: a night may end early)
    """A step ends the night before its last one: how, why, with which table, and the record to publish, if any."""

    def __init__(self, outcome: NightOutcome, message: str, record: Record | None = None, table_md5: str = "") -> None:
        super().__init__(message)
        self.outcome, self.message, self.record, self.table_md5 = outcome, message, record, table_md5


@dataclass(frozen=True)
class NightResult:
    """How a night ended, in words; its record, if it came to a decision; the commit, if it made one; its folder."""

    outcome: NightOutcome
    message: str
    record: Record | None = None
    commit: str | None = None
    folder: Path | None = None  # where its log is, if it leaves one
    table_md5: str = ""  # of the table that came, if one did


@dataclass(frozen=True)
class Night:
    """Where a night works, when, and under which settings."""

    workspace: Workspace
    folder: Path  # of what it leaves
    date: datetime.date
    force_reason: str | None  # why the night is forced, if it is
    settings: params.Nightly
    prepare: params.Prepare
    table: str  # the raw table's path, as params.yaml has it
    accepted: Mapping[str, Stage]  # the stages as the last accepted commit's dvc.lock records them

    @classmethod
    def begin(cls, workspace: Workspace, *, folder: Path, date: datetime.date, force_reason: str | None) -> "Night":
        """A night with the settings of the clone's commit.

        Raises: RuleError if these settings are missing or invalid, or if the user has changed what it would publish;
        also if the table or an output lies elsewhere.
        """
        tree = workspace.project.folder
        file = tree / params.FILE
        rule, fix = "must be right in the commit", "mend and commit them"
        with as_rule_error(ValueError, "the settings", rule=rule, fix=fix):
            settings = params.load(params.Nightly, "nightly", file=file)
            prepare = params.load(params.Prepare, "prepare", file=file)
            table = replaceable_table(file)
        accepted = recorded_stages(tree)
        if (tree / table).is_dir() or inputs(accepted).get(table, "").endswith(".dir"):
            rule, fix = "must be one file, for the night to replace it", "name the file that nightly.source is put into"
            raise RuleError("data.path", rule=rule, found=f"a folder, {table}", fix=fix)
        night = cls(workspace, folder, date, force_reason, settings, prepare, table, accepted)
        workspace.project.check_inside([table, night.model, *FILES, *outputs(night.accepted)])
        night.check_table_may_be_in_git()
        check_unchanged(workspace, [LOCK, night.table_in_git, *FILES, *night.publishable_files()])
        return night

    @property
    def tree(self) -> Path:
        """The project in the night's clone."""
        return self.workspace.project.folder

    @property
    def max_bytes(self) -> int:
        """The largest table that it reads, as it comes and once it is unpacked."""
        yesterdays = max((stage.sizes.get(self.table, 0) for stage in self.accepted.values()), default=0)
        return self.settings.max_bytes or max(MAX_BYTES, yesterdays * MAX_GROWTH)

    @property
    def table_in_git(self) -> str:
        """The file by which git has the table: itself, or what DVC writes of it.

        Raises: RuleError if git has neither: then nobody would get the table that a night has accepted.
        """
        if (self.tree / f"{self.table}.dvc").exists():
            return f"{self.table}.dvc"
        try:
            self.workspace.project.lines("git", "check-ignore", "--quiet", "--", self.table)
        except CommandError:
            return self.table
        rule, fix = "must be versioned, by git or by DVC", f"dvc add {shlex.quote(self.table)}, and commit"
        raise RuleError("data.path", rule=rule, found=f"{self.table}, which git ignores", fix=fix)

    def check_table_may_be_in_git(self) -> None:
        """Raise RuleError if git has the table, whose rows it may not tell of."""
        if self.least_rows > 1 and self.table_in_git == self.table:
            rule = "must be kept by DVC and not by git where evaluate.single_rows is false"
            table = shlex.quote(self.table)
            fix = f"git rm --cached {table}, dvc add {table}, and commit (docs/privacy.md: what git still has)"
            raise RuleError("data.path", rule=rule, found=f"{self.table} in git", fix=fix)

    def publishable_files(self) -> list[str]:
        """The files in git that an accepted night publishes, as far as dvc.lock records them now."""
        written = outputs(recorded_stages(self.tree))
        return self.workspace.project.unignored_files(LOCK, self.table_in_git, *FILES, *written)

    @property
    def model(self) -> str:
        """The path of the champion, and later of the challenger."""
        return f"models/{self.settings.recipe}"

    @property
    def settings_md5(self) -> str:
        """The md5 of the settings that the table is judged under, whatever order and form the file gives them."""
        settings = json.loads(json.dumps(read(self.tree / params.FILE)), parse_int=float)  # 1 and 1.0 are one setting
        return hashlib.md5(json.dumps(settings, sort_keys=True).encode(), usedforsecurity=False).hexdigest()

    @property
    def least_rows(self) -> int:
        """The fewest rows that anything in git, in a report or in a message may be told of."""
        return params.load(params.Evaluate, "evaluate", file=self.tree / params.FILE).least_rows

    def told_of_table(self, error: ValueError) -> str:
        """What a record and a message may say of what is wrong with a table: all of it, or that a file says it here.

        An error quotes cells, and a header that is missing is a row.
        """
        said = self.without_local_paths(error)
        if self.least_rows == 1:
            return said
        with open(self.folder / QUOTES, "a", encoding="utf-8", opener=private) as file:
            file.write(f"{said}\n")
        return f"it is no table, or breaks the data contract; {QUOTES} in the night's folder says where"

    def without_local_paths(self, message: object) -> str:
        """A message without this machine's folders: a record is the same wherever the night was."""
        return str(message).replace(f"{self.tree}/", "")


def replaceable_table(settings: Path) -> str:
    """The path of the raw table, by the file of settings.

    Raises: ValueError if the setting is missing or invalid; RuleError if it is a URL, or leads out of the project.
    """
    table = params.load(params.Data, "data", file=settings).path
    if is_url(table) or Path(table).is_absolute() or ".." in Path(table).parts:
        rule, fix = "must lie in the project, for the night to replace it", "name a path in data/raw"
        fix += " (nightly.source may be a URL)" if is_url(table) else ""
        raise RuleError("data.path", rule=rule, found=table, fix=fix)
    return table


def recorded_stages(tree: Path) -> Mapping[str, Stage]:
    """The stages that the project's dvc.lock records now; none if there is no dvc.lock.

    Raises: RuleError if it is not as DVC wrote it.
    """
    try:
        return read_lock(tree / LOCK) if (tree / LOCK).exists() else {}
    except ValueError as error:
        found, fix = str(error).replace(f"{tree}/", ""), "git checkout an earlier one, or dvc repro; commit it"
        raise RuleError(LOCK, rule="must be readable", found=f"that {found}", fix=fix) from None
