"""Shards: every picture is in one, whatever the machine and whatever else is there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.shards import Shard, parse_shard
from excolor.batch.sources import STDIN, Source, expand
from excolor.errors import OutputError, PlanError


def shard_of(source: Source, count: int) -> list[int]:
    return [number for number in range(1, count + 1) if Shard(number, count).holds(source)]


def slurm_array(task: str, first: str, last: str, count: str) -> dict[str, str]:
    """What Slurm tells a task of an array."""
    ends = {"SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last}
    return {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": count, **ends}


@given(st.text(min_size=1).filter(lambda name: "/" not in name and "\0" not in name), st.integers(1, 50))
def test_every_picture_is_in_one_shard(name: str, count: int) -> None:
    assert len(shard_of(Source(Path("scans", name), Path(), Path("scans")), count)) == 1


def test_shards_are_about_equal() -> None:
    names = [Source(Path(f"scans/box{number % 40}/{number}.tif"), Path(f"box{number % 40}")) for number in range(4000)]
    shares = [sum(Shard(number, 8).holds(name) for name in names) for number in range(1, 9)]
    assert sum(shares) == 4000
    assert max(shares) < 1.2 * min(shares)


def test_the_place_of_the_folder_does_not_count() -> None:
    here = Source(Path("scans/a/7.tif"), Path("a"), Path("scans"))
    there = Source(Path("/mnt/archive/scans/a/7.tif"), Path("a"), Path("/mnt/archive/scans"))
    named = Source(Path("a/7.tif"))
    assert {tuple(shard_of(each, 1000)) for each in (here, there, named)} == {(401,)}, "or versions would not agree"


def test_names_that_are_no_text_have_a_shard() -> None:
    assert len(shard_of(Source(Path("scans/\udcff.tif")), 7)) == 1


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("3/100", {}, Shard(3, 100)),
        ("slurm", slurm_array("1", "1", "4", "4"), "1/4"),
        ("slurm", slurm_array("3", "0", "3", "4"), "4/4"),
        ("k8s", {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "20"}, "1/20"),
        ("batch", {"AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, "10/10"),
        ("batch", {"BATCH_TASK_INDEX": "1", "BATCH_TASK_COUNT": "3"}, "2/3"),
    ],
)
def test_a_shard_is_named_or_the_schedulers(text: str, environment: dict[str, str], expected: object) -> None:
    assert str(parse_shard(text, environment)) == str(expected)


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("0/4", {}, "numbered from 1, as in 1/4"),
        ("5/4", {}, "there is no shard 5/4"),
        ("1/0", {}, "there is no shard"),
        ("half", {}, "not a shard"),
        ("-1/4", {}, "not a shard"),
        ("1/4/2", {}, "not a shard"),
        ("slurm", {}, "shard of slurm is told by SLURM_ARRAY_TASK_ID, which is not set"),
        ("k8s", {"JOB_COMPLETION_INDEX": "0"}, "JOB_COMPLETIONS, which is not set"),
        ("k8s", {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "many"}, "is 'many', not a number"),
        # some tasks of an array, submitted again
        ("slurm", slurm_array("2", "2", "3", "2"), r"from 2 to 3.*as in \$SLURM_ARRAY_TASK_ID/N"),
        ("slurm", slurm_array("7", "1", "7", "2"), "which are not shards 1 to 2"),
        ("slurm", slurm_array("1", "1", "7", "2"), "which are not shards 1 to 2"),
        # a count that was not corrected with that of the manifest
        ("k8s", {"JOB_COMPLETION_INDEX": "20", "JOB_COMPLETIONS": "20"}, "task 20 of an array of 20"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_shard(text, environment)


def test_reports_are_named_so_that_they_sort() -> None:
    assert Shard(3, 100).own_name(Path("reports/run.json")) == Path("reports/run-003-of-100.json")
    assert Shard(3, 4).own_name(Path("run")) == Path("run-3-of-4")


def test_pictures_of_other_shards_are_checked_too(tmp_path: Path) -> None:
    sources = [Source(tmp_path / "a.png"), Source(tmp_path / "A.png")]
    for number in (1, 2, 3, 4, 5, 6, 7):
        with pytest.raises(OutputError, match="take for one name"):
            plan_batch(sources, Outputs(f"{tmp_path}/out/"), "color", shard=Shard(number, 7))


def test_standard_input_is_not_shared() -> None:
    with pytest.raises(PlanError, match="ask for no shard"):
        plan_batch([Source(STDIN)], Outputs(), "color", shard=Shard(1, 2))


def test_a_list_is_mirrored_below_its_root(tmp_path: Path) -> None:
    (tmp_path / "scans/box").mkdir(parents=True)
    for name in ("a.tif", "box/b.tif"):
        (tmp_path / "scans" / name).touch()
    listed = tmp_path / "list.txt"
    listed.write_text(f"{tmp_path}/scans/a.tif\n{tmp_path}/scans/box/b.tif\n")
    root, out = tmp_path / "scans", str(tmp_path / "out/")
    named = expand([f"@{listed}"], recursive=False, output=out, root=root)
    in_folder = expand([str(root)], recursive=True, output=out)
    assert [(each.path, each.below, each.relative) for each in named] == [
        (each.path, each.below, each.relative) for each in in_folder
    ]
    with pytest.raises(PlanError, match="is not in the root folder"):
        expand([f"@{listed}"], recursive=False, output=out, root=tmp_path / "scans/box")
