import pytest

from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.verdicts import verdicts

pytestmark = pytest.mark.any_backend

EMA = Comparison("EMA", ("full",), ("without EMA",))


def arm(name, accuracies):
    return {
        "name": name,
        "runs": [
            {"seed": seed, "accuracy": accuracy, "loss": 1.0, "ms_per_step": 1.0, "peak_memory": 1}
            for seed, accuracy in accuracies.items()
        ],
    }


def seeds_of(full, without, seeds=range(6)):
    """Returns how many seeds the verdict rests on, if there is one; each seed's difference is a thousandth larger."""
    arms = [arm("full", {seed: 0.9 + seed / 1000 for seed in full}), arm("without EMA", dict.fromkeys(without, 0.8))]
    return [effect["accuracy"]["seeds"] for effect in verdicts(arms, [EMA], seeds)]


def test_the_first_seeds_count_up_to_one_that_lacks():
    assert seeds_of([0, 1, 2], [0, 1, 2]) == [3]
    assert seeds_of([0, 1, 2, 3], [0, 2, 3]) == [1]


def test_a_seed_of_which_no_run_is_there_yet_ends_them_too():
    """Many runs side by side: seeds 2 and 5 were done before seed 1 was; they wait for it."""
    assert seeds_of([0, 2, 5], [0, 2, 5]) == [1]
    assert seeds_of([4], [4]) == []
    assert seeds_of([4, 5], [4, 5], seeds=range(4, 6)) == [2]
