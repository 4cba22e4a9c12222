import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerastricks.commands import run_lock
from kerastricks.commands.run_lock import claiming, held

pytestmark = pytest.mark.any_backend

HOLD = """
import sys, time
from pathlib import Path
from kerastricks.commands.run_lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `run`."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_at_once_and_told_of_the_first(tmp_path, holder):
    words = rf"run is in use by process {holder.pid}\. Wait for its end, or pass another --out"
    with pytest.raises(ValueError, match=words) as caught, held(tmp_path / "run"):
        pass
    assert holder.poll() is None and "\n" not in str(caught.value)  # it holds the lock for a minute
    assert (tmp_path / "run" / ".lock").read_text() == f"{holder.pid}\n"


def test_a_killed_process_holds_nothing(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()
    with held(tmp_path / "run"):
        assert (tmp_path / "run" / ".lock").read_text() == f"{os.getpid()}\n"
    with claiming(str(tmp_path / "run")) as claim:
        assert claim("any") == tmp_path / "run"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_that_outlives_the_run_holds_nothing(tmp_path):
    script = HOLD.replace('    print("held", flush=True)', '    import os; os.fork() or print("held", flush=True)')
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"held\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        try:
            with held(tmp_path):
                pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "soon\n", "999999999\n"])
def test_a_stale_file_is_no_obstacle(tmp_path, text):
    (tmp_path / ".lock").write_text(text)
    with claiming(str(tmp_path)) as claim:
        assert claim("any") == tmp_path


def test_a_process_refuses_itself_too_and_lets_go_in_the_end(tmp_path):
    with held(tmp_path / "run"):
        with pytest.raises(ValueError, match=f"in use by process {os.getpid()}"), held(tmp_path / "run"):
            pass
        assert (tmp_path / "run" / ".lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    lock, removed = run_lock._lock, []

    def late(file):
        if not removed:
            removed.append((tmp_path / ".lock").unlink())
        return lock(file)

    monkeypatch.setattr(run_lock, "_lock", late)
    with held(tmp_path), pytest.raises(ValueError, match="in use"), held(tmp_path):
        pass


def test_what_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in (None, "new/deep"):
        with pytest.raises(ZeroDivisionError), claiming(out) as claim:
            assert claim("photos").is_dir()
            1 / 0  # noqa: B018
        assert list(tmp_path.iterdir()) == []


def test_what_is_written_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        with claiming(None) as claim:
            (claim("photos") / "run.json").touch()
        assert [path.name for path in Path("runs", f"photos-{number}").iterdir()] == ["run.json"]


def test_a_directory_with_a_run_is_refused_and_untouched(tmp_path):
    (tmp_path / "run.json").touch()
    with pytest.raises(ValueError, match="holds a run"), claiming(str(tmp_path)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    with pytest.raises(ValueError, match=r"run.json is a file. Pass a directory"), claiming(str(tmp_path / "run.json")):
        pass


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_directory_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    words = "Nothing can be written in .*: Permission denied. Pass another place with"
    with pytest.raises(ValueError, match=words), held(tmp_path):
        pass
    tmp_path.chmod(0o700)


def test_many_at_once_get_a_directory_each(tmp_path):
    script = """
from kerastricks.commands.run_lock import claiming
for _ in range(20):
    with claiming(None) as claim:
        directory = claim("digits")
        (directory / "run.json").touch()
        print(directory.name)
"""
    command = [sys.executable, "-c", script]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, text=True) for _ in range(4)]
    names = [name for process in several for name in process.communicate()[0].split()]
    assert sorted(names) == sorted(f"digits-{number}" for number in range(1, 81))
