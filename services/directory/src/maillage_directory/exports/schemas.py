"""What is asked of an export."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from maillage_common.dates import Instant
from maillage_common.schemas import Payload
from maillage_directory.records.fields import Code
from maillage_directory.search.schemas import Many

_FEW = Field(max_length=50)


class ExportFormat(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"
    HSDS = "hsds"


MEDIA_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.HSDS: "application/zip",
}
FILE_NAMES = {
    ExportFormat.NDJSON: "directory.ndjson",
    ExportFormat.CSV: "directory.csv",
    ExportFormat.XLSX: "directory.xlsx",
    ExportFormat.GEOJSON: "directory.geojson",
    ExportFormat.HSDS: "directory-hsds.zip",
}


class ExportParams(Payload):
    """Filters AND; values of one OR. An organization is given when one of its services is."""

    need: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    territory: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    program: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    modified_after: Instant | None = None
