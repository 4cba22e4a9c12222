import json
import signal
import subprocess
import sys

import pytest
from PIL import Image

from kerastricks.data import child
from kerastricks.data.child import answer


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.bmp"
    Image.new("RGB", (4, 2), (10, 20, 30)).save(path)
    return str(path)


def test_answers_with_the_header_or_the_pixels(image):
    assert answer(image, None) == ({"width": 4, "height": 2}, b"")
    assert answer(image, 2) == ({"bytes": 12}, bytes([10, 20, 30]) * 4)


def test_answers_with_what_is_wrong(tmp_path):
    (tmp_path / "text").write_text("no image")
    assert answer(str(tmp_path / "text"), None) == ({"reason": "it is no image", "verb": "read"}, b"")
    (tmp_path / "cut.bmp").write_bytes(b"BM")
    assert answer(str(tmp_path / "cut.bmp"), 4)[0]["verb"] == "read"


def test_memory_is_told_apart(image, monkeypatch):
    def full(path, size):
        raise MemoryError

    monkeypatch.setattr(child, "decode_here", full)
    assert answer(image, 4) == ({"memory": True}, b"")


def test_serves_until_its_input_ends_whatever_signal_comes(image):
    process = subprocess.Popen(
        [sys.executable, "-c", "from kerastricks.data.child import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    for end in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(end)
        process.stdin.write(json.dumps({"path": image, "size": 2}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"bytes": 12}
        assert process.stdout.read(12) == bytes([10, 20, 30]) * 4
    rest, _ = process.communicate(timeout=20)
    assert (rest, process.returncode) == (b"", 0)
