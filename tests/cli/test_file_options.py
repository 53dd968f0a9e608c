"""Which files come of which, in what format, and what is told in them."""

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from PIL import ExifTags, Image

from excolor.networks.models import find_model
from excolor.photo import MAX_PIXELS, Metadata, Photo, read_photo, read_provenance, write_photo
from excolor.runtime.devices import choose_device, choose_dtype
from excolor.settings import PRECISIONS, ColorizeSettings

Write = Callable[..., Path]
Run = Callable[..., Result]

FAST = ("--working-size", 32)
COMMANDS = ("colorize", "pre-colorize", "stylize")


@pytest.fixture
def make(excolor: Run, reference: Path) -> Run:
    """Runs one of the three commands with the reference where it belongs."""

    def run(command: str, *arguments: object, stdin: bytes | None = None) -> Result:
        match command:
            case "colorize":
                return excolor(command, "--ref", reference, *FAST, *arguments, stdin=stdin)
            case "stylize":
                return excolor(command, *FAST, *arguments, reference, stdin=stdin)
            case _:
                return excolor(command, *FAST, *arguments, stdin=stdin)

    return run


def color_photo(path: Path, size: tuple[int, int] = (80, 64)) -> Path:
    """A picture in several colors."""
    corners = np.array([[[200, 30, 30], [30, 180, 40]], [[20, 40, 210], [220, 210, 60]]], np.uint8)
    Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def sepia(path: Path, gray: Path) -> Path:
    with Image.open(gray) as image:
        levels = np.asarray(image.convert("L"), np.float32)[..., None]
    Image.fromarray((levels * (1.0, 0.85, 0.65)).astype(np.uint8)).save(path)
    return path


def pages_of(path: Path) -> list[np.ndarray]:
    with tifffile.TiffFile(path) as file:
        return [page.asarray() for page in file.pages]


@pytest.fixture
def book(tmp_path: Path, small: Write) -> Path:
    """A TIFF of three pages of different sizes."""
    photos = [read_photo(small(tmp_path / f"page{n}.png", n, size=(80 + 8 * n, 64))) for n in range(3)]
    return write_photo(photos, tmp_path / "book.tif")


# --- formats ---


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["jpeg", "png", "tiff", "webp"])
def test_format(command: str, name: str, tmp_path: Path, small: Write, make: Run) -> None:
    result = make(command, small(tmp_path / "a.bmp"), "--format", name)
    assert result.exit_code == 0, result.output
    with Image.open(result.stdout.strip()) as image:
        assert image.format == name.upper()
        assert image.size == (80, 64)


def test_quality(tmp_path: Path, small: Write, make: Run) -> None:
    small(tmp_path / "a.png")
    sizes = []
    for quality in (20, 90):
        out = tmp_path / f"{quality}.jpg"
        assert make("pre-colorize", tmp_path / "a.png", "--quality", quality, "-o", out, "--strip").exit_code == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] < sizes[1] / 1.5


def test_larger_pictures_are_refused_by_the_flag_that_is_named(tmp_path: Path, small: Write, make: Run) -> None:
    path = small(tmp_path / "a.png", size=(200, 100))
    refused = make("pre-colorize", path, "--max-megapixels", 0.019)
    assert refused.exit_code == 1
    assert "--max-megapixels" in refused.stderr
    assert make("pre-colorize", path, "--max-megapixels", 0.02).exit_code == 0
    assert make("pre-colorize", path, "--max-megapixels", "1e305").exit_code == 2
    help_text = make("pre-colorize", "--help").stdout
    assert f"[default: {MAX_PIXELS / 1e6:g}]" in help_text


# --- pages ---


@pytest.mark.parametrize("command", COMMANDS)
def test_every_page_becomes_a_page(command: str, book: Path, tmp_path: Path, make: Run) -> None:
    out = tmp_path / "out.tif"
    result = make(command, book, "-o", out)
    assert result.exit_code == 0, result.output
    assert [page.shape for page in pages_of(out)] == [(64, 80, 3), (64, 88, 3), (64, 96, 3)]
    second = tmp_path / "second.png"
    assert make(command, book, "--page", 2, "-o", second).exit_code == 0
    if command != "colorize":  # which keeps the reference that fits the first page
        assert np.array_equal(np.asarray(Image.open(second)), pages_of(out)[1])


