import pytest

from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.plan import SeedPlan, planned
from kerastricks.commands.ablation.statistics import seeds_needed
from kerastricks.commands.ablation.store import Runs

pytestmark = pytest.mark.any_backend

ARMS = ["full", "without EMA", "without MixUp"]
COMPARISONS = [Comparison("EMA", ("full",), ("without EMA",)), Comparison("MixUp", ("full",), ("without MixUp",))]


def make(folder, seeds=3, ema=0.001, mixup=0.05):
    """Runs of 20 minutes: EMA brings −`ema`, 0, `ema`, in turn over the seeds, and MixUp `mixup` besides."""
    runs = Runs(folder, ARMS, range(seeds))
    for seed in range(seeds):
        change = ema * (seed % 3 - 1)
        for arm, accuracy in zip(ARMS, (0.9, 0.9 - change, 0.9 - mixup - change), strict=True):
            figures = {"accuracy": accuracy, "loss": 1.0, "ms_per_step": 1.0, "peak_memory": 1, "seconds": 1200.0}
            runs.keep(arm, seed, {"seed": seed, **figures})
    return runs


def plan(folder, **settings):
    return planned(folder, ARMS, COMPARISONS, "kerastricks ablate digits --seeds 3", **settings)


def test_seeds_by_hand(tmp_path):
    """Differences of −0.1, 0, 0.1 points, so a deviation of 0.1; two comparisons."""
    make(tmp_path)
    found = plan(tmp_path)
    assert (found.seeds, found.arms, found.comparisons, found.seconds) == (3, 3, 2, 3600)
    ema, mixup = found.rows
    assert (ema["trick"], mixup["trick"]) == ("EMA", "MixUp")
    assert (ema["mean"], ema["deviation"]) == pytest.approx((0, 0.1))
    assert (mixup["mean"], mixup["deviation"]) == pytest.approx((5, 0.1))
    assert ema["needed"][0.1] == seeds_needed(1.0, 1.0, 2) == 24
    assert ema["needed"][0.2] == seeds_needed(2.0, 1.0, 2) == 8
    assert (ema["settled"], ema["needed_seen"]) == (False, None)
    assert mixup["settled"]


def test_the_table(tmp_path):
    make(tmp_path)
    lines = str(plan(tmp_path)).splitlines()
    assert lines[0] == "3 seeds so far; one more is 3 runs and takes 1.0 h. Seeds in all that"
    assert lines[2].split()[:8] == ["trick", "seen", "deviation", "0.1", "0.2", "0.5", "1", "2"]
    assert lines[3].split() == ["EMA", "0.00", "0.10", "24", "8", "4", "3", "3", ">100:", ">97.0", "h", "more"]
    assert lines[4].split()[:3] == ["MixUp", "+5.00", "0.10"]
    assert lines[4].endswith("settled")
    assert " ".join(lines[5].split()) == "time for all of them 21.0 h 5.0 h 1.0 h 0 s 0 s"
    assert (
        lines[6]
        == "A deviation of 3 seeds is rough: the true one may be 0.7 to 3.1 times as large (an interval of 80 %)."
    )


@pytest.mark.parametrize(("seconds", "shown"), [(24, "24 s"), (120, "2 min"), (3599, "60 min"), (5400, "1.5 h")])
def test_times(seconds, shown):
    assert SeedPlan([], 3, 2, 3, seconds).cost(4) == shown


def test_workers_share_the_time(tmp_path):
    make(tmp_path)
    assert plan(tmp_path, workers=2).seconds == 1800


def test_a_run_that_was_resumed_does_not_make_a_seed_cheaper(tmp_path):
    """Its seconds are those since it went on: the arm's other runs tell what one takes."""
    runs = make(tmp_path)
    runs.keep("full", 1, {**runs.of("full")[1], "seconds": 30.0})
    assert plan(tmp_path).seconds == 3600


def test_seeds_beyond_the_first_count_and_runs_that_failed_do_not(tmp_path):
    runs = make(tmp_path, seeds=4)
    runs.keep("without EMA", 2, {"seed": 2, "error": "diverged"})
    ema, mixup = plan(tmp_path).rows
    assert (ema["seeds"], mixup["seeds"]) == (3, 4)


def test_a_deviation_takes_two_seeds(tmp_path):
    make(tmp_path, seeds=1)
    lines = str(plan(tmp_path)).splitlines()
    assert lines[3].split() == ["EMA", "−0.10", "no", "deviation", "yet"]
    assert len(lines) == 5


def test_without_runs_it_says_what_to_do_first(tmp_path):
    with pytest.raises(
        ValueError, match=r"no seed .*first three, `kerastricks ablate digits --seeds 3`, and ask again"
    ):
        plan(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_runs_that_failed_are_the_reason(tmp_path):
    runs = Runs(tmp_path, ARMS, [0])
    for arm in ARMS:
        runs.keep(arm, 0, {"seed": 0, "error": "diverged"})
    with pytest.raises(ValueError, match=r"all runs are there \(failed: full, seed 0: diverged\), so there is nothing"):
        plan(tmp_path)


def test_a_trick_whose_runs_failed_has_the_reason(tmp_path):
    """Of MixUp's other arm no run is left: three seeds were made all the same, and EMA is planned from them."""
    runs = make(tmp_path)
    for seed in range(3):
        runs.keep("without MixUp", seed, {"seed": seed, "error": "diverged"})
    found = plan(tmp_path)
    assert found.rows[1] == {"trick": "MixUp", "failed": "failed: without MixUp, seed 0: diverged"}
    lines = str(found).splitlines()
    assert lines[0].startswith("3 seeds so far")
    assert lines[4].split(maxsplit=1) == ["MixUp", "failed: without MixUp, seed 0: diverged"]


def test_the_time_for_all_is_that_of_the_trick_that_lacks_most(tmp_path):
    """A second run of EMA's failed: of three seeds it has two, and needs one more than MixUp for as many in all."""
    runs = make(tmp_path)
    before = str(plan(tmp_path)).splitlines()[5].split()
    runs.keep("without EMA", 0, {"seed": 0, "error": "diverged"})
    found = plan(tmp_path)
    ema = found.rows[0]
    assert ema["seeds"] == 2
    assert before[5:7] == ["21.0", "h"]
    lacking = ema["needed"][0.5] - 2
    assert f" {lacking:.1f} h " in str(found).splitlines()[5]


def test_a_seed_counts_when_those_before_it_are_whole(tmp_path):
    """Two workers: of seed 1 MixUp's other arm is still on its way, so its seed 2 waits; EMA has three."""
    runs = make(tmp_path)
    runs._path("without MixUp", 1).unlink()
    assert [row["seeds"] for row in plan(tmp_path).rows] == [3, 1]


def test_seeds_count_from_the_first_on_without_a_gap(tmp_path):
    runs = make(tmp_path, seeds=6)
    for arm in ARMS:
        runs._path(arm, 3).unlink()
    assert plan(tmp_path).seeds == 3
    assert plan(tmp_path, first=4).seeds == 2


def test_equal_differences_have_no_deviation(tmp_path):
    make(tmp_path, seeds=12, ema=0.0)
    ema, mixup = str(plan(tmp_path)).splitlines()[3:5]
    assert ema.split() == ["EMA", "0.00", "no", "deviation"]
    assert mixup.split() == ["MixUp", "+5.00", "settled"]
