"""The table of formats in the documentation, made of what the code goes by.

python -c "from excolor.photo.formats import formats_table; print(formats_table().markdown())"
"""

from excolor.photo.encoding import OUTPUT_FORMATS, OutputFormat
from excolor.photo.kinds import KINDS, Kind
from excolor.reporting.table import Table


def formats_table() -> Table:
    """All kinds that are read, and how those are written that are."""
    rows = tuple((kind.name, " ".join(kind.suffixes), kind.reads, _written(kind)) for kind in KINDS)
    return Table(None, ("format", "suffixes", "read", "written"), rows, text_columns=4)


def _written(kind: Kind) -> str:
    formats = {OUTPUT_FORMATS[suffix] for suffix in kind.suffixes if suffix in OUTPUT_FORMATS}
    return "; ".join(map(_described, formats)) or "no"


def _described(target: OutputFormat) -> str:
    depth = "8 and 16 bits" if target.has_16_bit else "8 bits"
    alpha = ", alpha" if target.has_alpha else ""
    return depth + alpha + ("" if target.max_side is None else f", up to {target.max_side} pixels a side")
