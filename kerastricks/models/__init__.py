"""Keras classifiers: how they are built, and what is read from and changed in their layers."""

from kerastricks.models.build import SHIPPED as SHIPPED
from kerastricks.models.build import assemble as assemble
from kerastricks.models.build import build as build
from kerastricks.models.build import find as find
from kerastricks.models.flip_averaged import flip_averaged as flip_averaged
from kerastricks.models.saved import Description as Description
from kerastricks.models.saved import describe as describe
from kerastricks.models.saved import description as description
