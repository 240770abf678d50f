"""Prepare on nodes that share no disk and no network but an S3 server: namespaces of the kernel keep them apart."""

import os
import shutil
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
from distributed import Client

from pipeline import prepare
from pipeline.data.remote import place_of
from pipeline.data.spills import SCRATCH
from pipeline.runtime.workers import ADDRESS, start_workers
from tests.conftest import prepare_settings
from tests.support.cluster import busy_workers, cluster
from tests.support.processes import started, until
from tests.support.skips import reason
from tests.support.tables import rows, table
from tests.support.work_tree import run

HOST, FILES, ROWS = "10.199.0.1", 12, 40_000
IS_POSSIBLE = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")
pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        not IS_POSSIBLE, reason=reason("namespaces take root and iproute2", to_run="sudo, apt-get install iproute2")
    ),
]
OWN_TMP = 'mount -t tmpfs none /tmp && mkdir -p "$1" && shift && cd / && exec "$@"'


@pytest.fixture
def s3(tmp_path, monkeypatch):
    """A server at an address that all namespaces reach, with the bucket `salaries`, which the environment names."""
    s3fs = pytest.importorskip("s3fs", reason=reason("s3fs is not installed", to_run="make test"))
    run(Path.cwd(), "ip", "address", "add", f"{HOST}/32", "dev", "lo")
    with ExitStack() as stack:
        stack.callback(run, Path.cwd(), "ip", "address", "delete", f"{HOST}/32", "dev", "lo")
        stack.enter_context(started(tmp_path, sys.executable, "-m", "moto.server", "-H", HOST, "-p", "5055"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:5055")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        s3fs.S3FileSystem.clear_instance_cache()  # those of other tests know another server
        system = s3fs.S3FileSystem(use_listings_cache=False)
        until(lambda: has_bucket(system))
        yield system


def has_bucket(system):
    try:
        system.mkdir("salaries")
    except OSError:
        return False
    return True


@pytest.fixture
def namespaces():
    """Two networks, each with a way to this machine alone; the words that start a command in one, without our /tmp."""
    names = ["apart-1", "apart-2"]
    with ExitStack() as stack:
        for number, name in enumerate(names, 1):
            ours, theirs = (f"10.199.{number}.{end}" for end in (1, 2))
            run(Path.cwd(), "ip", "netns", "add", name)
            stack.callback(run, Path.cwd(), "ip", "netns", "delete", name)
            ip = ("ip", "-n", name)
            for command in (
                ("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name),
                ("ip", "address", "add", f"{ours}/24", "dev", name),
                ("ip", "link", "set", name, "up"),
                (*ip, "address", "add", f"{theirs}/24", "dev", "eth0"),
                (*ip, "link", "set", "eth0", "up"),
                (*ip, "link", "set", "lo", "up"),
                (*ip, "route", "add", "default", "via", ours),
            ):
                run(Path.cwd(), *command)
        yield names


def kill_busy_node(address, node):
    with Client(address, set_as_default=False) as client:
        until(lambda: busy_workers(client) == 2)
        os.killpg(node.pid, signal.SIGKILL)


def test_nodes_that_share_only_a_bucket_make_the_same_bytes_though_one_dies(s3, namespaces, tmp_path, monkeypatch):
    texts = {f"{number:02}.csv": table(rows(ROWS)[number:]) for number in range(FILES)}
    s3.pipe({f"salaries/raw/{name}": text for name, text in texts.items()})
    (tmp_path / "raw").mkdir()
    for name, text in texts.items():
        (tmp_path / "raw" / name).write_bytes(text)
    expected = prepared(tmp_path / "raw", tmp_path / "here")
    credentials = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with cluster(tmp_path, nodes=0, host=HOST) as made:
        for number, name in enumerate(namespaces):
            apart = ("ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", OWN_TMP, "sh")
            made.add_node(*apart, str(tmp_path / f"node-{number}"), **credentials)
        monkeypatch.setenv(ADDRESS, made.address)
        monkeypatch.setenv(SCRATCH, "s3://salaries/scratch")
        with Client(made.address, set_as_default=False) as client:
            until(lambda: len(client.nthreads()) == 2)
            assert not any(client.run(os.path.exists, str(tmp_path / "raw")).values())
        killer = Thread(target=kill_busy_node, args=(made.address, made.nodes[0]))
        killer.start()
        with start_workers("pyarrow") as workers:
            found = prepared(place_of("s3://salaries/raw"), tmp_path / "there", workers)
        killer.join()
    assert made.nodes[0].returncode == -signal.SIGKILL
    assert found == expected
    assert not s3.find("salaries/scratch")


def prepared(raw, out, workers=None):
    """The bytes of all files that the stage makes of the table."""
    names = {"out": out, "metrics": out / "counts.json", "report": out / "report.txt"}
    prepare.run(raw, **names, settings=prepare_settings(), workers=workers)
    return {file.name: file.read_bytes() for file in out.iterdir()}
