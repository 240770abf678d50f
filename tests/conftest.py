"""What several tests share: how hypothesis runs, one run of the prepare stage, the real weekly tables."""

import fcntl
import json
import os
import shutil
import signal
import tarfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline import params, prepare
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.parts import PART_BYTES
from pipeline.data.remote import Place
from pipeline.model.reproducible import torch
from tests.support.models import make_bundle
from tests.support.night_history import make_past
from tests.support.night_project import make_night_project
from tests.support.sample import is_as_it_ships, write_sample
from tests.support.skips import reason, summary
from tests.support.tables import rows, table
from tests.support.tiny_project import make_project
from tests.support.work_tree import IDENTITY, ROOT, copy_of_the_work_tree, run

WEEKLY_TABLES = os.environ.get("WEEKLY_TABLES") or ROOT.parent / "shared/data/aijobs-weekly.tar.xz"
"""Where the real weekly tables are: a folder of CSV files, or an archive of one."""
HISTORY = (
    "where salaries_YYYY-MM-DD.csv are the versions of salaries.csv"
    " in the history of https://github.com/foorilla/ai-jobs-net-salaries"
)
LAST_TABLE = "salaries_2024-07-28"

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send it, and a shell's & has it ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # so has nohup
for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", *IDENTITY):  # of the make, and the person, that started the tests
    os.environ.pop(variable, None)
torch.ones(8, 8) @ torch.ones(8, 8)  # from here on MKL is pinned, whatever a test trains

settings.register_profile("reproducible", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("reproducible")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Say after all else what was skipped, and what would run it."""
    yield
    for line in summary(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, yellow=True)


@dataclass(frozen=True)
class Stage:
    """The prepare stage in a folder of its own."""

    folder: Path

    @property
    def raw(self) -> Path:
        return self.folder / "raw.csv"

    @property
    def out(self) -> Path:
        return self.folder / "prepared"

    @property
    def report(self) -> Path:
        return self.folder / "contract-report.txt"

    @property
    def metrics(self) -> dict[str, int]:
        numbers: dict[str, int] = json.loads((self.folder / "prepare.json").read_text(encoding="utf-8"))
        return numbers

    def files(self) -> dict[str, bytes]:
        """The bytes of every output."""
        return {file.name: file.read_bytes() for file in sorted(self.out.iterdir())}

    def run(
        self,
        raw: bytes | Place,
        *,
        part_bytes: int = PART_BYTES,
        block_bytes: int = BLOCK_BYTES,
        **changes: object,
    ) -> None:
        """Run the stage on the raw bytes, or on a file or folder elsewhere."""
        if isinstance(raw, bytes):
            self.raw.write_bytes(raw)
        prepare.run(
            self.raw if isinstance(raw, bytes) else raw,
            out=self.out,
            metrics=self.folder / "prepare.json",
            report=self.report,
            settings=prepare_settings(**changes),
            part_bytes=part_bytes,
            block_bytes=block_bytes,
        )


def prepare_settings(**changes: object) -> params.Prepare:
    split = {"salt": "salaries", "valid_fraction": 0.2, "test_fraction": 0.2}
    usual = {"max_bad_fraction": 0.0, "split": split, "min_count": 1, "target": "standard"}
    return params.parse(params.Prepare, usual | changes, where="test")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def stages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Stage]:
    """A maker of stages, for tests that compare several."""
    return lambda: Stage(tmp_path_factory.mktemp("stage"))


Make = Callable[[Path], Path]  # in an empty folder; returns where in it is what was made
MadeOnce = Callable[[str, Make], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes what several tests share, once for all workers, in a folder of that name."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Make) -> Path:
        with (shared / f"{name}.made").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # a second worker waits until it is made
            file.seek(0)
            if not (path := file.read()):
                folder = shared / name
                folder.mkdir()
                path = str(make(folder))
                file.write(path)
        return Path(path)

    return made


@pytest.fixture(scope="session")
def modelled(made_once: MadeOnce) -> Stage:
    """A prepared table, and in its folder's `model` an untrained model of all features. Not to be changed."""

    def make(folder: Path) -> Path:
        stage = Stage(folder)
        stage.run(table(rows(600)))
        make_bundle(stage.out).save(folder / "model")
        return folder

    return Stage(made_once("modelled", make))


@pytest.fixture(scope="session")
def real_tables(made_once: MadeOnce) -> list[Path]:
    """The 152 real weekly tables, oldest first."""

    def extract(folder: Path) -> Path:
        with tarfile.open(WEEKLY_TABLES) as archive:  # Python 3.11.2, Debian's, knows no filter of what to extract
            for member in archive:
                if file := archive.extractfile(member):
                    (folder / Path(member.name).name).write_bytes(file.read())
        return folder

    folder = Path(WEEKLY_TABLES).resolve()
    if folder.is_file():
        folder = made_once("real", extract)
    elif not folder.is_dir():
        pytest.skip(reason("the real weekly tables are not here", to_run=f"WEEKLY_TABLES=FOLDER make test, {HISTORY}"))
    return sorted(file for file in folder.rglob("salaries_*.csv") if file.stem <= LAST_TABLE)


@pytest.fixture(scope="session")
def sample_table(made_once: MadeOnce) -> Path:
    """The file of the sample that ships. Not to be changed."""
    return made_once("a sample", lambda folder: write_sample(folder / "salaries.csv"))


@pytest.fixture(scope="session")
def trained(made_once: MadeOnce) -> Path:
    """A copy of the repository after `dvc repro` on the sample, in a folder with a space and an umlaut. Not to change.

    Its last commit has the results of the sample: the repository's own ones, or if its table is another, of a run here.
    """

    def make(folder: Path) -> Path:
        copy = copy_of_the_work_tree(folder)
        if not is_as_it_ships(ROOT):
            run(copy, "dvc", "repro")
            run(copy, "git", "commit", "--quiet", "--all", "--message", "the sample's results")
        run(copy, "dvc", "repro", "--force", "--no-run-cache")
        return copy

    return made_once("a clöne", make)


@pytest.fixture
def clone(trained: Path, tmp_path: Path) -> Path:
    """A trained copy of the repository for one test alone."""
    return Path(shutil.copytree(trained, tmp_path / "a clöne", symlinks=True))


@pytest.fixture(scope="session")
def made_for_nights(made_once: MadeOnce) -> Path:
    """A tiny project, with its upstream and its remote beside it. Not to be changed."""
    return made_once("a user", make_project)


@pytest.fixture
def user(made_for_nights: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project, and of what is beside it, for one test alone."""
    return Path(shutil.copytree(made_for_nights.parent, tmp_path / "a user", symlinks=True)) / "user"


@pytest.fixture(scope="session")
def made_past(made_for_nights: Path, made_once: MadeOnce) -> Path:
    """The tiny project after some nights. Not to be changed."""
    return made_once("a past", lambda folder: make_past(made_for_nights, folder))


@pytest.fixture
def past(made_past: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project after some nights, and of what is beside it, for one test alone."""
    return Path(shutil.copytree(made_past.parent, tmp_path / "a past", symlinks=True)) / "user"


@pytest.fixture(scope="session")
def made_night_project(modelled: Stage, made_once: MadeOnce) -> Path:
    """A small project that nights can be spent in. Not to be changed."""
    return made_once("a project", lambda folder: make_night_project(folder, modelled.folder / "model"))


@pytest.fixture
def project(made_night_project: Path, tmp_path: Path) -> Path:
    """A copy of that project, and of what is beside it, for one test alone."""
    return Path(shutil.copytree(made_night_project.parent, tmp_path / "a project", symlinks=True)) / "user"
