"""The shipped recipes: the modules of this folder that hold `recipe`, and the rows of its tables.

Names and descriptions are known without Keras.
"""

import ast
import difflib
from collections.abc import Iterable
from pathlib import Path

from kerastricks.recipes import paper, resnet_strikes_back

MODULES = ("airbench", "baseline", "cifar", "finetune", "torchvision_v2", "tutorial")
TABLES = {name: table for table in (paper, resnet_strikes_back) for name in table.NAMES}
NAMES = (*MODULES, *TABLES)


def describe(name: str) -> str:
    """Returns the description of a shipped recipe; its first line is a summary in one sentence."""
    if name in TABLES:
        return TABLES[name].describe(name)
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def near(name: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean X?`, with the nearest of the known names in any case; or nothing."""
    titles = {title.lower(): title for title in known}
    found = difflib.get_close_matches(name.lower(), titles, n=1)
    return f" Did you mean {titles[found[0]]}?" if found else ""
