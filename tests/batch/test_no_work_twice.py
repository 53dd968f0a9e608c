"""What is done once is not done again, and what is not needed is not done at all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from excolor.batch.colorizing import ColorizeWork
from excolor.batch.references import ReferenceFiles, find_references
from excolor.batch.sources import Source
from excolor.batch.stop import Stop
from excolor.errors import SettingError
from excolor.hints import parse_hint
from excolor.method import coarse, semantic_exemplar
from excolor.method.colorizer import Colorizer
from excolor.networks.models import find_model
from excolor.photo import read_photo
from excolor.settings import ColorizeSettings

Write = Callable[..., Path]

SETTINGS = ColorizeSettings(96)

NOTHING_TO_DO = """
import sys
from excolor.cli.main import main
main(sys.argv[1:], standalone_mode=False)
sys.exit("torch" in sys.modules)
"""


def test_nothing_to_do_loads_nothing(small: Write, tmp_path: Path) -> None:
    for number in range(3):
        small(tmp_path / f"scans/{number}.jpg")
        small(tmp_path / f"out/{number}-color.jpg")
    (tmp_path / "damaged.jpg").write_text("no picture")
    arguments = ["colorize", "scans", "--ref", "damaged.jpg", "-o", "out", "--skip-existing", "--report", "run.json"]
    command = [sys.executable, "-c", NOTHING_TO_DO, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 written, 3 skipped" in done.stderr
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["totals"]["skipped"] == 3
    assert report["checkpoints"].keys() == find_model(use="colorize").files.keys()


def prepared(model: str, networks: Colorizer, references: tuple[Path, ...]) -> ColorizeWork:
    files = ReferenceFiles(find_references(references), references)
    steps = ColorizeWork(find_model(model), "cpu", SETTINGS, files).prepare(networks, Stop())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            work: ColorizeWork = end.value
            return work


@pytest.mark.parametrize(
    ("model", "module", "function"),
    [("semantic", semantic_exemplar, "describe_by"), ("lite", coarse, "describe_lightness")],
)
def test_a_target_is_described_once(
    model: str,
    module: Any,
    function: str,
    target: Path,
    reference: Path,
    warm: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = Colorizer.load(model, device="cpu")
    work = prepared(model, networks, (reference, warm))
    calls = []
    real = getattr(module, function)

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return real(*arguments)

    for place in (module, sys.modules["excolor.method.exemplar"]):
        if hasattr(place, function):
            monkeypatch.setattr(place, function, counted)
    photo = read_photo(target)
    (result,) = work.results(networks, Source(target), [photo])
    assert len(calls) == 1
    assert result.score is not None
    chosen = warm if result.used[0].path == warm else reference
    separately = networks.colorize(photo, networks.encode_reference(chosen, SETTINGS), SETTINGS)
    assert np.array_equal(result.photo.pixels, separately.pixels)

    calls.clear()
    networks.colorize(photo, networks.encode_reference(chosen, SETTINGS), SETTINGS, hints=[parse_hint("0.5,0.5=red")])
    assert len(calls) == 2, "the reference and the target"


@pytest.mark.parametrize("model", ["semantic", "lite"])
def test_what_was_looked_at_becomes_the_same(model: str, target: Path, reference: Path) -> None:
    networks = Colorizer.load(model, device="cpu")
    encoded = networks.encode_reference(reference, SETTINGS)
    looked = networks.look(target, SETTINGS)
    assert networks.score(looked, [encoded]) == networks.score(target, [encoded])
    hints = [parse_hint("0.4,0.3=olive")]
    for references in ((), encoded):
        for given in ((), hints):
            one = networks.colorize(looked, references, SETTINGS, hints=given)
            other = networks.colorize(target, references, SETTINGS, hints=given)
            assert np.array_equal(one.pixels, other.pixels)
    stages = networks.colorize_stages(looked, encoded, SETTINGS)
    assert np.array_equal(stages.coarse.pixels, networks.colorize_stages(target, encoded, SETTINGS).coarse.pixels)


def test_a_look_is_for_one_model_and_one_size(target: Path, colorizer: Colorizer) -> None:
    looked = colorizer.look(target, SETTINGS)
    with pytest.raises(SettingError, match="at a working size of 96 pixels"):
        colorizer.colorize(looked, settings=ColorizeSettings(128))
    with pytest.raises(SettingError, match="look again"):
        Colorizer.load("semantic", device="cpu").colorize(looked, settings=SETTINGS)


def test_a_reference_is_read_once(reference: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
    work = prepared("lite", colorizer, (reference,))
    assert opened.count(os.fspath(reference)) == 1
    assert isinstance(work, ColorizeWork) and not isinstance(work.references, ReferenceFiles)
