import json
from pathlib import Path

import pytest

from excolor.errors import OutputError, SettingError
from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import Case
from excolor.evaluation.state import State

RUN = {"model": "lite", "side": 176, "frames": ("a", "b"), "limit": None}
FIRST = Measurement(Case("none", "a.jpg", None), 31.5, {"gray": {"psnr": 22.1}})
SECOND = Measurement(
    Case("pairs", "ä,\n.jpg", "b.jpg"), 0.1 + 0.2, {"gray": {"psnr": 1 / 3}, "excolor": {"psnr": 1e-9}}
)


def test_measurements_come_back(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for measurement in (FIRST, SECOND):
        State(path, RUN, Measurement).add(measurement)
    assert State(path, RUN, Measurement).measurements == {m.case: m for m in (FIRST, SECOND)}


def test_a_line_that_was_cut_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "state"
    state = State(path, RUN, Measurement)
    state.add(FIRST)
    whole = path.read_bytes()
    state.add(SECOND)
    for size in (len(whole) + 1, len(path.read_bytes()) - 1):
        cut = tmp_path / f"cut-{size}"
        cut.write_bytes(path.read_bytes()[:size])
        resumed = State(cut, RUN, Measurement)
        assert resumed.measurements == {FIRST.case: FIRST}
        resumed.add(SECOND)
        assert State(cut, RUN, Measurement).measurements == {m.case: m for m in (FIRST, SECOND)}


@pytest.mark.parametrize("name", RUN)
def test_other_settings_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    State(path, RUN, Measurement).add(FIRST)
    before = path.read_bytes()
    with pytest.raises(SettingError, match=f"{name} was .* and is other"):
        State(path, RUN | {name: "other"}, Measurement)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", ["", "no state", "[1]\n", '{"a": 1}\n', json.dumps({"excolor evaluate": RUN}) + "\n{}\n"]
)
def test_other_files_are_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text(content)
    with pytest.raises(SettingError, match="precious"):
        State(path, RUN, Measurement)
    assert path.read_text() == content


def test_without_a_file(tmp_path: Path) -> None:
    state = State(None, RUN, Measurement)
    state.add(FIRST)
    assert state.measurements == {FIRST.case: FIRST}
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        State(tmp_path / "nosuch" / "state", RUN, Measurement)