def test_a_large_tiff_is_expected_by_its_largest_page(
    book: Path, tmp_path: Path, make: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("excolor.photo.tiff.writing._BIG", 64 * 80 * 3 * 3)  # three times the first page
    assert make("pre-colorize", book, "-o", tmp_path / "out.tif").exit_code == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.is_bigtiff
    assert make("pre-colorize", book, "--page", 3, "-o", tmp_path / "third.tif").exit_code == 0
    with tifffile.TiffFile(tmp_path / "third.tif") as file:
        assert not file.is_bigtiff


def test_several_pages_go_into_tiff_only(book: Path, tmp_path: Path, make: Run) -> None:
    refused = make("pre-colorize", book, "--format", "png")
    assert refused.exit_code == 1
    assert "--page" in refused.stderr
    assert "--format" in refused.stderr
    assert make("pre-colorize", book, "--page", 4).exit_code == 1
    stages = make("colorize", book, "--save-stages", tmp_path / "stages")
    assert stages.exit_code == 1
    assert "--page" in stages.stderr
    assert make("colorize", book, "--page", 3, "--save-stages", tmp_path / "stages").exit_code == 0
    assert len(list((tmp_path / "stages").iterdir())) == 4


def test_a_damaged_page_leaves_no_result(book: Path, tmp_path: Path, make: Run) -> None:
    with tifffile.TiffFile(book) as file:
        offset = file.pages[2].dataoffsets[0]
    data = bytearray(book.read_bytes())
    data[offset : offset + 40] = b"\xff" * 40
    book.write_bytes(data)
    before = sorted(tmp_path.iterdir())
    assert make("pre-colorize", book, "-o", f"{tmp_path}/out/").exit_code == 1
    assert sorted(path for path in tmp_path.iterdir() if path.name != "out") == before
    assert not list((tmp_path / "out").iterdir())


# --- standard input and output ---


@pytest.mark.parametrize("command", COMMANDS)
def test_a_picture_through_a_pipe(command: str, tmp_path: Path, small: Write, make: Run) -> None:
    path = small(tmp_path / "a.png")
    piped = make(command, "-", stdin=path.read_bytes())
    assert piped.exit_code == 0, piped.stderr
    assert make(command, path, "-o", tmp_path / "b.png").exit_code == 0
    assert piped.stdout_bytes == (tmp_path / "b.png").read_bytes()
    jpeg = make(command, path, "-o", "-", "--format", "jpeg")
    assert Image.open(io.BytesIO(jpeg.stdout_bytes)).format == "JPEG"
    named = make(command, "-", "-o", tmp_path / "c.png", stdin=path.read_bytes())
    assert named.stdout == f"{tmp_path / 'c.png'}\n"
    assert (tmp_path / "c.png").read_bytes() == piped.stdout_bytes


def test_a_real_pipe(tmp_path: Path, small: Write) -> None:
    command = [sys.executable, "-m", "excolor", "pre-colorize", "-", "--working-size", "32", "--format", "webp"]
    with small(tmp_path / "a.jpg").open("rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=-1) as cat:
        done = subprocess.run(command, stdin=cat.stdout, capture_output=True, check=True)
    assert Image.open(io.BytesIO(done.stdout)).size == (80, 64)
    assert done.stderr == b""


def test_a_pipe_without_a_picture(make: Run, tmp_path: Path) -> None:
    for data in (b"", b"no picture"):
        result = make("pre-colorize", "-", stdin=data)
        assert result.exit_code == 1
        assert result.stdout_bytes == b""
        assert "standard input" in result.stderr
    assert make("pre-colorize", "-", "-o", f"{tmp_path}/", stdin=b"").exit_code == 2


def test_no_picture_is_written_to_a_terminal(
    tmp_path: Path, small: Write, make: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small(tmp_path / "a.png")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    result = make("pre-colorize", path, "-o", "-", "--quiet")
    assert result.exit_code == 2
    assert "terminal" in result.stderr


# --- what results tell ---


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_provenance(command: str, suffix: str, tmp_path: Path, reference: Path, small: Write, make: Run) -> None:
    out = tmp_path / f"out{suffix}"
    assert make(command, small(tmp_path / "a.png"), "-o", out).exit_code == 0
    found = read_provenance(read_photo(out).metadata)
    assert found is not None
    assert found.settings["working_size"] == "32"
    model, roles = ("lite", ("encoder", "decoder")) if command == "stylize" else ("semantic", ("semantic",))
    assert found.model == model
    files = find_model(model)
    assert dict(found.checkpoints) == {
        role: hashlib.sha256(files.path(role).read_bytes()).hexdigest() for role in roles
    }
    digest = hashlib.sha256(reference.read_bytes()).hexdigest()
    assert found.references == (() if command == "pre-colorize" else ((reference.name, digest),))


@pytest.mark.parametrize("command", COMMANDS)
def test_another_precision_than_float32_is_told(command: str, tmp_path: Path, small: Write, make: Run) -> None:
    small(tmp_path / "a.png")
    for precision in PRECISIONS:
        out, report = tmp_path / f"{precision}.png", tmp_path / f"{precision}.json"
        assert make(command, tmp_path / "a.png", "-o", out, "--precision", precision, "--report", report).exit_code == 0
        found = read_provenance(read_photo(out).metadata)
        assert found is not None
        wanted = str(choose_dtype(choose_device(), precision)).removeprefix("torch.")
        assert found.settings.get("precision", "float32") == wanted
        assert ("precision" in found.settings) == (wanted != "float32")
        assert json.loads(report.read_text())["settings"] == found.settings


def test_what_is_told_can_be_left_away(tmp_path: Path, small: Write, make: Run) -> None:
    plain = read_photo(small(tmp_path / "plain.png"))
    told = tmp_path / "told.png"
    write_photo(Photo(plain.pixels, None, Metadata(text={"Title": "A picture"})), told)
    for option, title, provenance in (
        ((), "A picture", True),
        (("--no-provenance",), "A picture", False),
        (("--strip",), None, False),
    ):
        assert make("pre-colorize", told, "-o", tmp_path / "out.png", "-f", *option).exit_code == 0
        metadata = read_photo(tmp_path / "out.png").metadata
        assert metadata.text.get("Title") == title
        assert (read_provenance(metadata) is not None) == provenance


def test_metadata_that_the_format_cannot_hold_is_named(tmp_path: Path, small: Write, make: Run) -> None:
    plain = read_photo(small(tmp_path / "plain.png"))
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "long " * 14000
    told = write_photo(Photo(plain.pixels, None, Metadata(exif=exif.tobytes()[6:])), tmp_path / "a.png")
    result = make("pre-colorize", told, "--format", "jpeg")
    assert result.exit_code == 0
    assert "EXIF" in result.stderr
    deep = write_photo(Photo(plain.pixels.astype(np.uint16) * 257), tmp_path / "deep.png")
    assert "deep.png: not kept in a .jpg file: its 16 bits" in make("pre-colorize", deep, "--format", "jpeg").stderr


def test_the_record_makes_way_for_the_xmp_of_the_target(tmp_path: Path, small: Write, make: Run) -> None:
    plain = read_photo(small(tmp_path / "plain.png"))
    begin, end = '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><!--', "--></r:RDF>"
    for words, is_kept, is_recorded in ((60_000, True, True), (65_000, True, False), (66_000, False, True)):
        packet = f"{begin}{'x' * words}{end}".encode()
        told = write_photo(Photo(plain.pixels, None, Metadata(xmp=packet)), tmp_path / "a.png", overwrite=True)
        result = make("pre-colorize", told, "-o", tmp_path / "out.jpg", "-f")
        assert result.exit_code == 0
        found = read_photo(tmp_path / "out.jpg").metadata
        assert (b"x" * words in found.xmp) == is_kept
        assert (read_provenance(found) is not None) == (is_kept and is_recorded)
        assert ("not kept in a .jpg file: its XMP" in result.stderr) == (not is_kept)
        assert ("not kept in a .jpg file: the record of how it was made" in result.stderr) == (not is_recorded)


# --- targets that are not gray ---


@pytest.mark.parametrize("command", ["colorize", "pre-colorize"])
def test_tinted_and_colored_targets(command: str, tmp_path: Path, small: Write, make: Run) -> None:
    gray = small(tmp_path / "gray.png", size=(160, 128))
    tinted, colored = sepia(tmp_path / "tinted.png", gray), color_photo(tmp_path / "colored.png")
    by_default = make(command, gray, tinted, colored, "-o", tmp_path / "a")
    assert by_default.exit_code == 1
    assert "tinted.png: is tinted: treated as gray" in by_default.stderr
    assert "colored.png is in color" in by_default.stderr
    assert "--treat-as-gray" in by_default.stderr
    assert "2 written, 1 failed" in by_default.stderr

    asked = make(command, gray, tinted, colored, "-o", tmp_path / "b", "--treat-as-gray")
    assert asked.exit_code == 0
    assert "colored.png: is in color: treated as gray" in asked.stderr

    refused = make(command, gray, tinted, colored, "-o", tmp_path / "c", "--no-treat-as-gray")
    assert refused.exit_code == 1
    assert "1 written, 2 failed" in refused.stderr


def test_what_a_cut_out_hides_may_be_in_color(tmp_path: Path, small: Write, make: Run) -> None:
    plain = read_photo(small(tmp_path / "gray.png"))
    pixels, alpha = np.repeat(plain.pixels[..., None], 3, axis=2), np.full(plain.size, 255, np.uint8)
    pixels[:20], alpha[:20] = (0, 200, 40), 0
    path = write_photo(Photo(pixels, alpha), tmp_path / "cut-out.png")
    result = make("pre-colorize", path, "--no-treat-as-gray", "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.stderr
    assert np.array_equal(read_photo(tmp_path / "out.png").alpha, alpha)


def test_contents_to_stylize_may_be_in_color(tmp_path: Path, make: Run) -> None:
    assert make("stylize", color_photo(tmp_path / "colored.png")).exit_code == 0


# --- references ---


@pytest.fixture
def references(tmp_path: Path, reference: Path) -> Path:
    """A folder of references, one of them damaged."""
    folder = tmp_path / "references"
    (folder / "sub").mkdir(parents=True)
    (folder / "good.jpg").write_bytes(reference.read_bytes())
    (folder / "damaged.jpg").write_text("no picture")
    color_photo(folder / "sub/other.png")
    return folder


def test_a_folder_of_references(tmp_path: Path, references: Path, small: Write, excolor: Run) -> None:
    scans = [small(tmp_path / f"{n}.png", n) for n in range(3)]
    report = tmp_path / "report.json"
    result = excolor("colorize", *scans, "--ref", references, *FAST, "--report", report, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.count("damaged.jpg") == 1
    files = json.loads(report.read_text())["files"]
    chosen = {file["reference"] for file in files}
    assert chosen <= {str(references / "good.jpg"), str(references / "sub/other.png")}
    assert all(0 < file["score"] <= 1 for file in files)
    for path in (references / "good.jpg", references / "sub/other.png"):
        path.unlink()
    none_left = excolor("colorize", *scans, "--ref", references, *FAST, "-o", tmp_path / "out2")
    assert none_left.exit_code == 1
    assert "none of the references" in none_left.stderr


def test_each_reference_is_encoded_once(
    tmp_path: Path, references: Path, small: Write, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from excolor.method.colorizer import Colorizer

    real, encoded = Colorizer.encode_reference, []

    def encode(self: Colorizer, photo: Photo, settings: ColorizeSettings) -> object:
        encoded.append(photo.name)
        return real(self, photo, settings)

    monkeypatch.setattr(Colorizer, "encode_reference", encode)
    scans = [small(tmp_path / f"{n}.png", n) for n in range(4)]
    again = references / "sub/../good.jpg"
    named = ("--ref", references, "--ref", again)
    assert excolor("colorize", *scans, *named, *FAST, "-o", tmp_path / "out").exit_code == 0
    assert sorted(encoded) == [str(references / "good.jpg"), str(references / "sub/other.png")]


def paired(report: Path) -> dict[Path, Path]:
    """The references of a report, and the targets that they were given."""
    files = json.loads(report.read_text())["files"]
    return {Path(f["reference"]): Path(f["input"]) for f in files if f["reference"]}


def test_references_of_the_targets_names(tmp_path: Path, small: Write, excolor: Run) -> None:
    scans, references, report = tmp_path / "scans", tmp_path / "references", tmp_path / "report.json"
    for name in ("a", "b", "lost", "twice"):
        small(scans / f"{name}.png")
    small(scans / "sub/a.png")
    (references / "sub").mkdir(parents=True)
    (references / "elsewhere").mkdir()
    pairs = {"a.jpg": "a.png", "sub/a.jpg": "sub/a.png", "elsewhere/b.png": "b.png"}
    for name in (*pairs, "elsewhere/twice.jpg", "sub/twice.jpg"):
        color_photo(references / name)
    arguments = ("colorize", scans, "-r", "--ref", references, "--pair", "name", *FAST, "--report", report)
    result = excolor(*arguments, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "3 written, 2 failed" in result.stderr
    assert f"{scans / 'lost.png'}: no reference is named lost" in result.stderr
    assert f"{scans / 'twice.png'}: several references have its name" in result.stderr
    assert paired(report) == {references / name: scans / target for name, target in pairs.items()}


def test_a_reference_of_the_same_name_in_another_subfolder_is_not_taken(
    tmp_path: Path, small: Write, excolor: Run
) -> None:
    """Cameras number anew in each folder. What is beside the subfolders serves all of them."""
    scans, references, report = tmp_path / "scans", tmp_path / "references", tmp_path / "report.json"
    for name in ("a/7", "a/Mary", "a/8", "b/7"):
        small(scans / f"{name}.png")
    pairs = {"a/mary.jpg": "a/Mary.png", "b/7.jpg": "b/7.png", "8.jpg": "a/8.png"}
    for name in (*pairs, "b/Mary.jpg", "b/8.jpg"):
        (references / name).parent.mkdir(parents=True, exist_ok=True)
        color_photo(references / name)
    arguments = ("--ref", references, "--pair", "name", *FAST, "-o", tmp_path / "out", "--report", report)
    result = excolor("colorize", scans, "-r", *arguments)
    assert result.exit_code == 1 and "3 written, 1 failed" in result.stderr
    why = f"is in another subfolder ({references / 'b/7.jpg'}); move it to a or beside the subfolders"
    assert f"{scans / 'a/7.png'}: the reference of its name {why}, or pair them otherwise (--pair)" in result.stderr
    assert paired(report) == {references / name: scans / target for name, target in pairs.items()}


def test_subfolders_tell_references_of_one_name_apart_where_their_root_is_given(
    tmp_path: Path, small: Write, excolor: Run
) -> None:
    scan, references = small(tmp_path / "scans/b/7.png"), tmp_path / "references"
    for name in ("a/7.jpg", "b/7.jpg"):
        (references / name).parent.mkdir(parents=True)
        color_photo(references / name)
    report, out = tmp_path / "report.json", tmp_path / "out"
    arguments = ("colorize", scan, "--ref", references, "--pair", "name", *FAST, "-o", f"{out}/", "--report", report)
    unclear = excolor(*arguments)
    assert unclear.exit_code == 1 and "several references have its name" in unclear.stderr
    assert "(--pair, --root)" in unclear.stderr and len(unclear.stderr.splitlines()) == 1
    assert excolor(*arguments, "--root", tmp_path / "scans", "--force").exit_code == 0
    assert json.loads(report.read_text())["files"][0]["reference"] == str(references / "b/7.jpg")


def test_names_of_references_may_differ_in_case_and_in_the_way_of_writing_accents(
    tmp_path: Path, small: Write, excolor: Run
) -> None:
    scans, references, report = tmp_path / "scans", tmp_path / "references", tmp_path / "report.json"
    references.mkdir()
    pairs = {"caf\u00e9.jpg": "cafe\u0301.png", "IMG_7.JPG": "img_7.png", "twin.png": "twin.png"}
    for name, target in pairs.items():
        small(scans / target)
        color_photo(references / name)
    color_photo(references / "Twin.png")
    result = excolor(
        *("colorize", scans, "--ref", references, "--pair", "name", *FAST, "-o", tmp_path / "out", "--report", report)
    )
    assert result.exit_code == 0, result.output
    files = json.loads(report.read_text())["files"]
    assert {Path(f["reference"]).name: Path(f["input"]).name for f in files} == pairs


def test_a_gray_reference_gives_way_to_one_in_color(tmp_path: Path, small: Write, excolor: Run) -> None:
    scan, report = small(tmp_path / "scan.png"), tmp_path / "report.json"
    same, color = small(tmp_path / "same.png"), color_photo(tmp_path / "color.png")
    arguments = ("colorize", scan, "--ref", same, *FAST, "--report", report, "--force")
    result = excolor(*arguments, "--ref", color)
    assert result.exit_code == 0, result.output
    assert f"{same} is gray: it is not used" in result.stderr
    assert json.loads(report.read_text())["files"][0]["reference"] == str(color)
    other = small(tmp_path / "other.png", 1)
    alone = excolor(*arguments, "--ref", other)
    assert alone.exit_code == 0, alone.output
    assert alone.stderr.count("it has no colors to give") == 2
    assert json.loads(report.read_text())["files"][0]["reference"] == str(same)


def test_all_references_together_are_told(
    tmp_path: Path, small: Write, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, report, out = small(tmp_path / "scan.png"), tmp_path / "report.json", tmp_path / "out.png"
    colors = [color_photo(tmp_path / f"color{n}.png", (80, 48 + 16 * n)) for n in range(3)]
    named = [argument for path in colors for argument in ("--ref", path)]
    followed = (*FAST, "--strength", 2)  # what is drawn by chance shows nothing of the scan
    arguments = ("colorize", scan, *named, "--pair", "all", *followed, "-o", out)
    result = excolor(*arguments, "--report", report)
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["files"][0]["reference"] == ", ".join(map(str, colors))
    made = read_provenance(read_photo(out).metadata)
    assert made is not None
    assert made.references == tuple((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in colors)
    alone = excolor("colorize", scan, "--ref", colors[0], *followed, "-o", tmp_path / "alone.png")
    assert alone.exit_code == 0
    assert (read_photo(out).pixels != read_photo(tmp_path / "alone.png").pixels).any()

    monkeypatch.setattr("excolor.batch.references._MOST_TOGETHER", 2 / 64)  # 2 at this working size
    refused = excolor(*arguments, "--force")
    assert refused.exit_code == 1
    assert "2 references can be searched together at most at a working size of 32, and 3 are given" in refused.stderr


# --- names ---


def test_two_inputs_of_one_name_are_told_how_to_part(tmp_path: Path, small: Write, make: Run) -> None:
    one, two = small(tmp_path / "in/scan.png"), small(tmp_path / "in/scan.jpg")
    result = make("pre-colorize", tmp_path / "in", "-r", "--format", "png", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert str(one) in result.stderr
    assert str(two) in result.stderr
    assert "rename one" in result.stderr
    assert "--recursive" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_list_is_not_replaced_by_the_report(command: str, tmp_path: Path, small: Write, make: Run) -> None:
    paths = tmp_path / "list.txt"
    paths.write_text(str(small(tmp_path / "scan.png")))
    before = paths.read_bytes()
    result = make(command, f"@{paths}", "--report", paths, "--force")
    assert result.exit_code == 1
    assert "is an input" in result.stderr
    assert paths.read_bytes() == before


def test_names_that_differ_in_case_alone_are_one(tmp_path: Path, small: Write, make: Run) -> None:
    one, two = small(tmp_path / "1/scan.png"), small(tmp_path / "2/Scan.png")
    result = make("pre-colorize", one, two, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert str(one) in result.stderr
    assert str(two) in result.stderr
    assert "many file systems" in result.stderr
    assert not (tmp_path / "out").exists()
    itself = make("colorize", one, "--save-stages", tmp_path, "-o", tmp_path / "scan-hints.png")
    assert itself.exit_code == 1
    assert "scan-hints.png" in itself.stderr
    assert not (tmp_path / "scan-hints.png").exists()


def test_an_input_is_not_replaced_by_any_name_it_has(tmp_path: Path, small: Write, make: Run) -> None:
    scan = small(tmp_path / "scan.png")
    before = scan.read_bytes()
    (tmp_path / "hard.png").hardlink_to(scan)
    (tmp_path / "soft.png").symlink_to(scan)
    for name in ("hard.png", "soft.png"):
        result = make("pre-colorize", scan, "-o", tmp_path / name, "--force")
        assert result.exit_code == 1
        assert "is an input" in result.stderr
    stages = tmp_path / "scan-precolor.png"
    stages.write_bytes(before)
    both = make("colorize", scan, stages, "--save-stages", tmp_path, "-o", tmp_path / "out", "--force")
    assert both.exit_code == 1
    assert "is an input" in both.stderr
    assert scan.read_bytes() == stages.read_bytes() == before


def test_names_that_are_no_text_are_reported(tmp_path: Path, small: Write, make: Run) -> None:
    import os

    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    small(tmp_path / "plain.png").rename(odd)
    report = tmp_path / "report.json"
    assert make("pre-colorize", odd, "--report", report).exit_code == 0
    assert json.loads(report.read_text())["files"][0]["input"] == str(odd)


def test_planning_errors_are_told_before_the_model_is_loaded(
    tmp_path: Path, small: Write, excolor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("excolor.method.colorizer.Colorizer.load", lambda *_, **__: pytest.fail("the model was loaded"))
    monkeypatch.chdir(tmp_path)
    small(tmp_path / "in/1.jpg")
    small(tmp_path / "in/1.png")
    for arguments, code in (
        (("in",), 2),
        (("in/*.jpg", "-o", "x.xyz"), 1),
        (("in", "-o", "out", "--format", "webp"), 1),
        (("nothing/*.jpg",), 1),
        (("@nothing.txt",), 1),
        (("in/1.jpg", "-o", "a.png", "--format", "jpeg"), 2),
        (("in/1.jpg", "-o", "in/1.jpg"), 1),
        (("in/1.jpg", "--report", "in/1.jpg"), 1),
        (("in/1.jpg", "--report", "in"), 1),
        (("in/1.jpg", "--skip-existing", "--force"), 2),
    ):
        result = excolor("pre-colorize", *arguments)
        assert result.exit_code == code, (arguments, result.output)
        assert "Error: " in result.stderr


def test_what_reading_had_to_guess_is_noted(tmp_path: Path, excolor: Callable[..., Result]) -> None:
    levels = np.full((64, 64), 0.4, np.float32)
    levels[0, :3] = 1.8
    tifffile.imwrite(tmp_path / "a.tif", levels)
    result = excolor("pre-colorize", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    assert result.exit_code == 0
    assert "a.tif: 3 of its levels lie outside of 0 to 1 (from 0.4 to 1.8) and are clipped" in result.stderr
    assert not excolor("pre-colorize", tmp_path / "a.tif", "-o", tmp_path / "c.png", "-q").stderr
