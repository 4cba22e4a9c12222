"""Real kills, damaged checkpoints and full disks: those of benchmarks/soak in small."""

import importlib
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SIGKILL, limits on files, and /proc")

FOLDER = Path(__file__).parents[1] / "benchmarks" / "soak"
NAMES = ("workload", "kills", "damage", "disk", "cost")


@pytest.fixture(scope="module")
def soak():
    """The modules of the folder, which import each other by these names."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def made(soak, tmp_path_factory):
    return soak.workload.make(tmp_path_factory.mktemp("soak"), keras.backend.backend())


@pytest.fixture(scope="module")
def reference(soak, made):
    return soak.workload.uninterrupted(made)


@pytest.mark.slow
def test_a_run_that_is_killed_twice_ends_as_one_that_was_not(soak, made, reference):
    found = soak.kills.Found()
    moments = [soak.kills.Moment("saving", 60, 0.5), soak.kills.Moment("reporting", 0, 0.0)]
    soak.kills.run_of(found, made, reference, made.base / "killed", moments, soak.kills.lengths(reference))
    assert found.faults == []
    assert (found.kills, found.runs, found.same, found.unreadable) == (2, 1, 1, 0)
    assert found.read >= 4  # the last two at each kill


@pytest.mark.slow
def test_a_run_that_can_no_longer_be_saved_goes_on(soak, made, reference):
    said, faults = soak.disk.run_on(made, reference, made.base / "full", 0.6)
    assert faults == []
    assert said == "it said so and ended well; it left the same model, history and result"


@pytest.mark.slow
def test_another_result_is_noticed(soak, made, reference):
    other = made.base / "other"
    shutil.copytree(reference.run, other)
    assert soak.workload.differences(other, reference.run) == []
    (other / "report.html").unlink()
    (other / "model_averaged.keras").replace(other / "model.keras")
    shutil.copy(reference.run / "model_averaged.keras", other)
    for name, old, new in (("history.csv", "\n11,", "\n12,"), ("result.json", '"epochs": 12', '"epochs": 11')):
        text = (other / name).read_text()
        assert text.count(old) == 1
        (other / name).write_text(text.replace(old, new))
    said = [line.partition(":")[0] for line in soak.workload.differences(other, reference.run)]
    assert {*said} == {"report.html is missing", "model.keras", "history.csv", "result.json"}


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of 80 kB."""
    from kerastricks.training import checkpoint_file

    path = tmp_path / "step-00000007.npz"
    array = np.random.default_rng(0).standard_normal(20_000).astype("float32")
    checkpoint_file.write(path, checkpoint_file.Saved({"epoch": 1, "step": 0}, {"network/00000/kernel": array}))
    return path


@pytest.mark.any_backend
def test_a_hundred_damages_of_a_checkpoint(soak, checkpoint, tmp_path):
    found, faults = soak.damage.soak(checkpoint, tmp_path / "damaged", 100)
    assert faults == []
    assert found == {"refused": 100, "the one before taken": 100}


@pytest.mark.any_backend
def test_every_damage_is_another_file(soak):
    content = bytes(range(200))
    copies = [copy for _, copy in soak.damage.damaged(content, 50, seed=0)]
    assert content not in copies
    assert sum(len(copy) < 200 for copy in copies) == 25


@pytest.mark.any_backend
def test_a_damage_that_loads_is_noticed(soak, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(soak.damage, "damaged", lambda content, count, seed: [("nothing done", content)] * count)
    found, faults = soak.damage.soak(checkpoint, tmp_path / "damaged", 1)
    assert not found and len(faults) == 2


@pytest.mark.any_backend
@pytest.mark.parametrize("seed", [0, 1])
def test_the_disk_full_at_five_points_of_a_save(soak, checkpoint, tmp_path, seed):
    how, faults = soak.disk.soak(checkpoint, tmp_path / "small", 5, seed)
    assert faults == []
    assert how.startswith(("a file system of", "RLIMIT_FSIZE"))


@pytest.mark.any_backend
def test_moments_are_seeded_and_reporting_comes_last(soak):
    moments = soak.kills.draw(np.random.default_rng(0), 40)
    assert moments == soak.kills.draw(np.random.default_rng(0), 40)
    assert {moment.phase for moment in moments} == set(soak.kills.PHASES)
    phases = [moment.phase == "reporting" for moment in moments]
    assert phases == sorted(phases)
    assert max(moment.step for moment in moments) < 156  # 12 epochs of 13 batches


@pytest.mark.any_backend
def test_the_phase_of_a_kill_is_read_from_what_it_left(soak, tmp_path):
    event = soak.workload.Event
    assert soak.kills.phase_of(tmp_path, [], 0.0) == "starting"
    assert soak.kills.phase_of(tmp_path, [event(1.0, "begun", 0)], 0.0) == "starting"
    assert soak.kills.phase_of(tmp_path, [event(1.0, "begun", 0), event(2.0, "validation", 13)], 0.0) == "validation"
    half = tmp_path / "checkpoints" / ".12345678-step-00000003.npz"
    half.parent.mkdir()
    half.touch()
    assert soak.kills.phase_of(tmp_path, [event(2.0, "training", 3)], 0.0) == "saving"
    assert soak.kills.phase_of(tmp_path, [event(2.0, "training", 3)], 4e9) == "training"  # an earlier kill left it


@pytest.mark.any_backend
def test_files_that_are_not_whole_are_noticed(soak, tmp_path):
    contents = {"result.json": '{"a": 1', "model.keras": "PK", "report.html": "<html>", "history.csv": "epoch,loss\n1,"}
    for name, content in contents.items():
        path = tmp_path / name
        path.write_text(content)
        assert not soak.kills.whole(path), name
    (tmp_path / "result.json").write_text('{"a": 1}\n')
    assert soak.kills.whole(tmp_path / "result.json")


@pytest.mark.any_backend
def test_one_bit_of_one_array_is_noticed(soak):
    one, other = np.zeros(3, "float32"), np.array([0, -0.0, 0], "float32")
    assert soak.workload.unequal({"a": one, "b": one}, {"a": one, "b": other}) == ["b"]
    assert soak.workload.unequal({"a": one}, {}) == ["a"]


@pytest.mark.any_backend
def test_the_row_of_costs(soak):
    turn = (
        {"seconds": 50.0, "batch": 101.0, "saved": 3, "saving": 1.0},
        {"seconds": 49.0, "batch": 100.0, "saved": 0, "saving": 0},
    )
    line, share = soak.cost.row({"network": "n", "pixels": 32, "batch": 8, "size": 2e6, "turns": [turn]})
    assert share == 0.02
    assert line == "| n, 32 px, batch 8 | 2.0 MB | 50.0 s | 49.0 s | +2.0% | 3 in 1.00 s | 2.00% | +1.0% |"
