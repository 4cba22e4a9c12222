"""Keras classifiers: how they are built, and what is read from and changed in their layers."""

from kerastricks.models.build import SHIPPED as SHIPPED
from kerastricks.models.build import applications as applications
from kerastricks.models.build import build as build
from kerastricks.models.build import find as find
