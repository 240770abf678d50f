import os
import signal
from pathlib import Path

import pytest

from pipeline.runtime.drafts import drafts
from tests.support.skips import reason


def files(folder):
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture
def outputs(tmp_path):
    """A file and a folder of the last good run."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").write_text("old")
    (tmp_path / "model/gone").write_text("old")
    (tmp_path / "scores.json").write_text("old")
    return tmp_path


def write(folder, text="new"):
    with drafts() as draft_of:
        draft_of(folder / "scores.json").write_text(text)
        model = draft_of(folder / "model")
        model.mkdir()
        (model / "weights").write_text(text)
        draft_of(folder / "rows", scratch=True).write_text("for later")


def test_all_outputs_are_replaced_once_the_block_has_ended_and_nothing_else_is_left(outputs):
    write(outputs)
    assert files(outputs) == {"scores.json": "new", "model/weights": "new"}


def test_outputs_that_were_not_there_are_made_with_their_folders(tmp_path):
    write(tmp_path / "a/b")
    assert files(tmp_path) == {"a/b/scores.json": "new", "a/b/model/weights": "new"}


def test_a_block_that_fails_leaves_the_last_good_outputs_and_nothing_else(outputs):
    before = files(outputs)
    with pytest.raises(ValueError, match="refused"), drafts() as draft_of:  # noqa: PT012 (the error comes last)
        draft_of(outputs / "scores.json").write_text("half")
        draft_of(outputs / "model").mkdir()
        assert files(outputs).items() >= before.items()
        raise ValueError("refused")
    assert files(outputs) == before


def test_a_folder_that_a_kill_has_left_aside_comes_back_even_if_the_next_run_fails(outputs):
    before = files(outputs)
    (outputs / "model").rename(outputs / ".model.old.draft")
    with pytest.raises(ValueError, match="refused"), drafts() as draft_of:  # noqa: PT012 (the error comes last)
        draft_of(outputs / "model")
        raise ValueError("refused")
    assert files(outputs) == before


def test_an_output_that_is_not_written_fails_before_any_is_replaced(outputs):
    before = files(outputs)
    with pytest.raises(FileNotFoundError, match=r"model must be written anew"), drafts() as draft_of:  # noqa: PT012
        draft_of(outputs / "scores.json").write_text("new")
        draft_of(outputs / "model")
    assert files(outputs) == before


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_file_of_dvcs_cache_to_which_an_output_is_linked_keeps_its_bytes(tmp_path, link):
    for name in ("scores.json", "model/weights"):
        (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / name).write_text("old")
        (tmp_path / "cache" / name).chmod(0o444)
        link(tmp_path / "cache" / name, tmp_path / "out" / name)
    write(tmp_path / "out")
    assert files(tmp_path / "cache") == {"scores.json": "old", "model/weights": "old"}
    assert files(tmp_path / "out") == {"scores.json": "new", "model/weights": "new"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", range(3))
def test_an_interrupt_at_any_moment_of_the_exchange_waits_until_all_outputs_are_new(
    outputs, moment, number, monkeypatch
):
    before = signal.getsignal(number)
    signal.signal(number, signal.default_int_handler)
    steps = iter(range(3))

    def interrupted(function):
        def step(*arguments):
            if next(steps) == moment:
                signal.raise_signal(number)
            return function(*arguments)

        return step

    for name in ("replace", "rename"):
        monkeypatch.setattr(Path, name, interrupted(getattr(Path, name)))
    try:
        with pytest.raises(KeyboardInterrupt):
            write(outputs)
    finally:
        signal.signal(number, before)
    assert next(steps, None) is None
    assert files(outputs) == {"scores.json": "new", "model/weights": "new"}


def test_an_interrupt_before_the_exchange_leaves_the_last_good_outputs_and_nothing_else(outputs):
    before = files(outputs)
    with pytest.raises(KeyboardInterrupt), drafts() as draft_of:  # noqa: PT012 (the interrupt comes last)
        draft_of(outputs / "scores.json").write_text("new")
        draft_of(outputs / "model").mkdir()
        signal.raise_signal(signal.SIGINT)
    assert files(outputs) == before


def test_a_folder_comes_back_if_its_draft_cannot_take_its_place(outputs, monkeypatch):
    rename = Path.rename

    def refused(path, target):
        if path.name == ".model.draft":
            raise OSError("refused")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="refused"):
        write(outputs)
    assert files(outputs / "model") == {"gone": "old", "weights": "old"}
    assert {path.name for path in outputs.iterdir()} == {"model", "scores.json"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason=reason("only POSIX forks", to_run="make test on Linux or macOS"))
@pytest.mark.parametrize("moment", range(4))
def test_killed_at_any_moment_an_output_is_the_old_or_the_new_one_and_the_next_run_clears_up(outputs, moment):
    if not (child := os.fork()):
        steps = iter(range(4))

        def traced(function):
            def step(*arguments):
                if next(steps) == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments)

            return step

        Path.replace, Path.rename = traced(Path.replace), traced(Path.rename)  # type: ignore[method-assign]
        try:
            write(outputs)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (-signal.SIGKILL if moment < 3 else 0)
    assert (outputs / "scores.json").read_text() == ("old" if moment == 0 else "new")
    old, new = {"gone": "old", "weights": "old"}, {"weights": "new"}
    assert files(outputs / "model") == [old, old, {}, new][moment]
    left = {path.name for path in outputs.iterdir()} - {"scores.json", "model"}
    assert all(name.startswith(".") and name.endswith(".draft") for name in left)
    assert left or moment == 3
    write(outputs, "newer")
    assert files(outputs) == {"scores.json": "newer", "model/weights": "newer"}
