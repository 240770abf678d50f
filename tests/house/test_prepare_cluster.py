"""Prepare on a cluster whose parts are killed for real."""

import os
import signal
import sys
from functools import partial

import pytest
from distributed import Client

from pipeline import prepare, versions
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.runtime.errors import RuleError
from pipeline.runtime.workers import ADDRESS, start_workers
from tests.conftest import prepare_settings
from tests.support.cluster import cluster, fake_package
from tests.support.disturbed import SOCKETS_OF_THE_DEAD, Disturbed, is_running, kill_node
from tests.support.processes import ended, started, until
from tests.support.settings import write_settings
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT

pytestmark = [pytest.mark.soak, SOCKETS_OF_THE_DEAD]
FILES, ROWS = 12, 40_000  # enough for a pass to take a while
PARTS = 8
VERSIONS = ROOT / "versions.json"


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    folder = tmp_path / "cluster"
    folder.mkdir()
    with cluster(folder) as made:
        monkeypatch.setenv(ADDRESS, made.address)
        yield made


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a table of several files, and what threads prepare of it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "data/raw").mkdir(parents=True)
    for number in range(FILES):
        (folder / f"data/raw/{number:02}.csv").write_bytes(table(rows(ROWS)[number:]))
    (folder / "versions.json").write_text(VERSIONS.read_text())
    write_settings(folder, data={"path": "data/raw"})
    on_threads = folder / "threads"
    prepared(folder, on_threads)
    return folder, files(on_threads)


def prepared(project, out, workers=None):
    names = {"out": out, "metrics": out / "counts.json", "report": out / "report.txt"}
    prepare.run(project / "data/raw", **names, settings=prepare_settings(), workers=workers)


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def accidents(tmp_path):
    folder = tmp_path / "accidents"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("in_pass", [0, 1])
def test_a_node_lost_in_either_pass_changes_no_byte(nodes, project, accidents, tmp_path, in_pass):
    folder, expected = project
    with start_workers() as workers:
        disturbed = Disturbed(workers, kill_node, accidents, in_pass=in_pass)
        prepared(folder, tmp_path / "out", disturbed)
    assert files(tmp_path / "out") == expected
    (victim,) = disturbed.victims()
    assert not is_running(victim)
    until(lambda: sum(node.poll() is not None for node in nodes.nodes) == 1)


@pytest.mark.parametrize("in_pass", [0, 1])
def test_a_scheduler_that_dies_is_one_error_and_leaves_nothing(nodes, project, accidents, tmp_path, in_pass):
    folder, _ = project
    kill_scheduler = partial(kill, nodes.scheduler.pid)
    message = "Dask's scheduler must stay, found it gone; start it and run again"
    with pytest.raises(RuleError, match=message), start_workers() as workers:
        prepared(folder, tmp_path / "out", Disturbed(workers, kill_scheduler, accidents, in_pass=in_pass))
    assert nodes.scheduler.wait() == -signal.SIGKILL
    assert not list((tmp_path / "out").iterdir())


def kill(process, item):
    os.kill(process, signal.SIGKILL)


def test_a_worker_with_another_version_is_refused_before_any_work(nodes, tmp_path):
    nodes.add_node(PYTHONPATH=fake_package(tmp_path / "fake", "pyarrow", "1.0"))
    with Client(nodes.address) as client:
        until(lambda: len(client.nthreads()) == 3)
    installed = versions.installed("pyarrow")
    message = rf"the worker t.*:\d+ must have pyarrow {installed}, found 1.0; install the same commit"
    with pytest.raises(RuleError, match=message), start_workers("pyarrow"):
        pass


def test_a_scheduler_without_the_code_is_refused(tmp_path, monkeypatch):
    with cluster(tmp_path, nodes=1, path=tmp_path) as made:
        monkeypatch.setenv(ADDRESS, made.address)
        message = "Dask's scheduler must have the project's code, found that .*; install the same commit"
        with pytest.raises(RuleError, match=message), start_workers():
            pass


def tasks_under_way(dask_worker):
    """How many tasks the worker computes, whether anybody waits for them or not."""
    return len(dask_worker.state.executing)


def test_a_killed_driver_keeps_no_worker_busy_and_the_next_run_clears_what_it_left(nodes, project, tmp_path):
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "versions.json").write_text(VERSIONS.read_text())
    write_settings(tmp_path, data={"path": "data/raw"})
    header, *lines = table(rows(ROWS)).splitlines(keepends=True)
    text = b"".join([header, *lines * 30])  # a whole part, which takes some seconds
    (tmp_path / "data/raw/0.csv").write_bytes(text)
    for number in range(1, PARTS):
        (tmp_path / f"data/raw/{number}.csv").hardlink_to(tmp_path / "data/raw/0.csv")
    words = ("--out", "out", "--metrics", "out/counts.json", "--report", "out/report.txt")
    variables = (f"{ADDRESS}={nodes.address}", f"PYTHONPATH={ROOT}")
    command = ("env", *variables, sys.executable, "-m", "pipeline.prepare", *words)
    with Client(nodes.address) as client:
        with started(tmp_path, *command) as driver:
            until(lambda: set(client.run(tasks_under_way).values()) == {1})
            driver.kill()
        until(lambda: set(client.run(tasks_under_way).values()) == {0})
    spills = [file.name for file in (tmp_path / "out/.parts.draft").rglob("*.arrow")]
    assert len(spills) < (PARTS - 2) * len(text) / BLOCK_BYTES  # two parts at least were left, however slow the machine
    out, expected = tmp_path / "out", project[1].keys()
    left = {file.name for file in out.iterdir()}
    assert ".parts.draft" in left
    assert not left & expected
    with started(tmp_path, *command) as driver:
        code, said = ended(driver)
    assert code == 0, said
    assert files(out).keys() == expected
