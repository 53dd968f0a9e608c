"""Tables of words and numbers, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A title, headings and rows; the first `text_columns` columns hold words, the others numbers."""

    title: str | None
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    text_columns: int = 1

    def markdown(self) -> str:
        """The table as Markdown, with its title above, aligned so that it can be read as plain text."""
        widths = [max(map(len, column)) for column in zip(self.headings, *self.rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            pairs = enumerate(zip(cells, widths, strict=True))
            padded = [cell.ljust(w) if i < self.text_columns else cell.rjust(w) for i, (cell, w) in pairs]
            return f"| {' | '.join(padded)} |"

        rule = ["-" * w if i < self.text_columns else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
        head = () if self.title is None else (f"**{self.title}**", "")
        return "\n".join((*head, *map(line, (self.headings, rule, *self.rows))))
