"""Which recipes an ablation trains, its arms, and which of them it compares."""

import dataclasses
import itertools
from collections.abc import Sequence

from kerastricks.training.recipe import Recipe

DESIGNS = ("leave-one-out", "add-one-in", "ladder", "all")
_MOST_ARMS = 64


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a trick is judged by: arms with it against arms without it, pair by pair.

    Args:
        trick: Name of the trick.
        having: Names of the arms with it.
        lacking: Names of the arms that are otherwise the same.
    """

    trick: str
    having: tuple[str, ...]
    lacking: tuple[str, ...]


def arms(recipe: Recipe, kind: str, tricks: Sequence[str] = ()) -> tuple[dict[str, Recipe], list[Comparison]]:
    """Returns the recipes of an ablation by the name of the arm, and the comparisons between them.

    `leave-one-out` trains the recipe, and the recipe without each trick. `add-one-in` trains it without any of them,
    and with each alone. `ladder` adds them one after the other, in the recipe's order. `all` trains every combination,
    and compares a trick over all pairs that differ in it alone.

    Args:
        recipe: The recipe.
        kind: One of `DESIGNS`.
        tricks: Names of the tricks to judge; the others stay in every arm. By default all.

    Raises:
        ValueError: If the design or a trick is unknown, or there would be a single arm, or too many.
    """
    if kind not in DESIGNS:
        raise ValueError(f"Unknown design '{kind}'. Known: {', '.join(DESIGNS)}.")
    recipe.without(*tricks)  # names a trick that it lacks
    judged = [name for name in recipe.names if name in tricks or not tricks]
    if not judged:
        raise ValueError("The recipe has no tricks: there is one arm and nothing to compare. Pass another `recipe`.")
    if kind == "all" and 2 ** len(judged) > _MOST_ARMS:
        raise ValueError(
            f"Every combination of {len(judged)} tricks would be {2 ** len(judged)} arms, more than {_MOST_ARMS}. "
            "Name fewer of them with `tricks`, or take another design."
        )
    makers = {"leave-one-out": _leave_one_out, "add-one-in": _add_one_in, "ladder": _ladder, "all": _all}
    kept, comparisons = makers[kind](judged)
    recipes = {
        name: recipe.without(*(trick for trick in judged if trick not in chosen)) for name, chosen in kept.items()
    }
    return recipes, comparisons


_Design = tuple[dict[str, list[str]], list[Comparison]]


def _leave_one_out(judged: list[str]) -> _Design:
    arms = {"full": judged} | {f"without {name}": [other for other in judged if other != name] for name in judged}
    return arms, [Comparison(name, ("full",), (f"without {name}",)) for name in judged]


def _add_one_in(judged: list[str]) -> _Design:
    arms: dict[str, list[str]] = {"none": []} | {f"with {name}": [name] for name in judged}
    return arms, [Comparison(name, (f"with {name}",), ("none",)) for name in judged]


def _ladder(judged: list[str]) -> _Design:
    rungs = ["none", *(f"+ {name}" for name in judged)]
    arms = {rung: judged[:count] for count, rung in enumerate(rungs)}
    pairs = zip(judged, itertools.pairwise(rungs), strict=True)
    return arms, [Comparison(name, (above,), (below,)) for name, (below, above) in pairs]


def _all(judged: list[str]) -> _Design:
    subsets = [chosen for size in range(len(judged) + 1) for chosen in itertools.combinations(judged, size)]
    named = {chosen: " + ".join(chosen) or "none" for chosen in subsets}
    comparisons = []
    for name in judged:
        without = [chosen for chosen in subsets if name not in chosen]
        having = [tuple(trick for trick in judged if trick in chosen or trick == name) for chosen in without]
        comparisons.append(Comparison(name, tuple(named[c] for c in having), tuple(named[c] for c in without)))
    return {name: list(chosen) for chosen, name in named.items()}, comparisons
