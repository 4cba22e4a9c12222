import numpy as np
import pytest

from kerastricks.models.torch_file import read_state_dict

torch = pytest.importorskip("torch")


@pytest.fixture
def saved(tmp_path):
    def save(value):
        path = tmp_path / "state.pth"
        torch.save(value, path, _use_new_zipfile_serialization=False)
        return path

    return save


def test_reads_what_pytorch_wrote(saved):
    """A part of a storage, a transposed one, whole numbers and a single number."""
    base = torch.arange(24, dtype=torch.float32)
    state = {"a": base[6:12].reshape(2, 3), "b": base.reshape(4, 6).t(), "count": torch.tensor(7), "d": torch.ones(2)}
    found = read_state_dict(saved(state))
    assert list(found) == list(state)
    assert all(np.array_equal(found[name], tensor.numpy()) for name, tensor in state.items())


class Harmful:
    def __reduce__(self):
        return print, ("ran",)


def test_runs_nothing(saved, capsys):
    with pytest.raises(ValueError, match="asks for __builtin__.print, which no state dict needs"):
        read_state_dict(saved({"a": Harmful()}))
    assert capsys.readouterr().out == ""
