import csv

import pytest

from kerastricks.training.callbacks.history_file import HistoryFile


def rows(path):
    with path.open() as file:
        return list(csv.reader(file))


def test_a_row_for_each_epoch(tmp_path):
    log = HistoryFile(tmp_path / "history.csv")
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": 2.5, "accuracy": 0.25})
    log.on_epoch_end(1, {"loss": 1.5, "accuracy": 0.5, "val_loss": 2.0})
    assert rows(tmp_path / "history.csv") == [
        ["epoch", "accuracy", "loss", "val_loss"],
        ["0", "0.25", "2.5", "NA"],
        ["1", "0.5", "1.5", "2.0"],
    ]


def test_a_run_that_goes_on_replaces_the_rows_after_its_checkpoint(tmp_path):
    """The process was killed after epoch 1; its checkpoint is of the end of epoch 0."""
    first = HistoryFile(tmp_path / "history.csv")
    first.on_epoch_end(0, {"loss": 2.5})
    known = list(first.rows)
    first.on_epoch_end(1, {"loss": 9.0})
    second = HistoryFile(tmp_path / "history.csv")
    second.on_train_begin()
    second.rows = known  # as a checkpoint puts it back
    second.on_epoch_end(1, {"loss": 1.5})
    assert rows(tmp_path / "history.csv") == [["epoch", "loss"], ["0", "2.5"], ["1", "1.5"]]


def test_a_file_that_cannot_be_written_costs_no_training(tmp_path):
    log = HistoryFile(tmp_path / "nowhere" / "history.csv")
    with pytest.warns(UserWarning, match=r"history.csv could not be written: No such file.* Training goes on\."):
        log.on_epoch_end(0, {"loss": 1.0})
