import time

import pytest

from pipeline.training import learning_curve
from pipeline.training.fit import Epoch
from pipeline.training.learning_curve import live_curve, write_curve

EPOCHS = [Epoch(number, 1 / number, 2 / number) for number in range(1, 6)]
BEFORE = b"of the last training"


@pytest.fixture
def clock(monkeypatch):
    """A clock on which writing the file takes a second, and only that takes time; what it shows may be changed."""
    now = [0.0]
    write = learning_curve.write_curve

    def slowly(history, file):
        write(history, file)
        now[0] += 1

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(learning_curve, "write_curve", slowly)
    return now


def test_the_first_epoch_is_shown_and_the_others_as_soon_as_it_costs_little(tmp_path, clock):
    file = tmp_path / "plots/curve.csv"
    lengths = []
    with live_curve(file) as show:
        for number in range(1, 6):
            show(EPOCHS[:number])
            lengths.append(len(file.read_text().splitlines()) - 1)
            clock[0] += 20
    assert lengths == [1, 1, 1, 4, 4]  # 50 seconds after a writing of one


def test_what_is_shown_in_the_end_has_the_bytes_of_the_file(tmp_path, clock):
    with live_curve(tmp_path / "live.csv") as show:
        show(EPOCHS)
    write_curve(EPOCHS, tmp_path / "final.csv")
    assert (tmp_path / "live.csv").read_bytes() == (tmp_path / "final.csv").read_bytes()
    assert (tmp_path / "live.csv").read_bytes().startswith(b"epoch,train_mse,valid_mse\n1,1.0,2.0\n2,0.5,1.0\n")


@pytest.mark.parametrize("before", [BEFORE, None])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_training_that_fails_or_is_interrupted_leaves_the_file_as_it_was(tmp_path, before, error):
    file = tmp_path / "curve.csv"
    if before:
        file.write_bytes(before)

    def train():
        with live_curve(file) as show:
            show(EPOCHS)
            assert file.read_bytes() != before
            raise error

    with pytest.raises(error):
        train()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == ({file.name: before} if before else {})


def test_a_disk_that_takes_nothing_costs_the_show_and_not_the_training(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(learning_curve, "write_curve", full)
    with live_curve(tmp_path / "curve.csv") as show:
        show(EPOCHS[:1])
        show(EPOCHS)
    assert caplog.messages == [
        "cannot show the learning curve ([Errno 28] No space left on device): training goes on without"
    ]
    assert not list(tmp_path.iterdir())
