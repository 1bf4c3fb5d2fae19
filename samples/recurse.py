"""Recurses: first in Python alone, then from Python through C (functools.reduce) back into Python."""
from functools import reduce


def straight(n):
    return 0 if n == 0 else 1 + straight(n - 1)


def through_c(n):
    return 0 if n == 0 else reduce(lambda total, _: total + through_c(n - 1), [1], 1)


print("straight", straight(20), "through C", through_c(20))
