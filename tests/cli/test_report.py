"""Reports of shards as one: added up, and refused if they are not of one run."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from excolor.batch.merged_report import list_of, merge_reports
from excolor.batch.report import write_long_report
from excolor.photo.collection import LIST_MARK

Run = Callable[..., Result]


def file(name: str, status: str = "written") -> dict[str, Any]:
    return {"input": name, "output": f"out/{name}", "status": status, "error": f"cannot read {name}"}


def report(folder: Path, name: str, *files: dict[str, Any], **other: Any) -> Path:
    path = folder / name
    content = {
        **{"excolor": "0.1.0", "model": "semantic", "checkpoints": {"semantic": "ab"}, "settings": {"strength": "1.0"}},
        **{"device": "cpu", "jobs": 2, "interrupted": False, "seconds": 40.5, "shard": None, "files": files},
        "totals": {},
    }
    path.write_text(json.dumps(content | other))
    return path


def shard(folder: Path, number: int, count: int, *files: dict[str, Any], **other: Any) -> Path:
    return report(folder, f"run-{number}.json", *files, shard={"number": number, "count": count}, **other)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_totals_are_added_and_failures_named(tmp_path: Path, excolor: Run) -> None:
    first = shard(tmp_path, 1, 2, file("a"), file("b", "failed"), file("c", "skipped"))
    second = shard(tmp_path, 2, 2, file("d"), file("e", "not begun"), interrupted=True)
    result = excolor("report", "merge", second, first, "-o", "all.json")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "2 reports: 2 written, 1 skipped, 1 failed, 1 not begun, in 81 s together",
        "failed: cannot read b",
    ]
    assert (tmp_path / "retry.txt").read_text() == f"{LIST_MARK}\nb\ne\n"
    merged = json.loads((tmp_path / "all.json").read_text())
    assert [each["input"] for each in merged["files"]] == list("abcde")
    assert merged["totals"] == {"written": 2, "skipped": 1, "failed": 1, "not begun": 1}
    assert merged["interrupted"] and merged["seconds"] == 81 and merged["shard"] is None
    again = excolor("report", "merge", "all.json", "--retry", "other.txt")
    assert again.stdout.splitlines()[0].startswith("1 report: 2 written, 1 skipped"), "it is a report itself"


def test_shards_without_a_report_are_named(tmp_path: Path, excolor: Run) -> None:
    result = excolor("report", "merge", shard(tmp_path, 2, 4, file("a")), shard(tmp_path, 3, 4))
    assert result.exit_code == 1
    assert "no report of the shards 1/4, 4/4" in result.stdout
    assert not (tmp_path / "retry.txt").exists()


def test_a_picture_that_was_tried_again_counts_once(tmp_path: Path, excolor: Run) -> None:
    first = report(tmp_path, "first.json", file("a", "failed"), file("b"))
    second = report(tmp_path, "second.json", file("a"), file("b", "skipped"))
    for order in ((first, second), (second, first)):
        result = excolor("report", "merge", *order)
        assert result.exit_code == 0
        assert "2 written, in" in result.stdout


@pytest.mark.parametrize("content", ["mine", "a\nb\n", "a\n", f"{LIST_MARK}\na\nb\n", ""])
def test_nothing_is_replaced_without_force(content: str, tmp_path: Path, excolor: Run) -> None:
    path = report(tmp_path, "run.json", file("a", "failed"), file("b"))
    (tmp_path / "retry.txt").write_text(content)
    kept = excolor("report", "merge", path, "-o", "all.json")
    assert kept.exit_code == 1
    assert kept.stdout.startswith("1 report: 1 written, 1 failed"), "totals are shown all the same"
    assert kept.stderr == "Error: retry.txt exists already: replace it, or write elsewhere (--force, --retry)\n"
    assert (tmp_path / "retry.txt").read_text() == content
    assert json.loads((tmp_path / "all.json").read_text())["totals"]["written"] == 1
    assert excolor("report", "merge", path, "-o", path, "--force").exit_code == 2
    excolor("report", "merge", path, "--force")
    assert (tmp_path / "retry.txt").read_text() == f"{LIST_MARK}\na\n"


def test_a_merge_is_repeated_until_nothing_is_left(tmp_path: Path, excolor: Run) -> None:
    shard(tmp_path, 1, 2, file("a"), file("b", "failed"), file("c", "failed"))
    shard(tmp_path, 2, 2, file("d", "not begun"))
    merge = ("report", "merge", *sorted(tmp_path.glob("run-*.json")), "-o", "all.json")
    assert excolor(*merge).exit_code == 1
    assert (tmp_path / "retry.txt").read_text() == f"{LIST_MARK}\nb\nc\nd\n"
    tried = report(tmp_path, "run-retried.json", file("b"), file("c", "failed"), file("d"))
    again = excolor(*merge, tried)
    assert again.exit_code == 1 and "3 written, 1 failed" in again.stdout
    assert (tmp_path / "retry.txt").read_text() == f"{LIST_MARK}\nc\n"
    assert json.loads((tmp_path / "all.json").read_text())["totals"]["written"] == 3
    last = excolor(*merge, tried, report(tmp_path, "run-retried-2.json", file("c")))
    assert last.exit_code == 0 and last.stdout.startswith("4 reports: 4 written, in")
    assert last.stderr == "all that retry.txt lists is done: it is removed\n"
    assert not (tmp_path / "retry.txt").exists()
    merged = json.loads((tmp_path / "all.json").read_text())
    assert sorted(each["input"] for each in merged["files"]) == list("abcd")
    assert {each["status"] for each in merged["files"]} == {"written"}


def test_a_list_of_what_is_done_is_told(tmp_path: Path, excolor: Run) -> None:
    """As when the shard itself was run again: no report tells any more that something failed."""
    (tmp_path / "retry.txt").write_text("a\n")
    result = excolor("report", "merge", report(tmp_path, "run.json", file("a"), file("b")))
    assert result.exit_code == 0
    assert result.stderr == "all that retry.txt lists is done: it is not needed for another try\n"
    assert (tmp_path / "retry.txt").exists()


@pytest.mark.parametrize("content", ["b\n", "c\nb\n\n"])
def test_a_list_that_a_person_made_stays(content: str, tmp_path: Path, excolor: Run) -> None:
    """Also if all that it lists had failed, as a list of the merge itself."""
    report(tmp_path, "run.json", file("a"), file("b", "failed"), file("c", "failed"))
    (tmp_path / "retry.txt").write_text(content)
    result = excolor("report", "merge", "run.json", report(tmp_path, "retried.json", file("b"), file("c")))
    assert result.exit_code == 0
    assert result.stderr == "all that retry.txt lists is done: it is not needed for another try\n"
    assert (tmp_path / "retry.txt").read_text() == content


def test_a_merge_does_not_replace_that_of_other_pictures(tmp_path: Path, excolor: Run) -> None:
    (tmp_path / "a").touch()
    assert excolor("report", "merge", report(tmp_path, "la.json", file("a")), "-o", "all.json").exit_code == 0
    before = (tmp_path / "all.json").read_bytes()
    other = excolor("report", "merge", report(tmp_path, "lb.json", file("b")), "-o", "all.json")
    assert other.exit_code == 1
    assert other.stdout.startswith("1 report: 1 written")
    assert other.stderr == "Error: all.json is the report of other pictures, such as a; write this one elsewhere (-o)\n"
    assert (tmp_path / "all.json").read_bytes() == before


@pytest.mark.parametrize("name", ["b", "/not-mounted-here/b.jpg"])
def test_pictures_of_elsewhere_are_not_nobodys(name: str, tmp_path: Path, excolor: Run) -> None:
    """Reports are merged where their pictures may not be."""
    report(tmp_path, "all.json", file(name))
    before = (tmp_path / "all.json").read_bytes()
    result = excolor("report", "merge", report(tmp_path, "la.json", file("a")), "-o", "all.json")
    assert result.exit_code == 1 and f"such as {name};" in result.stderr
    assert (tmp_path / "all.json").read_bytes() == before


def test_pictures_that_were_removed_are(tmp_path: Path, excolor: Run) -> None:
    report(tmp_path, "all.json", file(str(tmp_path / "b")))
    assert excolor("report", "merge", report(tmp_path, "la.json", file("a")), "-o", "all.json").exit_code == 0


def test_a_list_that_cannot_be_written_does_not_stop_the_report(tmp_path: Path, excolor: Run) -> None:
    one = report(tmp_path, "la.json", file("a", "failed"))
    result = excolor("report", "merge", one, "-o", "all.json", "--retry", "r" * 300)
    assert result.exit_code == 1 and result.stderr.count("Error: ") == 1
    assert (tmp_path / "all.json").exists()


def test_a_report_that_is_given_twice_counts_once(tmp_path: Path, excolor: Run) -> None:
    """Its seconds and jobs, too; and a shell makes it so of run-*.json run-retried.json."""
    first, second = shard(tmp_path, 1, 2, file("a")), shard(tmp_path, 2, 2, file("b"))
    (tmp_path / "copy.json").write_bytes(second.read_bytes())
    result = excolor("report", "merge", first, second, "run-1.json", "copy.json", "-o", "all.json")
    assert result.exit_code == 0, result.output
    assert result.stdout == "2 reports: 2 written, in 81 s together\n"
    assert result.stderr.splitlines() == [
        "run-1.json is given twice: it counts once",
        f"copy.json is a copy of {second}: it is left out",
    ]
    assert json.loads((tmp_path / "all.json").read_text())["jobs"] == 4


def test_addresses_that_are_not_told_in_full_are_not_listed(tmp_path: Path, excolor: Run) -> None:
    signed = file("https://host/a.jpg?…", "failed")
    result = excolor("report", "merge", report(tmp_path, "run.json", signed, file("gs://b/what…?…", "failed")))
    assert result.exit_code == 1
    assert "'https://host/a.jpg?…' cannot be listed" in result.stderr
    assert (tmp_path / "retry.txt").read_text() == f"{LIST_MARK}\ngs://b/what…?…\n"


def test_memory_does_not_hold_the_pictures(tmp_path: Path) -> None:
    count = 10_000
    path = shard(tmp_path, 1, 1, *(file(f"scans/box/{number}.tif") for number in range(count)))
    tracemalloc.start()
    try:
        merged = merge_reports([path])
        write_long_report(merged.content, merged.files(), tmp_path / "all.json", overwrite=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert merged.totals["written"] == count
    assert peak < 3_000_000, "300 bytes a picture, most of it the piece of the file that is read at a time"
    assert len(json.loads((tmp_path / "all.json").read_text())["files"]) == count


@pytest.mark.parametrize("precision", [{}, {"precision": "bfloat16"}])
def test_machines_of_one_run_may_compute_in_different_precisions(
    precision: dict[str, str], tmp_path: Path, excolor: Run
) -> None:
    first = shard(tmp_path, 1, 2, file("a"), settings={"strength": "1.0", "precision": "bfloat16"})
    second = shard(tmp_path, 2, 2, file("b"), settings={"strength": "1.0", **precision})
    assert excolor("report", "merge", second, first, "-o", "all.json").exit_code == 0
    assert json.loads((tmp_path / "all.json").read_text())["settings"] == {"strength": "1.0", **precision}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"settings": {"strength": "0.5"}}, "settings differs"),
        ({"checkpoints": {}}, "checkpoints differs"),
        ({"shard": {"number": 1, "count": 3}}, "one of 2 shards and"),
        ({"shard": {"number": 4, "count": 3}}, "is not a report"),
        ({"shard": {"number": "1", "count": 3}}, "is not a report"),
        ({"files": [{"input": "a", "status": "lost"}]}, "is not a report"),
        ({"files": [3]}, "is not a report"),
        ({"seconds": None}, "is not a report"),
    ],
)
def test_what_is_not_of_one_run_is_refused(other: dict[str, Any], message: str, tmp_path: Path, excolor: Run) -> None:
    first = shard(tmp_path, 1, 2, file("a"))
    result = excolor("report", "merge", first, report(tmp_path, "other.json", **other))
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'"text"'])
def test_other_files_are_no_reports(content: bytes, tmp_path: Path, excolor: Run) -> None:
    (tmp_path / "other.json").write_bytes(content)
    result = excolor("report", "merge", "other.json")
    assert result.exit_code == 1
    assert "other.json is not a report of excolor" in result.stderr
    assert "no such file" in excolor("report", "merge", "absent.json").stderr.lower()


def test_names_that_are_not_a_line_are_told() -> None:
    text, unfit = list_of(["a.tif", "two\nlines", "\udcff", "b.tif", " ", "end\r"])
    assert text == f"{LIST_MARK}\na.tif\nb.tif\n"
    assert unfit == ["two\nlines", "\udcff", " ", "end\r"]
    assert list_of([" "]) == ("", [" "])
