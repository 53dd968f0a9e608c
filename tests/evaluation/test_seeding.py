"""Generators by names: the numbers that were published depend on them."""

import os
from random import Random
from zlib import crc32

import pytest

from excolor.evaluation.drawn_hints import draw_places
from excolor.evaluation.seeding import name_bytes, random_of


@pytest.mark.parametrize("text", ["", "0 sea/1.png hints", "Müller/Straße 中文.jpg", "\U0001f600\0" * 99])
def test_texts_draw_what_python_draws_by_them(text: str) -> None:
    ours, pythons = random_of(text), Random(text)
    assert ours.getstate() == pythons.getstate()
    assert [ours.random() for _ in range(9)] == [pythons.random() for _ in range(9)]
    assert crc32(name_bytes(text)) == crc32(text.encode())


def test_names_that_are_not_utf_8() -> None:
    names = [os.fsdecode(name) for name in (b"caf\xe9.jpg", b"caf\xe8.jpg")]
    assert [name_bytes(name) for name in names] == [b"caf\xe9.jpg", b"caf\xe8.jpg"]
    assert draw_places(names[0], 0) == draw_places(names[0], 0) != draw_places(names[1], 0)
