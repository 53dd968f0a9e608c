import itertools
from collections import Counter
from pathlib import Path

import pytest

from excolor.errors import SettingError
from excolor.evaluation.protocols import PROTOCOLS, Case, Plan, read_pairs

PLAIN = [f"{folder}/{i}.jpg" for folder in ("cats", "dogs", "houses") for i in range(5)]
FRAMES = [f"drive_frames/{i}.jpg" for i in range(4)]


def references(cases: list[Case], protocol: str) -> dict[str, str | None]:
    return {case.target: case.reference for case in cases if case.protocol == protocol}


def test_all_that_apply() -> None:
    counts = Counter(case.protocol for case in Plan().cases(PLAIN + FRAMES))
    assert counts == {"none": 15, "mirror": 15, "halves": 15, "random": 15, "frames": 3}


def test_frames_follow_the_first_of_their_folder() -> None:
    names = ["frames/a/1.jpg", "frames/a/2.jpg", "frames/b/1.jpg", "frames/b/2.jpg", "frames/b/3.jpg"]
    assert references(Plan().cases(names), "frames") == {
        "frames/a/2.jpg": "frames/a/1.jpg",
        "frames/b/2.jpg": "frames/b/1.jpg",
        "frames/b/3.jpg": "frames/b/1.jpg",
    }


@pytest.mark.parametrize(
    ("names", "title", "frames"),
    [
        (["1.jpg", "2.jpg"], "drive_frames", ()),
        (["1.jpg", "2.jpg"], "Frames", ()),
        (["clip/1.jpg", "clip/2.jpg"], "", ("clip",)),
        (["holiday-frames/1.jpg", "holiday-frames/2.jpg"], "album", ()),
    ],
)
def test_what_is_a_sequence(names: list[str], title: str, frames: tuple[str, ...]) -> None:
    cases = Plan(frames=frames).cases(names, title)
    assert cases == [Case("frames", names[1], names[0])]  # and nothing else is done with frames


def test_numbered_photographs_are_no_sequence() -> None:
    cases = Plan().cases(["picture frames.jpg", "shop/1.jpg", "shop/2.jpg"], "album")
    assert not references(cases, "frames")
    assert len(references(cases, "none")) == 3


@pytest.mark.parametrize("folder", ["mainframes", "iceframes", "frames of 1912"])
def test_words_that_end_in_frames_are_no_sequence(folder: str) -> None:
    for title in (folder, "album"):
        cases = Plan().cases([f"{folder}/1.jpg", f"{folder}/2.jpg"], title)
        assert not references(cases, "frames")
        assert len(references(cases, "none")) == 2


def test_a_random_reference_is_of_another_folder() -> None:
    for target, reference in references(Plan().cases(PLAIN), "random").items():
        assert reference is not None
        assert reference.split("/")[0] != target.split("/")[0]


def test_within_one_folder_it_is_another_picture() -> None:
    for target, reference in references(Plan().cases(["a.jpg", "b.jpg", "c.jpg"]), "random").items():
        assert reference != target


def test_seeds_change_what_is_chosen() -> None:
    plans = [Plan(limit=5, seed=seed).cases(PLAIN) for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]


def test_a_limit_counts_for_each_protocol_and_keeps_the_references() -> None:
    everything, some = Plan().cases(PLAIN + FRAMES), Plan(limit=2).cases(PLAIN + FRAMES)
    assert set(Counter(case.protocol for case in some).values()) == {2}
    assert set(some) < set(everything)
    targets = [references(some, protocol).keys() for protocol in ("none", "mirror", "halves", "random")]
    assert all(a == b for a, b in itertools.pairwise(targets))


ALONE = [f"{i}/only.jpg" for i in range(100)]


@pytest.mark.parametrize("limit", [1, 4, 15, 60])
def test_a_limit_of_related_counts_photographs_that_have_relatives(limit: int) -> None:
    names = sorted(PLAIN + ALONE)
    related = references(Plan(protocols=("related",), limit=limit).cases(names), "related")
    assert len(related) == min(limit, len(PLAIN))
    assert set(related) <= set(PLAIN)
    assert [name for name in names if name in related] == list(related)


@pytest.mark.parametrize("seed", range(5))
def test_related_are_those_of_other_protocols_as_far_as_they_have_relatives(seed: int) -> None:
    plan = Plan(protocols=("mirror", "related"), limit=10, seed=seed)
    for names in (PLAIN, sorted(PLAIN + ALONE[:10])):
        cases = plan.cases(names)
        mirrored, related = references(cases, "mirror"), references(cases, "related")
        assert {name for name in mirrored if name in PLAIN} <= set(related)
        assert len(mirrored) == len(related) == 10
        assert [name for name, _ in itertools.groupby(cases, lambda case: case.target)] == sorted({*mirrored, *related})


def test_pairs() -> None:
    pairs = (("cats/0.jpg", "dogs/0.jpg"), ("cats/0.jpg", "elsewhere.png"))
    cases = Plan(protocols=("pairs",), pairs=pairs).cases(PLAIN)
    assert [(case.target, case.reference) for case in cases] == list(pairs)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_alone(protocol: str) -> None:
    cases = Plan(protocols=(protocol,), pairs=((PLAIN[0], PLAIN[1]),)).cases(PLAIN + FRAMES)
    assert {case.protocol for case in cases} == {protocol}


@pytest.mark.parametrize(
    ("protocol", "names"),
    [("frames", PLAIN), ("frames", FRAMES[:1]), ("random", PLAIN[:1]), ("none", FRAMES), ("pairs", PLAIN)],
)
def test_a_protocol_that_cannot_be(protocol: str, names: list[str]) -> None:
    with pytest.raises(SettingError, match=f"no pictures for {protocol}"):
        Plan(protocols=(protocol,)).cases(names)


def test_nothing_to_do() -> None:
    with pytest.raises(SettingError, match="no pictures for any protocol"):
        Plan().cases(FRAMES[:1])


@pytest.mark.parametrize("heading", ["", "target,reference\n", "Target, REFERENCE\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_read_pairs(heading: str, mark: bytes, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_bytes(mark + f'{heading}a.jpg,b.jpg\r\n\r\n"with, comma.jpg", b.jpg\r\n'.encode())
    assert read_pairs(table) == (("a.jpg", "b.jpg"), ("with, comma.jpg", "b.jpg"))


@pytest.mark.parametrize(
    ("content", "words"), [(b"a.jpg\n", "row 1"), (b"a,b\na,b,c\n", "row 2"), (b"\xff\xfe", "CSV")]
)
def test_tables_that_are_none(content: bytes, words: str, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_bytes(content)
    with pytest.raises(SettingError, match=words):
        read_pairs(table)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No such file"):
        read_pairs(tmp_path / "none.csv")
