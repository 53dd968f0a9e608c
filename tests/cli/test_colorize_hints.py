"""`excolor colorize` with hints of a person: real pictures, the shipped weights, every kind of file and of mistake."""

import json
import pickle
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from torch import from_numpy

from excolor.batch.hints import ChosenHints, find_hints
from excolor.batch.sources import Source
from excolor.hints import Hint, parse_hint
from excolor.imaging.color import rgb_to_lab
from excolor.photo import read_photo, read_provenance

Run = Callable[..., Result]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def ab(picture: np.ndarray) -> np.ndarray:
    return rgb_to_lab(from_numpy(picture.transpose(2, 0, 1) / 255.0)).numpy()[1:]


def fails(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    for word in words:
        assert word in errors[0], errors[0]


def layer(path: Path, size: tuple[int, int], box: tuple[int, int, int, int], color: tuple[int, int, int]) -> Path:
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    image.paste((*color, 255), box)
    image.save(path)
    return path


def test_a_hint_colors_its_place_without_a_reference(excolor: Run, gray: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = excolor("colorize", gray, "--hint", "0.9,0.2=#a06050,r=3%", "-o", out)
    assert result.exit_code == 0, result.output
    found, wanted = ab(pixels(out)), ab(np.full((1, 1, 3), (0xA0, 0x60, 0x50)))
    height, width = found.shape[1:]
    at = found[:, int(0.2 * height), int(0.9 * width)]
    assert np.linalg.norm(at - wanted[:, 0, 0]) < 4


def test_same_hints_same_bytes(excolor: Run, gray: Path, reference: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{n}.jpg" for n in range(2)]
    for out in outs:
        run = excolor("colorize", gray, "--ref", reference, "--hint", "0.3,0.8=olive", "-o", out)
        assert run.exit_code == 0, run.output
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_typed_json_and_csv_agree(excolor: Run, gray: Path, tmp_path: Path) -> None:
    content = gray.read_bytes()
    with Image.open(gray) as image:
        width, height = image.size
    target = {"width": width, "height": height, "sha256": sha256(content).hexdigest()}
    point = {"x": 0.3, "y": 0.8, "color": "olive", "radius": "2%", "note": "the coat"}
    (tmp_path / "h.json").write_text(json.dumps({"excolor_hints": 1, "target": target, "hints": [point]}))
    (tmp_path / "h.csv").write_text("file,x,y,color,radius\ngray.jpg,0.3,0.8,olive,2%\n")
    results = []
    for n, arguments in enumerate(
        [("--hint", "0.3,0.8=olive,r=2%"), ("--hints", tmp_path / "h.json"), ("--hints", tmp_path / "h.csv")]
    ):
        run = excolor("colorize", gray, *arguments, "-o", tmp_path / f"{n}.png")
        assert run.exit_code == 0, run.output
        results.append(pixels(tmp_path / f"{n}.png"))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_layer_colors_what_it_covers(excolor: Run, gray: Path, tmp_path: Path) -> None:
    with Image.open(gray) as image:
        width, height = image.size
    box = (int(0.85 * width), int(0.1 * height), int(0.95 * width), int(0.2 * height))
    painted = layer(tmp_path / "layer.png", (width, height), box, (0xA0, 0x60, 0x50))
    run = excolor("colorize", gray, "--hints", painted, "-o", tmp_path / "out.png")
    assert run.exit_code == 0, run.output
    found = ab(pixels(tmp_path / "out.png"))[:, (box[1] + box[3]) // 2, (box[0] + box[2]) // 2]
    assert np.linalg.norm(found - ab(np.full((1, 1, 3), (0xA0, 0x60, 0x50)))[:, 0, 0]) < 4


def test_a_folder_of_hints(excolor: Run, gray: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in "abc":
        (scans / f"{name}.jpg").write_bytes(gray.read_bytes())
    (scans / "a.hints.json").write_text('{"excolor_hints": 1, "hints": [{"x": 0.3, "y": 0.8, "color": "olive"}]}')
    with Image.open(gray) as image:
        layer(scans / "b.hints.png", image.size, (10, 10, 40, 40), (200, 60, 60))
    run = excolor("colorize", scans, "--hints", scans, "-o", tmp_path / "out/")
    assert run.exit_code == 0, run.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-color.jpg", "b-color.jpg", "c-color.jpg"]
    assert "c.jpg: there are no hints for it" in run.stderr
    assert b"a.hints.json" in (tmp_path / "out/a-color.jpg").read_bytes()
    assert b"hints_file" not in (tmp_path / "out/c-color.jpg").read_bytes()


def unused(result: Result) -> list[str]:
    """What the notes say of hints that no target uses."""
    assert result.exit_code == 0, result.output
    return [line.partition("no target uses: ")[2] for line in result.stderr.splitlines() if "no target uses" in line]


JSON = '{"excolor_hints": 1, "hints": [{"x": 0.3, "y": 0.8, "color": "olive"}]}'
FAST = ("--model", "lite", "--working-size", 32)


def test_rows_for_no_target_are_named(excolor: Run, small: Callable[..., Path], tmp_path: Path) -> None:
    good = small(tmp_path / "good.png")
    table = tmp_path / "h.csv"
    table.write_text("file,x,y,color\ntypo.png,0.1,0.1,red\ngood.png,0.1,0.1,red\ntypo.png,0.2,0.1,red\n")
    out = ("-o", tmp_path / "out/", *FAST)
    assert unused(excolor("colorize", good, "--hints", table, *out)) == ["typo.png"]
    assert unused(excolor("colorize", good, "--hints", table, *out, "--force", "-q")) == []
    table.write_text("file,x,y,color\ngood.png,.1,.1,red\n" + "".join(f"{n}.png,.1,.1,red\n" for n in range(9)))
    assert unused(excolor("colorize", good, "--hints", table, *out, "--force")) == ["0.png, 1.png, 2.png and 6 more"]


def test_files_for_no_target_are_named(excolor: Run, small: Callable[..., Path], tmp_path: Path) -> None:
    """In subfolders only with -r, which is what looks for targets there; hidden files are nobody's hints."""
    for name in ("a.png", "b.png", "sub/c.png"):
        small(tmp_path / "scans" / name)
    hints = tmp_path / "hints"
    (hints / "sub").mkdir(parents=True)
    names = ("a.hints.json", "a2.hints.json", "._b.hints.json", "a.txt", "c.hints.json")
    for name in (*names, "sub/c.hints.json", "sub/d.hints.json"):
        (hints / name).write_text(JSON)
    flat = excolor("colorize", tmp_path / "scans", "--hints", hints, *FAST, "-o", tmp_path / "flat/")
    assert unused(flat) == ["a2.hints.json, c.hints.json"]
    deep = excolor("colorize", tmp_path / "scans", "-r", "--hints", hints, *FAST, "-o", tmp_path / "deep/")
    assert unused(deep) == ["a2.hints.json, c.hints.json, sub/d.hints.json"]  # c has its own beside d


def test_hints_of_other_shards_and_finished_targets_are_no_mistake(
    excolor: Run, small: Callable[..., Path], tmp_path: Path
) -> None:
    names = [f"{n}.png" for n in range(4)]
    for name in names:
        small(tmp_path / "scans" / name)
    (tmp_path / "list.txt").write_text("".join(f"{tmp_path / 'scans' / name}\n" for name in names))
    table, folder = tmp_path / "h.csv", tmp_path / "hints"
    table.write_text("file,x,y,color\n" + "".join(f"{name},.1,.1,red\n" for name in names))
    folder.mkdir()
    for name in names:
        (folder / f"{Path(name).stem}.hints.json").write_text(JSON)
    for targets in (tmp_path / "scans", f"@{tmp_path / 'list.txt'}"):
        for hints in (table, folder):
            for shard in ("1/2", "2/2"):
                arguments = ("colorize", targets, "--hints", hints, *FAST, "-o", tmp_path / "out/", "--skip-existing")
                run = excolor(*arguments, "--shard", shard)
                assert unused(run) == []
    assert len(list((tmp_path / "out").iterdir())) == len(names)
    assert not run.stdout  # all was done before


def test_recorded_in_the_metadata(excolor: Run, gray: Path, tmp_path: Path) -> None:
    run = excolor("colorize", gray, "--hint", "0.3,0.8=olive,r=2%", "--hint-reach", "0.4", "-o", tmp_path / "out.jpg")
    assert run.exit_code == 0, run.output
    content = (tmp_path / "out.jpg").read_bytes()
    assert b"0.3,0.8=olive,r=2%" in content
    assert b"hint_reach" in content


def test_many_typed_hints_are_recorded_too(excolor: Run, small: Callable[..., Path], tmp_path: Path) -> None:
    """There is no file that would tell which they were."""
    points = [f"0.{number:02},0.5=olive" for number in range(60)]
    typed = [word for point in points for word in ("--hint", point)]
    run = excolor("colorize", small(tmp_path / "a.jpg"), *typed, *FAST, "-o", tmp_path / "out.jpg")
    assert run.exit_code == 0, run.output
    made_by = read_provenance(read_photo(tmp_path / "out.jpg").metadata)
    assert made_by is not None
    recorded = made_by.settings["hints"].split("; ")
    assert [parse_hint(point) for point in recorded] == [parse_hint(point) for point in points]


def test_more_hints_than_metadata_have_room_for_are_recorded_by_their_sha256() -> None:
    hints = tuple(Hint(number / 2000, 0.5, "olive") for number in range(2000))
    text = "; ".join(hint.text for hint in hints)
    recorded = ChosenHints(hints).recorded
    assert recorded == {"hints": f"2000 points (sha256 {sha256(text.encode()).hexdigest()})"}
    assert len(ChosenHints(hints[:500]).recorded["hints"].split("; ")) == 500


def test_a_color_that_cannot_be_had_is_noted_once(excolor: Run, gray: Path, tmp_path: Path) -> None:
    run = excolor("colorize", gray, "--hint", "0.25,0.85=#00ff00", "-o", tmp_path / "out.png")
    assert run.exit_code == 0, run.output
    assert run.stderr.count("#00ff00") == 1


def test_impossible_colors_of_a_layer_are_noted_spot_by_spot(excolor: Run, gray: Path, tmp_path: Path) -> None:
    """Three spots of a green that is too bright for the dark coat, one of them within a large gray one."""
    with Image.open(gray) as image:
        width, height = image.size
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    picture.paste((128, 128, 128, 255), (int(0.1 * width), int(0.75 * height), int(0.4 * width), int(0.95 * height)))
    for x, y in ((0.25, 0.85), (0.7, 0.85), (0.6, 0.95)):
        corner = int(x * width), int(y * height)
        picture.paste((0, 255, 0, 255), (*corner, corner[0] + 15, corner[1] + 15))
    picture.save(tmp_path / "layer.png")
    run = excolor("colorize", gray, "--hints", tmp_path / "layer.png", "--model", "lite", "-o", tmp_path / "out.png")
    assert run.exit_code == 0, run.output
    assert run.stderr.count("layer.png at") == 3, run.stderr


def test_another_pictures_hints(excolor: Run, gray: Path, tmp_path: Path) -> None:
    target = {"width": 7, "height": 5, "sha256": "0" * 64}
    hints = tmp_path / "h.json"
    point = {"x": 0.3, "y": 0.8, "color": "olive"}
    hints.write_text(json.dumps({"excolor_hints": 1, "target": target, "hints": [point]}))
    out = tmp_path / "out.png"
    fails(excolor("colorize", gray, "--hints", hints, "-o", out), 1, "7×5", "--force-hints")
    assert not out.exists()
    assert excolor("colorize", gray, "--hints", hints, "--force-hints", "-o", out).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ((), 2, "--hint"),
        (("--hint", "0.3,0.8=octarine"), 2, "octarine"),
        (("--hint", "1.3,0.8=olive"), 2, "outside"),
        (("--hint", "99999px,0.8=olive"), 1, "outside"),
        (("--hint", "nonsense"), 2, "X,Y=COLOR"),
        (("--hint", "0.3,0.8=olive", "--hint-reach", "2"), 2, "hint-reach"),
        (("--hint", "0.3,0.8=olive", "--save-stages", "stages"), 2, "--ref"),
        (("--hints", "missing.json"), 1, "missing.json"),
        (("--hints", "missing.png"), 1, "missing.png"),
        (("--hints", "hints.txt"), 2, "hints.txt"),
        (("--hints", "bad.json"), 1, "bad.json"),
        (("--hints", "other.csv"), 2, "no target"),
        (("--hints", "opaque.png"), 1, "transparency"),
        (("--hints", "empty"), 2, "no target"),
    ],
)
def test_mistakes(
    excolor: Run,
    gray: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{")
    Path("other.csv").write_text("file,x,y,color\nother.jpg,0.1,0.1,red\n")
    with Image.open(gray) as image:
        Image.new("RGB", image.size, "red").save("opaque.png")
    Path("empty").mkdir()
    fails(excolor("colorize", gray, *arguments, "-o", "out.png"), code, word)
    assert not Path("out.png").exists()


def test_hints_for_one_among_several(excolor: Run, gray: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(gray.read_bytes())
    fails(excolor("colorize", gray, other, "--hint", "0.3,0.8=olive"), 2, "one target")
    (tmp_path / "h.json").write_text('{"excolor_hints": 1, "hints": []}')
    fails(excolor("colorize", gray, other, "--hints", tmp_path / "h.json"), 2, "one target")


def test_no_result_replaces_a_layer(excolor: Run, gray: Path, tmp_path: Path) -> None:
    painted = layer(tmp_path / "layer.png", (512, 600), (10, 10, 40, 40), (200, 60, 60))
    before = painted.read_bytes()
    fails(excolor("colorize", gray, "--hints", painted, "-o", painted, "--force"), 1, "input")
    assert painted.read_bytes() == before


def test_the_choice_of_hints_can_be_sent_to_another_process() -> None:
    choice = find_hints([parse_hint("0.3,0.8=olive")], None, [Source(Path("a.jpg"))])
    assert pickle.loads(pickle.dumps(choice)) == choice
