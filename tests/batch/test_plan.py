"""Which file each input becomes, and what is refused before any work begins."""

from pathlib import Path

import pytest

from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.sources import STDIN, Source
from excolor.errors import OutputError, PlanError


@pytest.fixture
def scans(tmp_path: Path) -> list[Source]:
    """Two empty files, one of them in a subfolder."""
    sources = [Source(tmp_path / "in/a.jpg"), Source(tmp_path / "in/sub/b.png", Path("sub"))]
    for source in sources:
        source.path.parent.mkdir(parents=True, exist_ok=True)
        source.path.touch()
    return sources


def test_results_go_beside_the_inputs_or_mirror_their_folders(scans: list[Source], tmp_path: Path) -> None:
    beside = plan_batch(scans, Outputs(), "color")
    assert [job.destination for job in beside.jobs] == [
        tmp_path / "in/a-color.jpg",
        tmp_path / "in/sub/b-color.png",
    ]
    below = plan_batch(scans, Outputs(f"{tmp_path}/out/", format="webp"), "color", stages=tmp_path / "steps")
    assert [job.destination for job in below.jobs] == [
        tmp_path / "out/a-color.webp",
        tmp_path / "out/sub/b-color.webp",
    ]
    assert [path.name for path in below.jobs[1].stages] == [
        f"b-{stage}.png" for stage in ("precolor", "coarse", "hints", "result")
    ]
    assert not (tmp_path / "out").exists()


def test_standard_input_goes_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    (job,) = plan_batch([Source(STDIN)], Outputs(), "color").jobs
    assert job.destination is None
    (job,) = plan_batch([Source(STDIN)], Outputs(str(tmp_path / "a.png")), "color").jobs
    assert job.destination == tmp_path / "a.png"
    with pytest.raises(PlanError, match="has no name"):
        plan_batch([Source(STDIN)], Outputs(f"{tmp_path}/"), "color")


def test_mistakes_in_the_request(scans: list[Source], tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="either skipped or replaced"):
        Outputs(overwrite=True, skip_existing=True)
    with pytest.raises(PlanError, match="one file and there are 2 inputs"):
        plan_batch(scans, Outputs(str(tmp_path / "one.png")), "color")
    with pytest.raises(PlanError, match="different formats"):
        plan_batch(scans[:1], Outputs(str(tmp_path / "one.png"), format="jpeg"), "color")


def test_files_that_would_be_lost(scans: list[Source], tmp_path: Path) -> None:
    same = Source(scans[0].path.with_suffix(".PNG"))
    with pytest.raises(OutputError, match="rename one"):
        plan_batch([*scans, same], Outputs(f"{tmp_path}/out/", format="png"), "color")
    for keep in (scans[0].path, tmp_path / "in/a-color.jpg"):
        keep.touch()
        with pytest.raises(OutputError, match="is an input"):
            plan_batch(scans, Outputs(str(tmp_path / "in/"), report=keep, overwrite=True), "color", keep=[keep])


def test_earlier_results_are_skipped_and_counted(scans: list[Source], tmp_path: Path) -> None:
    earlier = Source(tmp_path / "in/a-color.jpg")
    earlier.path.touch()
    with pytest.raises(OutputError, match="or skip earlier results"):
        plan_batch([*scans, earlier], Outputs(overwrite=True), "color")
    plan = plan_batch([*scans, earlier], Outputs(skip_existing=True), "color")
    assert [job.source for job in plan.jobs] == scans
    assert plan.earlier_results == 1
