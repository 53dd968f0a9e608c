"""Reports of shards as one: added up, and refused if they are not of one run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from excolor.batch.merged_report import list_of

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
    assert (tmp_path / "retry.txt").read_text() == "b\ne\n"
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


def test_nothing_is_replaced_without_force(tmp_path: Path, excolor: Run) -> None:
    path = report(tmp_path, "run.json", file("a", "failed"))
    (tmp_path / "retry.txt").write_text("mine")
    assert excolor("report", "merge", path).exit_code == 1
    assert (tmp_path / "retry.txt").read_text() == "mine"
    assert excolor("report", "merge", path, "-o", path, "--force").exit_code == 2
    excolor("report", "merge", path, "--force")
    assert (tmp_path / "retry.txt").read_text() == "a\n"


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
    assert text == "a.tif\nb.tif\n"
    assert unfit == ["two\nlines", "\udcff", " ", "end\r"]
