"""The tables beside this file: names, fields of work, offers, what was seen."""

import csv
from functools import cache
from importlib.resources import files


@cache
def load_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of one of the demo's tables, by column."""
    text = (files("maillage_local.demo") / name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
