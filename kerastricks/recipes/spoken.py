"""Tricks and optimizers as words: what `--with MixUp:alpha=0.4` and `--optimizer AdamW` ask for."""

import ast
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerastricks import tricks as bag
from kerastricks.optimizers.lamb import Lamb
from kerastricks.optimizers.muon import Muon
from kerastricks.optimizers.sgd import AdamW, nesterov
from kerastricks.recipes import near
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import Trick
from kerastricks.tricks import Efficient

BAG: dict[str, type[Trick]] = {
    name: kind for name, kind in vars(bag).items() if inspect.isclass(kind) and issubclass(kind, Trick)
}


def trick(words: str) -> Trick:
    """Returns a trick of the bag by its name and settings: `MixUp`, or `MixUp:alpha=0.4,off_epochs=2`.

    Values are Python's literals, and otherwise strings; `30,60` is a tuple.

    Raises:
        ValueError: If there is no such trick or setting, one is missing, or the trick refuses a value.
    """
    name, colon, rest = words.partition(":")
    if name not in BAG:
        raise ValueError(f"Unknown trick '{name}'.{near(name, BAG)} `kerastricks tricks` lists them.")
    kind, received = BAG[name], f"Received: {words}"
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    expected = f"Its settings: {signature(kind)}."
    types_of = typing.get_type_hints(kind)
    settings: dict[str, Any] = {}
    for part in re.split(r",(?=\s*[^\W\d]\w*\s*=)", rest) if colon else []:
        setting, equals, value = (side.strip() for side in part.partition("="))
        if not equals or not value:
            raise ValueError(f"The settings of {name} are given as name=value,name=value. {expected} {received}")
        if setting not in fields:
            raise ValueError(f"{name} has no setting '{setting}'.{near(setting, fields)} {expected} {received}")
        if setting in settings:
            raise ValueError(f"{name} has one `{setting}`. {received}")
        settings[setting] = _value(value, types_of[setting])
        if not _is(settings[setting], types_of[setting]):
            raise ValueError(f"`{setting}` of {name} must be {_kind(types_of[setting])}. {expected} {received}")
    for field in fields.values():
        if field.name not in settings and field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{name} needs a value for `{field.name}`, as {name}:{field.name}=… {expected} {received}")
    try:
        return kind(**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{words} is refused: {error}") from None


def adding(recipe: Recipe, tricks: Sequence[Trick]) -> Recipe:
    """Returns a recipe with tricks: in place of those of the same name, or else last; `Efficient` comes first."""
    for one in tricks:
        if one.name in recipe.names:
            recipe = recipe.replacing(one)
        else:
            order = (one, *recipe.tricks) if isinstance(one, Efficient) else (*recipe.tricks, one)
            recipe = dataclasses.replace(recipe, tricks=order)
    return recipe


def signature(kind: type[Trick]) -> str:
    """Returns a trick with its settings and their defaults, as `EMA(momentum=0.999)`."""
    parameters = inspect.signature(kind).parameters.values()
    return f"{kind.__name__}({', '.join(str(one.replace(annotation=one.empty)) for one in parameters)})"


def optimizer(name: str) -> Callable[..., Any]:
    """Returns an optimizer by its name in any case: this package's, where it has one, and else Keras'.

    `SGD`, `AdamW`, `Lamb` and `Muon` are this package's. `SGD` has Nesterov momentum 0.9 and coupled weight decay, as
    in recipes that name no optimizer.

    Raises:
        ValueError: If there is none of that name, or it takes no learning rate or weight decay.
    """
    base = keras.optimizers.Optimizer
    known = {
        title: kind
        for title, kind in vars(keras.optimizers).items()
        if inspect.isclass(kind) and issubclass(kind, base) and kind is not base
    }
    fitting = [
        one for one in known if {"learning_rate", "weight_decay"} <= set(inspect.signature(known[one]).parameters)
    ]
    found = {title.lower(): title for title in known}.get(name.lower())
    if found not in fitting:
        takes = "does not take `learning_rate` and `weight_decay`, as one of a recipe must"
        what = f"{found} {takes}." if found else f"Unknown optimizer '{name}'.{near(name, fitting)}"
        raise ValueError(f"{what} Known: {', '.join(sorted(fitting))}. Received: optimizer={name}")
    own: dict[str, Callable[..., Any]] = {"SGD": nesterov, "AdamW": AdamW, "Lamb": Lamb, "Muon": Muon}
    return own.get(str(found), known[found])


def _value(text: str, kind: Any) -> Any:
    """Returns what a literal stands for, or else the text; one value is a tuple where several are possible."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    several = typing.get_origin(kind) is tuple and ... in typing.get_args(kind)
    return (value,) if several and not isinstance(value, tuple) else value


def _is(value: Any, kind: Any) -> bool:
    """Tells whether a value is of an annotated type; numbers without a fraction are floats too."""
    if kind is Any:
        return True
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return any(_is(value, part) for part in parts)
    if origin is tuple:
        inner = parts[:1] * len(value) if parts[-1] is ... and isinstance(value, tuple) else parts
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(_is, value, inner))
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)


def _kind(kind: Any) -> str:
    """Returns an annotated type in words, as `a number` or `True or False`."""
    words = {float: "a number", int: "a whole number", bool: "True or False", str: "text", type(None): "None"}
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return f"{_kind(parts[0])} or several, with commas between them"
    return " or ".join(map(_kind, parts)) if parts else words.get(kind, f"a {getattr(kind, '__name__', kind)}")
