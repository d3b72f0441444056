"""What may be asked of a sheet."""

from typing import Literal

from maillage_common.schemas import Payload


class SheetParams(Payload):
    """`public`, by default, leaves out what only professionals see: a sheet goes from hand to
    hand."""

    audience: Literal["public", "professional"] = "public"
