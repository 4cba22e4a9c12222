import pytest

import kerastricks as kt
from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.designs import arms as design

pytestmark = pytest.mark.any_backend

RECIPE = kt.Recipe((kt.Warmup(1), kt.CosineDecay(), kt.MixUp()))


def arms(kind, tricks=()):
    return {name: recipe.names for name, recipe in design(RECIPE, kind, tricks)[0].items()}


def test_leave_one_out():
    assert arms("leave-one-out") == {
        "full": ["Warmup", "CosineDecay", "MixUp"],
        "without Warmup": ["CosineDecay", "MixUp"],
        "without CosineDecay": ["Warmup", "MixUp"],
        "without MixUp": ["Warmup", "CosineDecay"],
    }
    assert design(RECIPE, "leave-one-out")[1][2] == Comparison("MixUp", ("full",), ("without MixUp",))


def test_add_one_in():
    assert arms("add-one-in", ["MixUp", "Warmup"]) == {
        "none": ["CosineDecay"],
        "with Warmup": ["Warmup", "CosineDecay"],
        "with MixUp": ["CosineDecay", "MixUp"],
    }
    assert design(RECIPE, "add-one-in")[1][0] == Comparison("Warmup", ("with Warmup",), ("none",))


def test_ladder():
    assert arms("ladder") == {
        "none": [],
        "+ Warmup": ["Warmup"],
        "+ CosineDecay": ["Warmup", "CosineDecay"],
        "+ MixUp": ["Warmup", "CosineDecay", "MixUp"],
    }
    assert design(RECIPE, "ladder")[1][1] == Comparison("CosineDecay", ("+ CosineDecay",), ("+ Warmup",))


def test_every_combination():
    assert list(arms("all", ["Warmup", "MixUp"])) == ["none", "Warmup", "MixUp", "Warmup + MixUp"]
    comparisons = design(RECIPE, "all", ["Warmup", "MixUp"])[1]
    assert comparisons[1] == Comparison("MixUp", ("MixUp", "Warmup + MixUp"), ("none", "Warmup"))


@pytest.mark.parametrize(
    ("recipe", "kind", "tricks", "message"),
    [
        (RECIPE, "some", (), "Unknown design 'some'. Known: leave-one-out"),
        (RECIPE, "ladder", ["Mixup"], "Did you mean MixUp"),
        (kt.Recipe(), "ladder", (), "one arm and nothing to compare"),
        (kt.Recipe(tuple(type(f"T{n}", (kt.Trick,), {})() for n in range(7))), "all", (), "would be 128 arms"),
    ],
)
def test_refuses_what_compares_nothing(recipe, kind, tricks, message):
    with pytest.raises(ValueError, match=message):
        design(recipe, kind, tricks)
