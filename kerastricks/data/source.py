"""What a user passes as data: the path of a folder, or of a CSV file."""

import os
from pathlib import Path

from kerastricks.data.csv_file import read_csv
from kerastricks.data.folder import read_folder
from kerastricks.data.listing import Listing
from kerastricks.data.names import shown


def read(source: str, deepest: bool = False) -> Listing:
    """Returns the files of a folder or of a CSV file.

    Raises:
        ValueError: If it is neither, or `deepest` is asked of a CSV file.
    """
    if os.path.isdir(source):
        return read_folder(str(Path(source)), deepest)
    if not os.path.isfile(source) or not source.lower().endswith(".csv"):
        what = "is a file" if os.path.exists(source) else "does not exist"
        raise ValueError(
            f"{shown(source)} {what}. Pass `digits`, a folder with one folder of images per class, or a .csv file of "
            "paths and labels."
        )
    if deepest:
        raise ValueError(f"`deepest` is for folders. Received: deepest=True with {shown(source)}")
    return read_csv(str(Path(source)))


def name_of(source: str) -> str:
    """Returns what the data is called: the name of the folder, or the stem of the file."""
    path = Path(source).resolve()
    return shown(path.name if path.is_dir() else path.stem)
