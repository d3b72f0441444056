"""What routes ask of who calls: a scope, and the language that they read."""

from typing import Annotated

from fastapi import Header

from maillage_common.auth import Caller, open_to_anyone, requires
from maillage_directory.visibility import ADMIN, READ, WRITE

Anyone = Annotated[Caller, open_to_anyone()]
Professional = Annotated[Caller, requires(READ, ADMIN)]
# Which records one may edit is asked of each record: see `ownership`.
Editor = Annotated[Caller, requires(WRITE, ADMIN)]
Admin = Annotated[Caller, requires(ADMIN)]
AcceptLanguage = Annotated[str | None, Header(description="fr, nl or en")]
