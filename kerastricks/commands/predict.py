"""Names the classes of images with a finished model, file by file, in memory that does not grow."""

import contextlib
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from kerastricks.commands import faults, model_file
from kerastricks.commands.model_images import fit, input_shape
from kerastricks.commands.model_task import PredictTask
from kerastricks.commands.prepare import check_backend
from kerastricks.data.decode import decode
from kerastricks.data.names import shown
from kerastricks.data.walk import files_below
from kerastricks.image.geometry import centre_crop
from kerastricks.models import archive
from kerastricks.models.flip_averaged import flip_averaged
from kerastricks.models.heads import probabilities
from kerastricks.training.compilation import jit_compile

AHEAD = 2  # batches that threads decode while the model works on one

Row = dict[str, Any]


class Decoded(NamedTuple):
    """A file, and its image (H, W, 3) in uint8, or what is wrong with it."""

    path: str
    image: np.ndarray | None
    error: str = ""


def predict(task: PredictTask) -> Iterator[Row]:
    """Returns a row for each file, in order, as the model gets to it.

    A row holds `path`, `label` and `probability`, `label_2` and `probability_2` and so on for `task.top` classes; or
    `path` and `error` where the file cannot be read. Paths are read as they are needed, and an endless list is fine.

    Raises:
        ValueError: If a setting does not fit, a folder holds no file, or the model cannot be used; before the first
            row.
    """
    check_backend(task)
    for path in task.paths:
        if os.path.isdir(path) and next(files([path]), None) is None:
            raise ValueError(f"There is no image below {shown(path)}. Pass a folder that holds image files.")
    file, found = model_file.find(task.model)
    if task.top > len(found.classes):
        raise ValueError(f"`top` must be at most the number of classes, {len(found.classes)}. Received: top={task.top}")
    model = archive.load(file)
    found = model_file.filled(found, model)
    shape = input_shape(model, found)
    faults.check_memory(task.batch_size, shape, faults.MODEL_FLAGS)
    model = flip_averaged(model) if task.flips else model
    model.compile(jit_compile=jit_compile())
    batches = decoded(files(task.paths), found.image_size, shape[:2], task.batch_size)
    return _rows(model, found.output, found.classes, shape, batches, task)


def files(paths: Iterable[str]) -> Iterator[str]:
    """Yields the files that paths stand for: themselves, those below a folder, and those named on standard input."""
    for path in paths:
        if path == "-":
            yield from filter(None, (os.fsdecode(line.rstrip(b"\r\n")) for line in sys.stdin.buffer))
        elif os.path.isdir(path):
            yield from filter(_may_be_image, files_below(path))
        else:
            yield path


def _may_be_image(path: str) -> bool:
    """Tells whether the ending of a file is one that Pillow reads, or it has none."""
    ending = os.path.splitext(path)[1].lower()
    return not ending or ending in Image.registered_extensions()


def decoded(paths: Iterable[str], size: int, sides: tuple[int, int], batch_size: int) -> Iterator[list[Decoded]]:
    """Yields the files in batches, decoded in threads; `AHEAD` batches more are decoded meanwhile.

    Args:
        paths: The files, read as they are needed.
        size: Side of the square that a file is decoded to, in pixels.
        sides: Height and width of its centre, which is kept.
        batch_size: Files in a batch.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    waiting: deque[Future[Decoded]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(_decode, path, size, sides))
            if len(waiting) == (1 + AHEAD) * batch_size:
                yield [waiting.popleft().result() for _ in range(batch_size)]
        while waiting:
            yield [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _decode(path: str, size: int, sides: tuple[int, int]) -> Decoded:
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            return Decoded(path, None, "it is no file")
        return Decoded(path, centre_crop(decode(path, size)[None], sides)[0])
    except MemoryError:
        raise
    except ValueError as error:
        return Decoded(path, None, faults.first_line(error))
    except Exception as error:  # what a broken file makes of a decoder: the files after it still have their turn
        return Decoded(path, None, faults.named(error))


def _rows(
    model: Any,
    output: str,
    classes: Sequence[str],
    shape: tuple[int, int, int],
    batches: Iterable[list[Decoded]],
    task: PredictTask,
) -> Iterator[Row]:
    fixed = None  # images in a batch: other numbers would make backends compile the model again
    for batch in batches:
        images = [each.image for each in batch if each.image is not None]
        fixed = fixed or min(task.batch_size, len(batch))
        answers = iter(())
        if images:
            padded = np.zeros((fixed, *shape), "float32")
            padded[: len(images)] = fit(np.stack(images), shape)
            answers = iter(probabilities(model.predict_on_batch(padded), output)[: len(images)])
        for path, image, error in batch:
            yield {"path": path, "error": error} if image is None else _row(path, next(answers), classes, task.top)


def _row(path: str, answer: np.ndarray, classes: Sequence[str], top: int) -> Row:
    if not np.isfinite(answer).all():
        return {"path": path, "error": "the model's answers are not numbers: its weights are not finite"}
    row: Row = {"path": path}
    for place, index in enumerate(np.argsort(-answer, kind="stable")[:top].tolist(), start=1):
        end = f"_{place}" if place > 1 else ""
        row |= {f"label{end}": classes[index], f"probability{end}": float(answer[index])}
    return row


@contextlib.contextmanager
def counted(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Yields the rows as they are, and in the end says on standard error how many files could not be read.

    Raises:
        ValueError: If there was no row.
        SystemExit: With status 1 if no file could be read.
    """
    files, failed = 0, 0

    def watched() -> Iterator[Row]:
        nonlocal files, failed
        for row in rows:
            files, failed = files + 1, failed + ("error" in row)
            yield row

    try:
        yield watched()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{files:,} files were done") from None
    if not files:
        raise ValueError("There is no image. Expected paths on standard input, one a line. Received: none")
    if failed:
        said = f"kerastricks: {failed:,} of {files:,} files could not be read; their rows say why"
        print(said, file=sys.stderr, flush=True)
    if failed == files:
        raise SystemExit(1)
