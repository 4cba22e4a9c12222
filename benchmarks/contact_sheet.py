"""Draws what the tricks of images make of one photograph: a row a trick, eight draws each, as the network sees them.

    KERAS_BACKEND=tensorflow python benchmarks/contact_sheet.py docs/augmentation.png

The first column is the photograph itself. The tricks that mix do so with a second one. Settings other than a trick's
own stand beside its name.
"""

import argparse
from pathlib import Path

import numpy as np
from keras import ops
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image

import kerastricks as kt
from kerastricks.training.batches import draw
from kerastricks.training.mixing import Mixing

SIDE, DRAWS, MARGIN = 128, 8, 4
COLOURS = 256  # a palette, so that the sheet stays below 600 kB


def rows(side: int = SIDE) -> dict[str, kt.Trick]:
    """Returns the tricks by what stands beside them."""
    return {
        "RandomFlip": kt.RandomFlip(),
        f"RandomCrop({side // 8})": kt.RandomCrop(side // 8),
        "RandomResizedCrop": kt.RandomResizedCrop(side),
        "ColorJitter": kt.ColorJitter(),
        "PCANoise(0.5)": kt.PCANoise(0.5),  # five times the paper's: a tenth shows on no screen
        "RandomErasing(1.0)": kt.RandomErasing(1.0),
        "RandAugment": kt.RandAugment(),
        "TrivialAugment": kt.TrivialAugment(),
        "MixUp(1.0)": kt.MixUp(1.0),
        "CutMix": kt.CutMix(),
    }


def photograph(name: str, side: int = SIDE) -> np.ndarray:
    """Returns the middle of one of scikit-learn's photographs, shrunk to `side`, as float32 (side, side, 3)."""
    image = Image.fromarray(load_sample_image(name))
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    cut = image.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short))
    return np.asarray(cut, "float32")


def drawn(trick: kt.Trick, image: np.ndarray, other: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns eight draws of a trick on `image`, mixed with `other` by those that mix."""
    plan = kt.Plan(epochs=1, steps_per_epoch=DRAWS, batch_size=DRAWS, seed=seed)
    if not isinstance(trick, Mixing):
        batches = [(np.stack([image] * DRAWS), draw([trick], DRAWS, 0, plan))]
    else:  # they draw one share a batch, so each batch is a pair
        batches = [(np.stack([image, other]), draw([trick], 2, step, plan)) for step in range(DRAWS)]
    shown = []
    for images, draws in batches:
        numbers = {name.split("/")[1]: value for name, value in draws.items()}
        if "order" in numbers:
            numbers["order"] = np.array([1, 0], "int32")
        changed, _ = trick.batch(ops.array(images), ops.ones((len(images), 2)) / 2, **numbers)
        shown.extend(ops.convert_to_numpy(changed)[:: len(numbers.get("order", [0]))])
    return np.stack(shown)


def sheet(side: int = SIDE) -> Image.Image:
    """Returns the whole sheet."""
    image, other = photograph("flower.jpg", side), photograph("china.jpg", side)
    tricks = rows(side)
    font = ImageFont.load_default(size=16)
    label = 16 + max(int(font.getlength(name)) for name in tricks)
    cell = side + MARGIN
    paper = Image.new("RGB", (label + (DRAWS + 1) * cell + 2 * MARGIN, len(tricks) * cell + MARGIN), "white")
    pen = ImageDraw.Draw(paper)
    for row, (name, trick) in enumerate(tricks.items()):
        top = MARGIN + row * cell
        pen.text((8, top + side // 2), name, "black", font, anchor="lm")
        for column, pixels in enumerate([image, *drawn(trick, image, other)]):
            left = label + column * cell + (2 * MARGIN if column else 0)
            paper.paste(Image.fromarray(np.clip(np.round(pixels), 0, 255).astype("uint8")), (left, top))
    return paper


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    path = parser.parse_args().path
    few = sheet().quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path}: {few.width}×{few.height} pixels, {path.stat().st_size / 1000:.0f} kB")
