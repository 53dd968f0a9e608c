"""The index of pictures: what a dictionary of names would tell, in a few bytes a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.batch import picture_index
from excolor.batch.picture_index import PictureIndex

ADDED = st.lists(st.tuples(st.sampled_from(["a", "b", "ä\n", "\udcff", "e" * 300, ""]), st.integers(0, 3)))


@given(ADDED, st.integers(1, 4))
def test_it_tells_what_a_dictionary_would(added: list[tuple[str, int]], block: int) -> None:
    index, lowest = PictureIndex(), dict[str, int]()
    for name, rank in added:
        index.add(name, rank)
        lowest[name] = min(rank, lowest.get(name, rank))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_index, "_BLOCK", block)
        pictures = index.sort()
    assert {rank: count for rank, count in pictures.totals.items() if count} == {
        rank: list(lowest.values()).count(rank) for rank in set(lowest.values())
    }
    assert {name: pictures.rank(name) for name in (*lowest, "absent")} == {**lowest, "absent": None}
    for _ in range(2):
        counts = pictures.each_once()
        kept = [(name, rank) for name, rank in added if counts(name, rank)]
        assert len(kept) == len(lowest) and dict(kept) == lowest
