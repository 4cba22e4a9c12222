"""A process that dies in the midst of a run of two."""

import os
import signal
import socket
import subprocess
import sys
import time

import keras
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="several processes train on JAX alone")


@pytest.mark.slow
def test_it_ends_the_others_and_the_run_goes_on_alone(tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    words = [sys.executable, "-c", "from kerastricks.cli import main; main()", "train"]
    both = ["digits", "--recipe", "tutorial", "--model", "resnet20", "--epochs", "40", "--images", "512"]
    both += ["--backend", "jax", "--coordinator", f"127.0.0.1:{port}", "--processes", "2"]
    settings = {"cwd": tmp_path, "env": {**os.environ, "KERAS_BACKEND": "jax"}, "text": True}
    with open(tmp_path / "said.txt", "w") as said:
        first = subprocess.Popen(
            [*words, *both, "--process", "0", "--out", "run"], stdout=said, stderr=said, **settings
        )
        second = subprocess.Popen([*words, *both, "--process", "1"], stdout=said, stderr=said, **settings)
    try:
        end = time.monotonic() + 300
        while not [*tmp_path.glob("run/checkpoints/step-*.npz")] and time.monotonic() < end:
            assert first.poll() is None, (tmp_path / "said.txt").read_text()
            time.sleep(0.1)
        second.kill()
        status = first.wait(timeout=60)
    finally:
        first.kill()
        second.kill()
    text = (tmp_path / "said.txt").read_text()
    if status == 1:  # it was in a step, which fails at once
        assert "Another of the processes has gone" in text and "kerastricks train --resume run" in text
    else:  # else JAX ends it, without asking Python
        assert status == -signal.SIGABRT and "another task died" in text
    done = subprocess.run([*words, "--resume", "run"], capture_output=True, **settings)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 41
