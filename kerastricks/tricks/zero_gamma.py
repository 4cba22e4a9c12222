"""Residual blocks start as their shortcut."""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from kerastricks.models.graph import has_graph, residuals
from kerastricks.training.trick import Trick


def zero_gamma(model: Any) -> list:
    """Sets γ to zero in the last BatchNormalization of every residual branch of `model`, in place.

    The block then returns its shortcut, and the network starts as a shallower one.

    Args:
        model: A functional or Sequential `keras.Model`; nested models are searched too.

    Returns:
        The layers that were set.

    Raises:
        ValueError: If the model has no graph to search or no such layer with a γ, or has been trained.

    Reference: He et al., 2018, arXiv:1812.01187, section 3.1.
    """
    norms = last_norms(model)
    _set(norms)
    return norms


def _set(norms: list) -> None:
    for norm in norms:
        norm.gamma.assign(ops.zeros(norm.gamma.shape))


def last_norms(model: Any) -> list:
    """Returns the layers that `zero_gamma` sets, or raises its `ValueError`."""
    norms = _found(model)
    trained = next((norm for norm in norms if not _is_initial(norm)), None)
    if trained is not None:
        raise ValueError(
            f"ZeroGamma is for the start of training, and the model '{model.name}' has been trained: it would erase "
            f"what γ has learned. Received: layer '{trained.name}', whose γ or moving statistics are not the initial "
            "ones. Leave ZeroGamma out, or build the model anew."
        )
    return norms


def _found(model: Any) -> list:
    if not has_graph(model):
        raise ValueError(
            "ZeroGamma finds residual branches in the graph of a functional or Sequential model. "
            f"Received: {type(model).__name__}, which has none. "
            "Initialize the last γ of each branch with zeros in the layers themselves "
            "(`gamma_initializer='zeros'`), and leave ZeroGamma out."
        )
    norms = [residual.norm for residual in residuals(model) if residual.norm.gamma is not None]
    if not norms:
        raise ValueError(
            f"ZeroGamma would have no effect: in the model '{model.name}' no residual branch ends in a "
            "BatchNormalization with a γ. Leave ZeroGamma out."
        )
    return norms


def _is_initial(norm: Any) -> bool:
    values = (ops.convert_to_numpy(v) for v in (norm.gamma, norm.moving_mean, norm.moving_variance))
    gamma, mean, variance = (np.asarray(value, "float32") for value in values)
    return bool(np.ptp(gamma) == 0 and (mean == 0).all() and (variance == 1).all())


@dataclasses.dataclass(frozen=True)
class ZeroGamma(Trick):
    """Starts every residual block as its shortcut: γ of its last BatchNormalization is set to zero.

    Raises:
        ValueError: If the model is subclassed or has been trained, or no residual branch ends in a BatchNormalization.

    Reference: He et al., 2018, arXiv:1812.01187, section 3.1.
    """

    def check(self, setup):
        last_norms(setup.model)

    def model(self, model, plan):
        _set(_found(model))  # of a run that goes on, too, whose own γ is then put back
        return model
