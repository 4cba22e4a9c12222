import functools
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kerastricks.data import apart, load
from kerastricks.data.bad import BadImage
from kerastricks.data.cache import Cache
from kerastricks.data.decode import decode, image_size

# A process whose decoder does something to the files called so.
HOOKED = """
import os, signal, time
from kerastricks.data import child
plain = child.answer
def answer(path, size):
    name = os.path.basename(path)
    if "crash" in name and ("header" in name or size):
        os.kill(os.getpid(), signal.SIGSEGV)
    while "hang" in name:
        pass
    if "weird" in name:
        print("what a library says", flush=True)
        os.write(1, b"here too")
    return plain(path, size)
inner = child.decode_here
def decode_here(path, size):
    if "memory" in os.path.basename(path):
        raise MemoryError
    return inner(path, size)
child.answer, child.decode_here = answer, decode_here
child.serve()
"""


@pytest.fixture(autouse=True)
def hooked(monkeypatch):
    apart.close()
    monkeypatch.setattr(apart, "SERVE", HOOKED)
    yield
    apart.close()


@pytest.fixture
def paint(tmp_path):
    def save(name, colour=(0, 0, 0)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 6), colour).save(path, path.suffix[1:])
        return path

    return save


def children():
    """The processes that this one started and that are there, zombies too, but for what tracks Python's own pools."""
    own = str(os.getpid())
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    known = " ps -eo", "resource_tracker"
    mine = [line for line in lines.splitlines() if line.split()[1] == own]
    return [line.split()[0] for line in mine if not any(words in line for words in known)]


@pytest.mark.parametrize("suffix", ["webp", "gif", "bmp", "tiff", "ppm"])
def test_what_another_process_decodes_is_the_same(paint, suffix):
    path = paint(f"image.{suffix}", (10, 20, 30))
    assert image_size(path) == (6, 6)
    assert np.abs(decode(path, 6).astype(int) - [10, 20, 30]).max() <= 3
    assert len(apart._idle) == 1


def test_jpeg_and_png_need_no_other_process(paint):
    for suffix in ("png", "jpeg"):
        path = paint(f"crash header.{suffix}")
        assert (image_size(path), decode(path, 6).shape) == ((6, 6), (6, 6, 3))
    assert apart._idle == []


@pytest.mark.parametrize("name", ["crash.webp", "crash header.webp"])
def test_a_crash_takes_its_file_and_nothing_else(paint, name):
    good, bad = paint("good.webp", (90, 90, 90)), paint(name)
    decode(good, 6)
    for _ in range(2):
        with pytest.raises(BadImage, match=r"Cannot decode .*webp: its decoder crashed\. Repair or remove the file"):
            decode(bad, 6)
        assert decode(good, 6)[0, 0, 0] == 90
    if "header" in name:
        with pytest.raises(BadImage, match="Cannot read .*: its decoder crashed"):
            image_size(bad)
    apart.close()
    assert children() == []


def test_a_data_set_goes_on_after_crashes(paint, tmp_path):
    for index in range(6):
        paint(f"pets/{'ab'[index % 2]}/{index}.webp", (40 * index, 0, 0))
    paint("pets/a/crash.webp")
    paint("pets/b/crash header.webp")
    with pytest.raises(ValueError, match="Cannot read .*crash header.webp: its decoder crashed"):
        load(str(tmp_path / "pets"))
    loaded = load(str(tmp_path / "pets"), allow_bad="2")
    assert [(os.path.basename(path), reason) for path, reason in loaded.set_aside] == [
        ("crash.webp", "its decoder crashed"),
        ("crash header.webp", "its decoder crashed"),
    ]
    assert len(loaded.train[1]) + len(loaded.validation[1]) == 6
    assert children() == []


def test_a_decoder_that_does_not_end_is_ended(paint, monkeypatch):
    monkeypatch.setattr(apart, "SERVE", f"from kerastricks.data import apart; apart.SECONDS = 1\n{HOOKED}")
    monkeypatch.setattr(apart, "SECONDS", 1)
    with pytest.raises(BadImage, match="its decoder took more than 1 seconds"):
        decode(paint("hang.webp"), 6)


