"""Residual branches dropped at random."""

import dataclasses
from typing import Any

from kerastricks.data.randomness import generator
from kerastricks.models.drop_path import dropping, put_drop_paths
from kerastricks.models.graph import added_twice, branches, has_graph
from kerastricks.training.trick import Trick


def drop_rates(rate: float, blocks: int) -> list[float]:
    """Returns the probability that each of `blocks` residual branches is dropped: it grows linearly from 0 to `rate`.

        rate * l / (L - 1),  l = 0, ..., L - 1

    A single block has `rate`. Huang et al. number the blocks from 1 and divide by L, so that the first is dropped too;
    this is the rule of timm, and so of Wightman et al., 2021.
    """
    return [rate * block / (blocks - 1) if blocks > 1 else rate for block in range(blocks)]


def stochastic_depth(model: Any, rate: float = 0.1, seed: int = 0) -> list[float]:
    """Lets the residual branches of `model` be dropped at random in training, in place; see `StochasticDepth`.

    Call it before `compile`. The saved model is the one that it was: it drops nothing where it is loaded.

    Args:
        model: A functional or Sequential `keras.Model`; nested models are searched too.
        rate: Probability that the last branch is dropped, above 0 and below 1.
        seed: Seed of the draws.

    Returns:
        The probability of each branch, in the order of the computation.

    Raises:
        ValueError: If `rate` is out of its range, the model has no graph or no residual branch, or drops paths already.
    """
    _check_rate(rate)
    _check_model(model)
    return _put(model, rate, seed)


def _put(model: Any, rate: float, seed: int) -> list[float]:
    rates = drop_rates(rate, len(branches(model)))
    put_drop_paths(model, rates, seed)
    return rates


def _check_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"`rate` must lie between 0 and 1, both excluded. Received: rate={rate}")


def _check_model(model: Any) -> None:
    if not has_graph(model):
        raise ValueError(
            "StochasticDepth finds residual branches in the graph of a functional or Sequential model. "
            f"Received: {type(model).__name__}, which has none. Drop paths in the layers themselves, by "
            "`keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1))` before each addition, and leave StochasticDepth "
            "out."
        )
    if not branches(model):
        raise ValueError(
            f"StochasticDepth would have no effect: the model '{model.name}' has no residual branch, an addition of "
            "two tensors from one fork. Leave StochasticDepth out."
        )
    if twice := added_twice(model):
        raise ValueError(
            f"StochasticDepth cannot tell the calls of '{twice}' apart: it adds more than once. Use a layer for each "
            "addition, or leave StochasticDepth out."
        )
    if (found := dropping(model)) is not None:
        raise ValueError(
            f"StochasticDepth would drop paths twice: the model '{model.name}' does so already. "
            f"Received: {type(found).__name__} '{found.name}'. Build the model anew, without such layers, or leave "
            "StochasticDepth out."
        )


@dataclasses.dataclass(frozen=True)
class StochasticDepth(Trick):
    """Drops residual branches at random in training, sample by sample: drop path.

        output = shortcut + branch * keep / (1 - p),  keep ~ Bernoulli(1 - p),  p = rate * l / (L - 1)

    Block l of L, counted from 0 in the order of the computation. Outside training, and when the run is over, the model
    is the one that it was, and so is the saved file.

    Args:
        rate: Probability that the last branch is dropped, above 0 and below 1.

    Raises:
        ValueError: If `rate` is out of its range, the model has no graph or no residual branch, or drops paths already.

    Reference: Huang et al., 2016, arXiv:1603.09382, section 3.
    """

    rate: float = 0.1

    def __post_init__(self):
        _check_rate(self.rate)

    def check(self, setup):
        _check_model(setup.model)

    def model(self, model, plan):
        _put(model, self.rate, int(generator(plan.seed, self.name, 0).integers(2**31)))
        return model
