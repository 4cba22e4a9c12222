import errno
import os
import signal
import subprocess
import sys

import pytest

from kerastricks.data import atomic

OLD = bytes(range(256)) * 4000  # about 1 MB


@pytest.fixture
def path(tmp_path):
    (tmp_path / "kept.bin").write_bytes(OLD)
    return tmp_path / "kept.bin"


def names(directory):
    return [path.name for path in directory.iterdir()]


def child(script, path, *arguments):
    """Runs a script in a process of its own; `atomic` and `path` are there."""
    begin = "import sys\nfrom pathlib import Path\nfrom kerastricks.data import atomic\npath = Path(sys.argv[1])\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + script, str(path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_writes_what_it_is_given(tmp_path, path):
    atomic.write(path, b"one, ", memoryview(b"two"))
    assert path.read_bytes() == b"one, two"
    atomic.write_text(tmp_path / "new.txt", "Größe\n")
    assert (tmp_path / "new.txt").read_bytes() == "Größe\n".encode()
    assert sorted(names(tmp_path)) == ["kept.bin", "new.txt"]


def test_the_old_file_stands_until_the_end(path):
    with atomic.replacing(path) as beside:
        assert (beside.parent, beside.suffix, beside.name[0]) == (path.parent, ".bin", ".")
        beside.write_bytes(b"new")
        assert path.read_bytes() == OLD
    assert path.read_bytes() == b"new" and names(path.parent) == ["kept.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_the_old_file(path, error):
    with pytest.raises(error), atomic.replacing(path) as beside:
        beside.write_bytes(OLD[:1000])
        raise error
    assert path.read_bytes() == OLD and names(path.parent) == ["kept.bin"]


def test_a_block_that_writes_nothing_leaves_the_old_file(path):
    with pytest.raises(FileNotFoundError), atomic.replacing(path):
        pass
    assert path.read_bytes() == OLD and names(path.parent) == ["kept.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("share", [0, 1, 4096, 500_000, len(OLD) - 1])
def test_a_full_disk_leaves_the_old_file(path, share):
    script = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    atomic.write(path, bytes(int(sys.argv[3])))
except OSError as error:
    print(error.errno)
"""
    said, complaint = child(script, path, str(share), str(len(OLD))).communicate()
    assert (said.decode().strip(), complaint) == (str(errno.EFBIG), b"")
    assert path.read_bytes() == OLD and names(path.parent) == ["kept.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
@pytest.mark.parametrize("moment", ["file.flush()", "atomic.os.fsync(file.fileno())"])
def test_a_process_that_is_killed_leaves_the_old_file(path, moment):
    script = f"""
with atomic.replacing(path) as beside, open(beside, "wb") as file:
    file.write(bytes(500_000))
    {moment}
    print("half", flush=True)
    sys.stdin.read()
"""
    process = child(script, path)
    assert process.stdout.readline() == b"half\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert path.read_bytes() == OLD
    (other,) = set(names(path.parent)) - {"kept.bin"}
    assert other.startswith(".") and other.endswith("-kept.bin")
    atomic.write(path, b"new")  # what the killed process left is no obstacle
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_process_that_is_killed_at_any_moment_leaves_one_or_the_other(path):
    script = 'print("on", flush=True)\nwhile True:\n    atomic.write(path, bytes(1_024_000))\n'
    for pause in range(8):
        process = child(script, path)
        assert process.stdout.readline() == b"on\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01 + 0.007 * pause)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert path.read_bytes() in (OLD, bytes(1_024_000))


def test_the_order_is_data_then_name_then_directory(path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(atomic.os, name, lambda *a, name=name, real=real: (done.append(name), real(*a))[1])
    atomic.write(path, b"new")
    assert done == ["fsync", "replace", "fsync"][: 2 if os.name == "nt" else 3]


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic.write(tmp_path / "nowhere" / "x", b"1")
    assert names(tmp_path) == []
