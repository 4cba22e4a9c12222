"""An ablation as processes: killed, side by side, on a cluster."""

import json
import shutil
import subprocess
import sys
import time

import pytest

import kerastricks as kt

pytestmark = [pytest.mark.any_backend, pytest.mark.slow]
SHORT = {"tricks": ["CosineDecay"], "seeds": 2, "epochs": 2, "images": 64, "batch_size": 16}


def command(folder, out, *words):
    """The command line of `SHORT`."""
    short = [word for name, value in SHORT.items() for word in (f"--{name.replace('_', '-')}", *strings(value))]
    recipe = ("--recipe", str(folder / "mine.py"), "--model", str(folder / "tiny.keras"))
    return [sys.executable, "-m", "kerastricks.cli", "ablate", "digits", *recipe, *short, "--out", str(out), *words]


def strings(value):
    return value if isinstance(value, list) else [str(value)]


def figures(out):
    """The figures of every run."""
    arms = json.loads((out / "results.json").read_text())["arms"]
    return [(run["seed"], run["accuracy"], run["loss"]) for arm in arms for run in arm["runs"]]


def run(folder, out, *words):
    """Runs the command to its end; returns the figures."""
    done = subprocess.run(command(folder, out, *words), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return figures(out)


@pytest.fixture(scope="module")
def mine(tmp_path_factory, tiny):
    """A recipe file, a network, and the figures of an ablation that nothing disturbed."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.py").write_text(
        "import kerastricks as kt\n"
        "recipe = kt.Recipe((kt.Warmup(1), kt.CosineDecay()), learning_rate=0.002, epochs=2)\n"
    )
    shutil.copy(tiny["digits"], folder / "tiny.keras")
    settings = {"recipe": str(folder / "mine.py"), "model": str(folder / "tiny.keras"), "out": str(folder / "whole")}
    kt.ablate("digits", **SHORT, **settings)
    return folder


def test_survives_a_kill(mine, tmp_path):
    """Killed after its first run: the same command ends with the figures of an uninterrupted one."""
    out = tmp_path / "killed"
    with subprocess.Popen(command(mine, out), stdout=subprocess.DEVNULL) as process:
        while not list(out.glob("runs/*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert len(list(out.glob("runs/*.json"))) < 4
    for (seed, _, loss), (other, _, expected) in zip(run(mine, out), figures(mine / "whole"), strict=True):
        assert (seed, loss) == (other, pytest.approx(expected, rel=1e-5))


def test_workers_train_the_same_runs(mine, tmp_path):
    found = run(mine, tmp_path / "two", "--workers", "2")
    for (seed, _, loss), (other, _, expected) in zip(found, figures(mine / "whole"), strict=True):
        assert (seed, loss) == (other, pytest.approx(expected, rel=1e-2))


def test_a_cluster_trains_the_same_runs_though_a_node_is_lost(mine, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed")
    lost, recipe = tmp_path / "lost", tmp_path / "mine.py"
    recipe.write_text(
        "import os, pathlib, sys\n"
        f"lost = pathlib.Path({str(lost)!r})\n"
        "if 'default_worker.py' in sys.argv[0] and not lost.exists():\n"
        "    lost.touch()\n"
        "    os._exit(1)\n" + (mine / "mine.py").read_text()
    )
    shutil.copy(mine / "tiny.keras", tmp_path)
    found = run(tmp_path, tmp_path / "ray", "--ray", "local")
    assert lost.exists()
    for (seed, _, loss), (other, _, expected) in zip(found, figures(mine / "whole"), strict=True):
        assert (seed, loss) == (other, pytest.approx(expected, rel=1e-2))


def test_a_dead_cluster_is_one_line(mine, tmp_path):
    done = subprocess.run(command(mine, tmp_path / "out", "--ray", "127.0.0.1:1"), capture_output=True, text=True)
    assert done.returncode == 2
    message = done.stderr.splitlines()[-1]
    assert message.startswith("kerastricks: Ray is not installed") or "No Ray cluster answers at" in message
