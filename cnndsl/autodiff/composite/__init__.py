"""Operators of our own, a family a file: each is one node while a graph is differentiated.

A composite has one gradient rule, written with few passes over memory, where the rules of the
standard operators that it is made of would write many. Afterwards `expand` puts those in its place.
A composite may have outputs beside its value that keep what its gradient reads.
"""

from cnndsl.autodiff.composite import batchnorm as batchnorm
from cnndsl.autodiff.composite import crossentropy as crossentropy
from cnndsl.autodiff.composite import distances as distances
from cnndsl.autodiff.composite import lrn as lrn
from cnndsl.autodiff.composite.expand import DOMAIN, EXPANSIONS, composite, expand

__all__ = ["DOMAIN", "EXPANSIONS", "composite", "expand"]
