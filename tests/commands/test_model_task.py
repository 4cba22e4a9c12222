import pytest

from kerastricks.commands.model_task import EvaluateTask, PredictTask

pytestmark = pytest.mark.any_backend


def test_the_command_line_that_does_it_again():
    task = EvaluateTask("run", "my photos", flips=True, split="all", out="out")
    assert task.command("evaluate", "jax") == "kerastricks evaluate run 'my photos' --backend jax --split all --flips"
    task = PredictTask("run", ["a.png", "b"], output_format="jsonl", top=3, batch_size=8)
    assert task.command("predict", "torch") == (
        "kerastricks predict run a.png b --batch-size 8 --backend torch --format jsonl --top 3"
    )


def test_what_is_not_there_is_said_without_keras(tmp_path):
    (tmp_path / "rows.csv").touch()
    model = str(tmp_path)
    with pytest.raises(ValueError, match="nowhere does not exist. Pass a .keras file, or the directory"):
        EvaluateTask("nowhere", "digits").check_files()
    with pytest.raises(ValueError, match="nowhere does not exist. Pass `digits`, a folder"):
        EvaluateTask(model, "nowhere").check_files()
    with pytest.raises(ValueError, match="rows.csv exists. Pass another file with --out"):
        PredictTask(model, ["-"], out=str(tmp_path / "rows.csv")).check_files()
    with pytest.raises(ValueError, match="Nothing can be written in .*rows.csv: .* --out"):
        PredictTask(model, ["-"], out=str(tmp_path / "rows.csv" / "more.csv")).check_files()
    EvaluateTask(model, "digits").check_files()
    PredictTask(model, ["nowhere.png"], out=str(tmp_path / "new" / "rows.csv")).check_files()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]
