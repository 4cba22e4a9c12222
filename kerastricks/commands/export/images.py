"""The images that an exported model is compared on: real ones where there are any."""

import contextlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kerastricks import data as data_room
from kerastricks.commands import json_file
from kerastricks.data.bad import BadImage
from kerastricks.data.decode import decode
from kerastricks.data.names import shown
from kerastricks.data.walk import files_below
from kerastricks.models.saved import Description


class Sample(NamedTuple):
    """Some images (N, S, S, C) in uint8, their labels where the folder tells them, and in words where they are from."""

    pixels: np.ndarray
    labels: np.ndarray | None
    source: str


def sample(asked: Sequence[str], file: Path, found: Description, most: int, seed: int) -> Sample | None:
    """Returns at most `most` images, drawn by the seed; or None where there are none.

    Args:
        asked: What the user named: a data set as for `evaluate`, a folder of images, or image files. Without it, the
            data of the run that the model is from, if that is still there.
        file: The model.
        found: What the model is for.
        most: Number of images.
        seed: Seed of the choice.

    Raises:
        ValueError: If what the user named is not there, or holds no image.
    """
    sources = list(asked) or _of_run(file)
    for source in sources:
        if source != "digits" and not os.path.exists(source):
            raise ValueError(f"{shown(source)} does not exist. Pass image files, or a folder of images, with --images.")
    if not sources:
        return None
    source = ", ".join(map(shown, sources[:3])) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    random = np.random.default_rng(seed)
    if len(sources) == 1 and (labelled := _labelled(sources[0], found)):
        images, labels, split = labelled
        rows: list[np.ndarray] = []
        chosen: list[int] = []
        for index in random.permutation(len(labels)):
            with contextlib.suppress(BadImage):  # as the run, which may have set it aside
                rows.append(images[np.array([index])])
                chosen.append(int(index))
            if len(chosen) == most:
                break
        if chosen:
            return Sample(np.concatenate(rows), labels[np.array(chosen)], f"{source} ({split})")
    paths = [path for each in sources for path in (files_below(each) if os.path.isdir(each) else [each])]
    pixels: list[np.ndarray] = []
    for index in random.permutation(len(paths)):
        try:
            pixels.append(decode(paths[index], found.image_size))
        except ValueError:
            if paths[index] in sources:
                raise
        if len(pixels) == most:
            break
    if not pixels:
        raise ValueError(f"No image was found in {source}. Pass image files, or a folder of images, with --images.")
    return Sample(np.stack(pixels), None, source)


def noise(found: Description, count: int, seed: int) -> np.ndarray:
    """Returns images of independent random pixels, (count, S, S, C) in uint8."""
    shape = (count, found.image_size, found.image_size, found.channels)
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def _labelled(source: str, found: Description) -> tuple | None:
    """Returns images, labels and split of a data set of the model's classes; None where it is not one."""
    if source != "digits" and os.path.isfile(source) and not source.endswith(".csv"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nothing is kept: few of the images are read
        try:
            loaded = data_room.load_for(
                found.classes,
                source,
                image_size=found.image_size,
                cache_size=0.0,
                allow_bad=None if source == "digits" else "100%",
            )
        except ValueError:
            if os.path.isdir(source):  # of other classes, or of none
                return None
            raise
    return loaded.images, loaded.labels, loaded.split


def _of_run(file: Path) -> list[str]:
    """Returns the data that the model was trained on, if the run beside it tells and it is still there."""
    try:
        run = json_file.known(file.with_name("run.json"))
        data = run.get("data_path") or run["data"]
        return [data] if data == "digits" or os.path.exists(data) else []
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return []
