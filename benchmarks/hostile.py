"""Trains on a folder of 2,000 hostile files and names, and checks that nothing breaks, leaks or is lost.

    python benchmarks/hostile.py [--files 2000] [--seed 0]
    python benchmarks/hostile.py --scan 100000

The files are cut short, empty, of text, bombs, of every mode that Pillow writes, with flipped bytes, with endings that
lie; their names and those of the classes hold HTML, formulas, line ends, escape sequences, bytes that are no text, and
255 bytes. Between them lie pipes, loops, devices, and links to nowhere. One epoch of `kerastricks train` runs on them
in a process of its own. Asked: it ends well; all good files are used and all bad ones listed; nothing is written
outside of the run and the cache; the folder is as it was; no process is left; pages and terminal get no name as it is.

`--scan` measures the look at every file before the first step, on small files. Asked: 100,000 in less than 60 s on two
cores.
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, features

from kerastricks.commands.environment import environment
from kerastricks.data.names import shown
from kerastricks.data.scan import scan
from kerastricks.data.walk import files_below

CLASSES = (
    *(b"cat", b"<svg onload=alert(1)>", b"=cmd|'calc'!A0", b"new\nline", b"\x1b[31mred\x1b[0m", b"caf\xe9"),
    *(b"$\\frac{x$ _^", b"L" * 255, b"-rf", b'a,b;"c"', "日本 \N{RIGHT-TO-LEFT OVERRIDE}gpj".encode()),
)
NAMES = (
    *(b"%d", b"%d.jpg", b"%d.PNG", b"<img src=x onerror=alert(1)>%d.jpg", b"=1+1%d.png", b"a\nb\r%d.jpg"),
    *(b"\x1b]0;title\x07%d.png", b"\xff\xfe%d.jpg", b"-%d", b"{{7*7}}%d.gif", b"'; DROP--%d.jpg", b"%d .jpg "),
)
WATCHED = """
import os, runpy, sys
log, allowed, sys.argv = sys.argv[1], sys.argv[2].split(os.pathsep), ["kerastricks", *sys.argv[3:]]
log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def hook(event, found):
    writes = event == "open" and isinstance(found[2], int) and found[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink"):
        for path in found[:2] if event in ("os.rename", "os.link", "os.symlink") else found[:1]:
            relative = event != "open" and found[-1] != -1  # to a folder that was opened, as below the temporary one
            if isinstance(path, (str, bytes)) and not relative:
                path = os.path.abspath(os.fsdecode(path))
                if not any(path == each or path.startswith(each + "/") for each in (*allowed, "/dev", "/proc")):
                    os.write(log, f"{event} {path!a}\\n".encode())
sys.addaudithook(hook)
runpy.run_module("kerastricks.cli", run_name="__main__")
"""


class Made(NamedTuple):
    """The files of a tree: those that must be used, those that must be listed, and those that may be either."""

    good: list[str]
    bad: list[str]
    either: list[str]


def encoded(random: np.random.Generator, form: str, mode: str = "RGB", **options) -> bytes:
    side = int(random.integers(16, 40))
    image = Image.fromarray(random.integers(0, 256, (side, side, 3), "uint8")).convert(mode)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def deep(random: np.random.Generator, form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 65536, (20, 20), "uint16")).save(file, form)
    return file.getvalue()


def turned(random: np.random.Generator, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(random, "JPEG", exif=exif)


def animated(random: np.random.Generator) -> bytes:
    frames = [Image.fromarray(random.integers(0, 256, (20, 20), "uint8")) for _ in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def bomb(random: np.random.Generator) -> bytes:
    """A PNG file of a few bytes that says it has 400,000,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(random.bytes(9))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def jpeg_bomb(random: np.random.Generator) -> bytes:
    data = encoded(random, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\xea\x60\xea\x60" + data[at + 4 :]


def gif_bomb(random: np.random.Generator) -> bytes:
    data = animated(random)
    return data[:6] + b"\xff\xff\xff\xff" + data[10:]


def flipped(random: np.random.Generator, form: str) -> bytes:
    data = bytearray(encoded(random, form))
    for at in random.integers(min(40, len(data) // 2), len(data), 5):
        data[at] ^= int(random.integers(1, 256))
    return bytes(data)


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


MORE = [form for form in ("WEBP", "AVIF") if features.check(form.lower())]
GOOD = [
    lambda r: encoded(r, "JPEG"),
    lambda r: encoded(r, "PNG"),
    lambda r: encoded(r, "JPEG", "L"),
    lambda r: encoded(r, "JPEG", "CMYK"),
    lambda r: encoded(r, "JPEG", progressive=True) + b"\0" * 50,
    lambda r: encoded(r, "PNG", "P"),
    lambda r: encoded(r, "PNG", "RGBA"),
    lambda r: encoded(r, "PNG", "LA"),
    lambda r: encoded(r, "PNG", "1"),
    lambda r: encoded(r, "BMP"),
    lambda r: encoded(r, "TIFF"),
    lambda r: encoded(r, "TIFF", compression="tiff_lzw"),
    lambda r: encoded(r, "TIFF", "CMYK"),
    lambda r: encoded(r, "PPM"),
    lambda r: deep(r, "PNG"),
    lambda r: deep(r, "TIFF"),
    animated,
    *(lambda r, form=form: encoded(r, form) for form in MORE),
    *(lambda r, form=form: encoded(r, form, "RGBA") for form in MORE),
    *(lambda r, turn=turn: turned(r, turn) for turn in range(1, 9)),
]
BAD = [
    lambda r: b"",
    lambda r: b"no image",
    lambda r: b"<!DOCTYPE html><title>404</title>",
    lambda r: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    lambda r: b"\xff\xd8\xff\xe0" + r.bytes(300),
    lambda r: r.bytes(500),
    bomb,
    jpeg_bomb,
    gif_bomb,
    *(lambda r, form=form: half(encoded(r, form)) for form in ("JPEG", "PNG", "TIFF", *MORE)),
    None,  # a link to nowhere
]
EITHER = [lambda r, form=form: flipped(r, form) for form in ("JPEG", "PNG", "GIF", "TIFF", "BMP", *MORE)]


def make(root: Path, files: int, seed: int) -> Made:
    """Makes a tree; each class has three good files at least."""
    random = np.random.default_rng(seed)
    made = Made([], [], [])
    kinds = itertools.cycle([*((made.bad, kind) for kind in BAD), *((made.either, kind) for kind in EITHER)])
    good = itertools.cycle([(made.good, kind) for kind in GOOD])
    for index in range(files):
        folder = os.path.join(os.fsencode(root), CLASSES[index % len(CLASSES)])
        os.makedirs(folder, exist_ok=True)
        few = index < 3 * len(CLASSES)
        place, kind = next(good) if few or index % 3 == 0 else next(kinds)
        name = NAMES[int(random.integers(len(NAMES)))] % index
        path = os.path.join(folder, b"0" * (255 - len(name)) + name if index % 50 == 1 else name)
        if kind is None:
            os.symlink(b"nowhere", path)
        else:
            Path(os.fsdecode(path)).write_bytes(kind(random))
        place.append(os.fsdecode(path))
    cat = root / "cat"
    os.mkfifo(cat / "pipe.jpg")
    (cat / "folder.jpg").mkdir()
    for link, target in {
        "loop": "..",
        "itself.jpg": "itself.jpg",
        "null.jpg": "/dev/null",
        "zero.png": "/dev/zero",
    }.items():
        (cat / link).symlink_to(target)
    return made


def digest(root: Path) -> str:
    """Returns a checksum of everything in a folder: names, contents, times, and where links lead."""
    whole = hashlib.sha256()
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            whole.update(b"%s\0%d\0%d\0%d\0" % (path, status.st_mode, status.st_size, status.st_mtime_ns))
            if os.path.islink(path):
                whole.update(os.readlink(path))
            elif os.path.isfile(path):
                whole.update(Path(os.fsdecode(path)).read_bytes())
    return whole.hexdigest()


def left_running(session: int) -> list[str]:
    """Returns the processes of a session that are still there, where the system tells."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(status.parent.name)
    return found


def train(base: Path, *options: str) -> tuple[int, str, float, list[str]]:
    """Trains on `base/data`; returns status, output, seconds, and what went on outside of the run and the cache."""
    own = {name: str(base / name) for name in ("run", "cache", "libraries", "tmp")}
    for name in ("libraries", "tmp", "cwd"):
        (base / name).mkdir()
    places = dict.fromkeys(
        ("KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR"), own["libraries"]
    )
    variables = {**os.environ, **places, "KERASTRICKS_CACHE": own["cache"], "TMPDIR": own["tmp"]}
    variables |= {"PYTHONDONTWRITEBYTECODE": "1", "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    command = [sys.executable, "-c", WATCHED, str(base / "log"), os.pathsep.join(own.values())]
    command += ["train", str(base / "data"), "--out", own["run"], "--epochs", "1", "--image-size", "16", *options]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=base / "cwd",
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output = process.communicate()[0].decode(errors="backslashreplace")
    seconds = time.perf_counter() - start
    outside = [f"outside: {line}" for line in (base / "log").read_text().splitlines()]
    outside += [f"outside: {path}" for path in (base / "cwd").iterdir()]
    outside += [f"left running: {number}" for number in left_running(process.pid)]
    return process.returncode, output, seconds, outside


def check(base: Path, files: int, seed: int, *options: str) -> tuple[list[str], str]:
    """Returns what is not as it should be, and the figures as a line of Markdown."""
    root = base / "data"
    made = make(root, files, seed)
    before = digest(root)
    start = time.perf_counter()
    seen = scan(list(files_below(str(root))))
    looked = time.perf_counter() - start
    status, output, seconds, faults = train(base, "--allow-bad", "100%", *options)
    if digest(root) != before:
        faults.append("the folder was changed")
    if status or "Traceback" in output:
        return [*faults, f"status {status}: {output[-3000:]}"], ""
    if found := re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", output)):
        faults.append(f"the terminal got {set(found)}")
    if "\x1b[31mred" in output:
        faults.append("the terminal got an escape sequence of a name")
    run = json.loads((base / "run" / "run.json").read_text(encoding="utf-8"))
    page = (base / "run" / "report.html").read_text(encoding="utf-8")
    listed = {path for path, _ in run["set_aside"]}
    used = run["train_images"] + run["validation_images"]
    faults += [f"bad and not listed: {shown(path)}" for path in made.bad if shown(path) not in listed]
    faults += [f"good and not used: {shown(path)}" for path in made.good if shown(path) in listed]
    if used + len(listed) != files:
        faults.append(f"{files} files, {used} used and {len(listed)} listed")
    faults += [f"the page holds {text}" for text in ("<svg onload", "<img src=x") if text in page]
    faults += [f"{name} is missing" for name in ("model.keras", "result.json") if not (base / "run" / name).is_file()]
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    about = environment()
    line = (
        f"| {files:,} hostile files, seed {seed} | {looked:.1f} s to scan, {len(seen.bad):,} bad | {used:,} used, "
        f"{len(listed):,} set aside | {seconds:.0f} s in all, {memory:.1f} GB at most | {about['hardware']} |"
    )
    return faults, line


def measure_scan(count: int) -> str:
    """Scans small files, fourteen JPEG to five PNG and one WebP; returns the figures as a line of Markdown."""
    random = np.random.default_rng(0)
    forms = ["JPEG"] * 14 + ["PNG"] * 5 + [*MORE, "GIF"][:1]
    contents = [encoded(random, form) for form in forms]
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            path = Path(folder, str(index % 100), f"{index}.jpg")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(contents[index % len(contents)])
        paths = list(files_below(folder))
        scan(paths[:40])  # what is loaded once
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        found = scan(paths)
        seconds = time.perf_counter() - start
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    if found.bad:
        sys.exit(f"{len(found.bad)} files are bad, and should not be: {found.bad[0]}")
    about = environment()["hardware"]
    return f"| {count:,} files scanned | {seconds:.1f} s | {growth:.0f} MB more memory | {about} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scan", type=int, metavar="FILES")
    arguments = parser.parse_args()
    if arguments.scan:
        print(measure_scan(arguments.scan))
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        wrong, figures = check(Path(folder), arguments.files, arguments.seed)
    print(figures)
    if wrong:
        sys.exit("\n".join(wrong[:40]))
