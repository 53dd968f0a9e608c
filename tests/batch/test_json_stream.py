"""JSON read piece by piece: the same values as at once, whatever the pieces."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.batch import json_stream

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> dict[str, Any]:
    found = json_stream.members(io.StringIO(text), "files")
    return {name: list(value) if name == "files" else value for name, value in found}


@given(
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
    st.lists(VALUES, max_size=4),
    st.integers(1, 40),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_it_is_what_json_reads(
    others: dict[str, Any], files: list[Any], piece: int, indent: int | None, comes_first: bool
) -> None:
    content = {"files": files, **others, "files ": 12} if comes_first else {**others, "files": files}
    text = json.dumps(content, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_PIECE", piece)
        assert read(text) == json.loads(text)


def test_elements_that_are_not_wanted_are_passed_over() -> None:
    found = json_stream.members(io.StringIO('{"files": [1, [2], 3], "after": 4}'), "files")
    assert [(name, next(iter(value)) if name == "files" else value) for name, value in found] == [
        ("files", 1),
        ("after", 4),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"a"}',
        '{"a": 1',
        '{"a": 1,}',
        "{1: 2}",
        '{"files": 3}',
        '{"files": [1 2]}',
        "{} x",
        '{"files": [{]}',
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(text)


@pytest.mark.parametrize("number", ["-0", "12", "1.5", "-1.25e3", "2E-7", "3e+16", "10000000000000000000.5"])
@pytest.mark.parametrize("after", ["", " ", "\n"])
def test_numbers_may_be_split_anywhere(number: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'{{"a": {number}{after}, "files": [{number}{after}, {number}], "b": {number}{after}}}'
    for piece in range(1, len(text) + 1):
        monkeypatch.setattr(json_stream, "_PIECE", piece)
        assert read(text) == json.loads(text)


@pytest.mark.parametrize("number", ["1.", "1e", "1e+", "-", "1.e3", "+1", "1-"])
def test_what_only_looks_like_a_number_is_refused(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (f'{{"files": [], "a": {number}}}', f'{{"files": [{number}]}}', f'{{"files": [], "a": {number}'):
        for piece in range(1, len(text) + 1):
            monkeypatch.setattr(json_stream, "_PIECE", piece)
            with pytest.raises(ValueError, match=r".+"):
                read(text)