def test_what_is_printed_is_no_answer(paint):
    assert decode(paint("weird.webp", (90, 90, 90)), 6)[0, 0, 0] == 90


def test_memory_that_runs_out_is_no_fault_of_the_file(paint):
    with pytest.raises(MemoryError):
        decode(paint("memory.webp"), 6)


@pytest.mark.parametrize("name", [b"a\nb.webp", b"\xff\xfe.webp", b'"{\\.webp', b"0" * 250 + b".webp"])
def test_any_name(paint, name):
    assert decode(paint(os.fsdecode(name)), 6).shape == (6, 6, 3)


def test_threads_have_a_process_each(paint):
    paths = [paint(f"{index}.webp", (index, index, index)) for index in range(24)]
    cache = Cache(paths, 6)
    assert cache.build() == 24
    assert np.abs(cache[np.arange(24)][:, 0, 0, 0].astype(int) - np.arange(24)).max() <= 2
    assert 1 <= len(apart._idle) <= (os.cpu_count() or 1)
    small = functools.partial(decode, size=6)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(a, b) for a, b in zip(pool.map(small, paths), cache[np.arange(24)], strict=True))


def test_one_that_cannot_start_is_no_fault_of_the_file(paint, monkeypatch):
    monkeypatch.setattr(apart, "SERVE", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="could not be started: .* ended with status 3"):
        decode(paint("good.webp"), 6)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_starts_its_own(paint):
    path = paint("good.webp")
    decode(path, 6)
    code = (
        "import os, sys, warnings; from kerastricks.data import apart; from kerastricks.data.decode import decode\n"
        "decode(sys.argv[1], 6); first = apart._idle[0]._process.pid\n"
        "if (child := os.fork()) == 0:\n"
        "    assert apart._idle == []; decode(sys.argv[1], 6); other = apart._idle[0]._process.pid\n"
        "    apart.close(); os._exit(0 if other != first else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0; decode(sys.argv[1], 6); assert apart._idle[0]._process.pid == first"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(path)], check=True)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_outlives_its_own(paint, end):
    """Killed in the midst of its work; a signal to the group is for the process that asks, and takes none of them."""
    path = paint("good.webp")
    code = (
        "import signal, sys; from kerastricks.data import apart; from kerastricks.data.decode import decode\n"
        "flag = []; [signal.signal(each, lambda *_: flag.append(1)) for each in (signal.SIGINT, signal.SIGTERM)]\n"
        "decode(sys.argv[1], 6); print(apart._idle[0]._process.pid, flush=True)\n"
        "while not flag: decode(sys.argv[1], 6)\n"
        "decode(sys.argv[1], 6); print(apart._idle[0]._process.pid)"
    )
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    number = process.stdout.readline().strip()
    time.sleep(0.2)
    (os.kill if end == signal.SIGKILL else os.killpg)(process.pid, end)
    rest = process.communicate(timeout=30)[0].strip()
    assert rest == ("" if end == signal.SIGKILL else number)
    latest = time.monotonic() + 60
    while os.path.exists(f"/proc/{number}") and time.monotonic() < latest:
        time.sleep(0.05)
    assert subprocess.run(["ps", "-p", number], capture_output=True).returncode == 1
    assert not before or not {name for name in set(os.listdir("/dev/shm")) - before if number in name}


def test_an_interrupt_does_not_mix_up_answers(paint, monkeypatch):
    """A process whose answer nobody took in is not asked again."""
    one, other = paint("one.webp", (90, 90, 90)), paint("other.webp", (9, 9, 9))
    decode(one, 6)
    first = apart._idle[0]._process.pid

    def interrupt(line):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(apart.json, "loads", interrupt)
        with pytest.raises(KeyboardInterrupt):
            decode(one, 6)
    assert apart._idle == []
    assert decode(other, 6)[0, 0, 0] <= 12
    assert apart._idle[0]._process.pid != first
