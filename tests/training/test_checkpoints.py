import numpy as np
import pytest

from kerastricks.training import checkpoint_file
from kerastricks.training.checkpoint_file import Saved
from kerastricks.training.checkpoints import BEST, Checkpoint

pytestmark = pytest.mark.any_backend


def state(step):
    return Saved({"step": step}, {"weight": np.array([step], "float32")})


def names(checkpoint):
    return sorted(path.name for path in checkpoint.path.iterdir())


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "run" / "checkpoints")


def test_the_last_two_and_the_best_are_kept(checkpoint):
    assert checkpoint.latest() is None
    for step in (1, 2, 3, 4):
        checkpoint.save(state(step), step, best=step == 2)
    assert names(checkpoint) == [BEST, "step-00000003.npz", "step-00000004.npz"]
    assert checkpoint_file.read(checkpoint.path / BEST).header["step"] == 2
    path, saved = checkpoint.latest()
    assert (path.name, saved.header["step"], saved.arrays["weight"].tolist()) == ("step-00000004.npz", 4, [4.0])


def test_those_for_good_stay(checkpoint):
    for step in (1, 2, 3, 4):
        checkpoint.save(state(step), step, kept=[2] if step > 1 else [])
    assert names(checkpoint) == ["step-00000002.npz", "step-00000003.npz", "step-00000004.npz"]


def test_a_damaged_one_gives_way_to_the_one_before(checkpoint):
    for step in (1, 2):
        checkpoint.save(state(step), step)
    newest = checkpoint.path / "step-00000002.npz"
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=r"step-00000002.npz is no whole checkpoint.* The one before it is taken\."):
        path, saved = checkpoint.latest()
    assert (path.name, saved.header["step"]) == ("step-00000001.npz", 1)


def test_if_all_are_damaged_nothing_begins_anew_in_silence(checkpoint):
    checkpoint.save(state(1), 1)
    (checkpoint.path / "step-00000001.npz").write_bytes(b"")
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match=r"No other is left in .*: remove the directory to begin anew\."),
    ):
        checkpoint.latest()


def test_what_a_killed_process_left_is_swept_away(checkpoint):
    checkpoint.path.mkdir(parents=True)
    (checkpoint.path / ".0123abcd-step-00000001.npz").write_bytes(b"half")
    checkpoint.save(state(2), 2)
    assert names(checkpoint) == ["step-00000002.npz"]


def test_clear_leaves_what_is_not_its_own(checkpoint):
    checkpoint.save(state(1), 1, best=True)
    (checkpoint.path / "step-notes.npz").write_bytes(b"mine")
    checkpoint.clear()
    assert names(checkpoint) == ["step-notes.npz"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1. Received: epochs=0"),
        ({"keep": 0}, "`keep` must be at least 1"),
        ({"keep_every": 0}, "`keep_every` must be at least 1"),
        ({"minutes": -1}, "`minutes` must be at least 0"),
        ({"minutes": float("nan")}, "`minutes` must be at least 0"),
        ({"share": 0}, r"`share` must lie in \(0, 1\]. Received: share=0"),
        ({"share": 1.1}, "`share` must lie in"),
    ],
)
def test_numbers_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Checkpoint("somewhere", **settings)
