"""The engine without a terminal: events, stopping from outside, and work that is sent to another process."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from excolor.batch.colorizing import ColorizeWork, PrecolorizeWork
from excolor.batch.engine import Engine
from excolor.batch.events import Finished, Note, Started, Summary
from excolor.batch.plan import Outputs, plan_batch
from excolor.batch.processing import FileSettings
from excolor.batch.references import ReferenceFiles, find_references
from excolor.batch.report import write_report
from excolor.batch.sources import Source, expand
from excolor.batch.stop import Stop
from excolor.batch.stylizing import StyleFile, StylizeWork
from excolor.batch.work import Work
from excolor.errors import OutputError
from excolor.method.colorizer import Colorizer
from excolor.networks.models import find_model
from excolor.photo import MAX_PIXELS, Photo, read_photo
from excolor.runtime.threads import torch_threads
from excolor.settings import ColorizeSettings, StylizeSettings

Write = Callable[..., Path]

SIZE = 32


@pytest.fixture
def scans(tmp_path: Path, small: Write) -> Path:
    """A folder of eight pictures, the fourth of which is damaged."""
    folder = tmp_path / "scans"
    for number in range(8):
        small(folder / f"{number}.jpg", number)
    (folder / "3.jpg").write_text("no picture")
    return folder


def precolorizing() -> PrecolorizeWork:
    return PrecolorizeWork(find_model(), "cpu", SIZE)


def engine_on(folder: Path, out: Path, work: Work[Any], **options: Any) -> Engine[Any]:
    sources = expand([str(folder)], recursive=False, output=str(out))
    return Engine(plan_batch(sources, Outputs(str(out)), "color"), work, **options)


def test_events_tell_a_run_from_its_start_to_its_summary(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    events = list(engine_on(scans, out, precolorizing(), jobs=2).run())
    assert events[0] == Started(pictures=8, jobs=2, device="cpu")
    finished = [event for event in events if isinstance(event, Finished)]
    assert len(finished) == 8
    assert {event.outcome.status for event in finished if event.job.source.path.name != "3.jpg"} == {"written"}
    summary = events[-1]
    assert isinstance(summary, Summary)
    assert summary.totals == {"written": 7, "skipped": 0, "failed": 1, "not begun": 0}
    assert [Path(outcome.input).name for outcome in summary.outcomes] == [f"{number}.jpg" for number in range(8)]
    assert {Path(o.output) for o in summary.outcomes if o.status == "written"} == set(out.iterdir())


def test_the_engine_prints_nothing(scans: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    list(engine_on(scans, tmp_path / "out", precolorizing()).run())
    assert capfd.readouterr() == ("", "")


def test_it_is_stopped_from_outside(scans: Path, tmp_path: Path) -> None:
    stop = Stop()
    engine = engine_on(scans, tmp_path / "out", precolorizing(), jobs=1, stop=stop)
    for event in engine.run():
        if isinstance(event, Finished):
            stop.ask()
    totals = engine.summary().totals
    assert totals["written"] in (1, 2)  # the second may have been begun already
    assert totals["not begun"] == 8 - totals["written"]


def test_whoever_stops_iterating_ends_it(scans: Path, tmp_path: Path) -> None:
    engine = engine_on(scans, tmp_path / "out", precolorizing(), jobs=1)
    with closing(engine.run()) as events:
        next(event for event in events if isinstance(event, Finished))
    totals = engine.summary().totals
    assert totals["not begun"] >= 6
    assert totals["written"] == len(list((tmp_path / "out").iterdir()))


def test_a_bug_is_raised_after_the_summary(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def colorize(*_: object, **__: object) -> Photo:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Colorizer, "colorize", colorize)
    seen = []
    with pytest.raises(ZeroDivisionError, match="a bug"):
        seen.extend(event for event in engine_on(scans, tmp_path / "out", precolorizing(), jobs=1).run())
    # extend keeps what it was given before the exception
    assert isinstance(seen[-1], Summary)
    assert next(event for event in seen if isinstance(event, Finished)).bug is not None


def test_data_for_standard_output_comes_with_the_event(small: Write, tmp_path: Path) -> None:
    path = small(tmp_path / "a.png")
    plan = plan_batch([Source(path)], Outputs("-"), "color")
    (finished,) = [e for e in Engine(plan, precolorizing()).run() if isinstance(e, Finished)]
    (tmp_path / "b.png").write_bytes(finished.data)
    assert read_photo(tmp_path / "b.png").size == (64, 80)
    engine = Engine(plan, precolorizing())
    for event in engine.run():
        if isinstance(event, Finished):
            engine.fail(event.job, "nobody took it")
    assert engine.summary().outcomes[0].error == "nobody took it"


def test_references_that_are_not_used_are_noted(scans: Path, tmp_path: Path, reference: Path, small: Write) -> None:
    folder = tmp_path / "references"
    (folder / "sub").mkdir(parents=True)
    (folder / "good.jpg").write_bytes(reference.read_bytes())
    (folder / "damaged.jpg").write_text("no picture")
    small(folder / "sub/gray.png")
    files = ReferenceFiles(find_references([folder]), (folder,), "fit", MAX_PIXELS)
    work = ColorizeWork(find_model(), "cpu", ColorizeSettings(SIZE), files)
    events = list(engine_on(scans, tmp_path / "out", work).run())
    notes = [event.message for event in events if isinstance(event, Note)]
    assert len(notes) == 2
    assert "damaged.jpg" in notes[0] and "gray.png is gray" in notes[1]
    assert isinstance(events[2], Started)


def test_a_report_is_written_whole_into_a_new_folder(scans: Path, tmp_path: Path) -> None:
    engine = engine_on(scans, tmp_path / "out", precolorizing())
    list(engine.run())
    path = tmp_path / "new/report.json"
    write_report(engine.summary(), path, interrupted=False, overwrite=False)
    assert json.loads(path.read_text())["totals"]["written"] == 7
    with pytest.raises(OutputError, match="appeared"):
        write_report(engine.summary(), path, interrupted=False, overwrite=False)


def test_too_large_pictures_fail_alone(scans: Path, tmp_path: Path, small: Write) -> None:
    small(scans / "9.jpg", size=(400, 300))
    engine = engine_on(scans, tmp_path / "out", precolorizing(), files=FileSettings(max_pixels=10_000))
    list(engine.run())
    assert engine.summary().totals["failed"] == 2


ELSEWHERE = """
import pickle, sys
import numpy as np
from excolor.photo import read_photo
from excolor.batch.sources import Source
from pathlib import Path
import torch
torch.set_num_threads(1)
work, path = pickle.load(sys.stdin.buffer)
(result,) = work.results(work.load(), Source(path), [read_photo(path)])
np.save(sys.stdout.buffer, result.photo.pixels)
"""


@pytest.mark.parametrize("command", ["colorize", "pairs", "together", "pre-colorize", "stylize"])
def test_work_goes_to_another_process_and_makes_the_same(
    command: str, tmp_path: Path, small: Write, reference: Path, warm: Path
) -> None:
    path, model, settings = small(tmp_path / "scan.png", size=(160, 120)), find_model("lite"), ColorizeSettings(96)
    named = (reference, warm)
    work: Work[Any]
    match command:
        case "colorize" | "together":
            pairing: Any = "fit" if command == "colorize" else "all"
            files = ReferenceFiles(find_references(named), named, pairing, MAX_PIXELS)
            work = ColorizeWork(model, "cpu", settings, files)
        case "pairs":
            same = tmp_path / "references/scan.jpg"
            same.parent.mkdir()
            same.write_bytes(reference.read_bytes())
            work = ColorizeWork(model, "cpu", settings, ReferenceFiles((Source(same),), (same,), "name", MAX_PIXELS))
        case "stylize":
            styles = (StyleFile(reference), StyleFile(warm, 0.5))
            work = StylizeWork(model, "cpu", StylizeSettings(working_size=96), styles, (), None, MAX_PIXELS)
        case _:
            work = PrecolorizeWork(model, "cpu", 96)
    networks = work.load()
    with torch_threads(work.working_size):  # as the engine does: the number of threads may change the last bits
        prepared = prepare(work, networks)
        (here,) = prepared.results(networks, Source(path), [read_photo(path)])
    sent = pickle.dumps((prepared, path))
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], input=sent, stdout=subprocess.PIPE, check=True)
    (tmp_path / "there.npy").write_bytes(done.stdout)
    assert np.array_equal(np.load(tmp_path / "there.npy"), here.photo.pixels)


def prepare(work: Work[Any], networks: Any) -> Work[Any]:
    steps = work.prepare(networks, Stop())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            prepared: Work[Any] = end.value
            return prepared
