import os
import warnings

import pytest

from kerastricks.commands import quiet

pytestmark = pytest.mark.any_backend

NOISE = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795652589.575011   28968 port.cc:153] oneDNN custom operations are on.\n"
)


@pytest.fixture(autouse=True)
def usual(monkeypatch):
    monkeypatch.delenv("KERASTRICKS_DEBUG", raising=False)


def test_noise_is_dropped_and_errors_stay(capfd):
    with quiet.without_noise():
        os.write(2, NOISE + b"E0000 00:00:1795652589.575011   28968 port.cc:153] broken\nmine\n")
    os.write(2, b"after\n")
    assert [line.split("] ")[-1] for line in capfd.readouterr().err.splitlines()] == ["broken", "mine", "after"]


def test_a_failure_shows_all(capfd):
    with pytest.raises(ImportError), quiet.without_noise():
        os.write(2, NOISE)
        raise ImportError
    assert capfd.readouterr().err == NOISE.decode()


def test_debug_leaves_standard_error_alone(capfd, monkeypatch):
    monkeypatch.setenv("KERASTRICKS_DEBUG", "1")
    with quiet.without_noise():
        os.write(2, NOISE)
    assert capfd.readouterr().err == NOISE.decode()


def warn(name, category=UserWarning):
    """Warns from a module of that name."""
    exec("import warnings\nwarnings.warn('two\\n  lines', category)", {"__name__": name, "category": category})


def test_our_warnings_are_a_line_and_libraries_keep_theirs_for_programmers(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = quiet._show
        warn("kerastricks.data.folder")
        warn("kerastricks_recipe_mine")
        warn("keras.src.trainers")
        for category in (DeprecationWarning, FutureWarning):
            warn("numpy", category)
    assert capsys.readouterr().err == "kerastricks: two lines\nmine: two lines\nkeras: two lines\n"
