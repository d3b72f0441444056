"""The demo's dice: one source per thing, so that adding one thing changes no other."""

from random import Random


def dice(*key: object) -> Random:
    """A random source that depends on `key` alone."""
    # Reproducible on purpose; nothing secret is drawn from it.
    return Random(":".join(map(str, key)))  # noqa: S311
