import numpy as np
import pytest

from kerastricks.training import checkpoint_file
from kerastricks.training.checkpoint_file import Saved

pytestmark = pytest.mark.any_backend
ARRAYS = {"network/0/kernel": np.arange(6, dtype="float32").reshape(2, 3), "seed": np.array([1, 2], "uint32")}


@pytest.fixture
def path(tmp_path):
    checkpoint_file.write(tmp_path / "one.npz", Saved({"epoch": 3, "loss": 0.1}, ARRAYS))
    return tmp_path / "one.npz"


def test_what_is_read_is_what_was_written(path):
    header, arrays = checkpoint_file.read(path)
    assert header == {"format": 1, "epoch": 3, "loss": 0.1}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and np.array_equal(arrays[name], array)


def test_numpy_opens_it(path):
    with np.load(path, allow_pickle=False) as found:
        assert found["network/0/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_no_byte_may_differ(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="is no whole checkpoint: its bytes are not those that were written"):
            checkpoint_file.read(path)


@pytest.mark.parametrize("kept", [0, 1, 47, 48, 300])
def test_none_may_lack(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="is no whole checkpoint"):
        checkpoint_file.read(path)


def test_another_format_is_told(path, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "FORMAT", 2)
    with pytest.raises(ValueError, match=r"is a checkpoint of format 1; this version of kerastricks reads 2\. Resume"):
        checkpoint_file.read(path)


def test_objects_are_not_written(tmp_path):
    """NumPy would pickle them; a file that cannot be read again is worse than none."""
    checkpoint_file.write(tmp_path / "two.npz", Saved({}, {"odd": np.array([object()])}))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        checkpoint_file.read(tmp_path / "two.npz")
