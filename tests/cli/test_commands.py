"""The commands as a user meets them: real pictures, the shipped weights, exit codes, stdout and stderr."""

import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from skimage.color import rgb2lab

from excolor import ColorizeSettings, StylizeSettings
from excolor.cli.main import main
from excolor.networks.checkpoint import load_encoder, load_matcher, save_network
from excolor.networks.encoder import Encoder, EncoderConfig
from excolor.networks.models import find_model
from excolor.photo import read_photo, read_provenance


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def look(path: Path) -> Image.Image:
    """A picture in memory, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image.copy()


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [prefix]
    for name, command in group.commands.items():
        path = (*prefix, name)
        found += commands(command, path) if isinstance(command, click.Group) else [path]
    return found


ALL = commands(main)


def assert_fails(result: Result, *words: str, code: int = 1) -> None:
    """One clear sentence on stderr, nothing on stdout, no traceback."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ") if code == 1 else "Error: " in result.stderr
    assert "Traceback" not in result.stderr
    if code == 1:
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


# --- help ---


@pytest.mark.parametrize("command", ALL, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_an_example(command: tuple[str, ...], flag: str) -> None:
    result = run(*command, flag)
    assert result.exit_code == 0
    assert f"excolor {' '.join(command)}".strip() in result.stdout.split("Example")[1]


def groups(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The commands that have commands."""
    found = [prefix]
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += groups(command, (*prefix, name))
    return found


@pytest.mark.parametrize("command", groups(main), ids=" ".join)
def test_summaries_of_commands_fit_one_line(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*command, "-h"], terminal_width=80).stdout.split("Commands:\n")[1]
    for line in shown.splitlines():
        assert line.endswith("."), line
        assert not line.endswith("..."), line


@pytest.mark.parametrize("command", [c for c in ALL if c not in groups(main)], ids=" ".join)
def test_options_are_explained_in_sentences(command: tuple[str, ...]) -> None:
    found: click.Command = main
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    for option in found.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help[0].isupper() and "." in option.help, option.help
            assert option.help.split()[0] not in ("Of", "The", "A", "Which", "Where", "How"), option.help


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("colorize",), ["Input", "References", "Hints", "Quality", "Output", "Run"]),
        (("pre-colorize",), ["Input", "Quality", "Output", "Run"]),
        (("stylize",), ["Input", "References", "Quality", "Output", "Run"]),
        (("evaluate", "colorize"), ["Input", "Measuring", "Output", "Run"]),
        (("train", "decoder"), ["Input", "Training", "Output", "Run"]),
        (("bench",), ["Measuring", "Output", "Run"]),
    ],
)
def test_options_are_grouped(command: tuple[str, ...], expected: list[str]) -> None:
    shown = run(*command, "-h").stdout
    assert [line[:-1] for line in shown.splitlines() if re.fullmatch(r"[A-Z]\w+:", line)] == expected
    assert "TARGET...\n" not in shown.split("Run:")[1]  # arguments are no options


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from excolor.cli.main import main\n"
        "for args in (['-h'], ['colorize', '-h'], ['train', 'encoder', '-h']):\n"
        "    try: main(args)\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'PIL', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    seconds = []
    for _ in range(3):  # of the processor, and the best of three: other processes may be at work
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3


def test_version_and_module() -> None:
    told = run("--version")
    assert told.exit_code == 0
    as_module = subprocess.run(
        [sys.executable, "-m", "excolor", "--version"], check=True, capture_output=True, text=True
    )
    assert as_module.stdout == told.stdout
    assert told.stdout.startswith("excolor 0.")


def test_defaults_are_those_of_the_library() -> None:
    def defaults(command: str) -> dict[str, object]:
        return {parameter.name: parameter.default for parameter in main.commands[command].params}

    assert asdict(ColorizeSettings()).items() <= defaults("colorize").items()
    assert defaults("pre-colorize")["working_size"] == ColorizeSettings().working_size
    stylizing = asdict(StylizeSettings()) | {"parts": ",".join(StylizeSettings().parts)}
    del stylizing["exact"], stylizing["keep"]  # switches
    assert stylizing.items() <= defaults("stylize").items()


# --- colorize ---


def test_colorize_writes_beside_the_target(gray: Path, reference: Path) -> None:
    result = run("colorize", gray, "--ref", reference, "--working-size", 96)
    assert result.exit_code == 0, result.stderr
    written = gray.with_name("gray-color.jpg")
    assert result.stdout == f"{written}\n"
    assert result.stderr == ""  # no terminal, so no bar; a gray target, so no note
    with Image.open(written) as image:
        assert image.size == look(gray).size
        assert image.mode == "RGB"
        assert image.layer[0][1:3] == (1, 1) == image.layer[1][1:3]  # 4:4:4


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "LA", "1"])
def test_colorize_reads_and_writes_every_kind(
    suffix: str, mode: str, target: Path, reference: Path, tmp_path: Path
) -> None:
    source = tmp_path / f"picture.{suffix}"
    image = look(target).resize((60, 70))
    if mode in ("RGBA", "LA"):
        if suffix == "jpg":
            pytest.skip("JPEG has no alpha")
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    elif (suffix, mode) in {("jpg", "P"), ("jpg", "1"), ("webp", "P"), ("webp", "1")}:
        pytest.skip("the container has no such kind")
    image.convert(mode).save(source)
    result = run("colorize", source, "--ref", reference, "--working-size", 64, "-o", tmp_path / f"out.{suffix}", "-q")
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / f"out.{suffix}") as written:
        assert written.size == (60, 70)
        assert written.mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")
        if mode in ("RGBA", "LA"):
            np.testing.assert_array_equal(written.getchannel("A"), look(source).convert("RGBA").getchannel("A"))


def test_colorize_applies_the_orientation(gray: Path, reference: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.jpg"
    image = look(gray)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned: width and height swap
    image.save(turned, exif=exif)
    assert run("colorize", turned, "--ref", reference, "--working-size", 64).exit_code == 0
    with Image.open(tmp_path / "turned-color.jpg") as written:
        assert written.size == image.size[::-1]
        assert written.getexif().get(0x0112, 1) == 1


def test_colorize_names_a_gray_reference(gray: Path) -> None:
    assert "has no colors to give" in run("colorize", gray, "--ref", gray, "--working-size", 64).stderr


def test_colorize_chooses_among_references(gray: Path, reference: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)).save(noise)
    result = run("colorize", gray, "--ref", noise, "--ref", reference, "--working-size", 96)
    assert result.exit_code == 0
    assert f"{reference} fits best (score 0." in result.stderr
    alone = run("colorize", gray, "--ref", reference, "--working-size", 96, "-o", tmp_path / "alone.jpg")
    assert alone.exit_code == 0
    assert (tmp_path / "alone.jpg").read_bytes() == (tmp_path / "gray-color.jpg").read_bytes()


def test_colorize_many_into_a_folder(gray: Path, reference: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.png"
    look(gray).save(second)
    out = tmp_path / "new" / "folder"
    result = run("colorize", gray, second, "--ref", reference, "--working-size", 64, "-o", out)
    assert result.exit_code == 0
    assert set(result.stdout.splitlines()) == {str(out / "gray-color.jpg"), str(out / "second-color.png")}


def test_colorize_goes_on_after_a_failure(gray: Path, reference: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(gray.read_bytes()[:3000])
    result = run("colorize", broken, gray, "--ref", reference, "--working-size", 64)
    assert result.exit_code == 1
    assert result.stdout == f"{tmp_path / 'gray-color.jpg'}\n"
    assert "1 written, 1 failed in" in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.jpg", "gray-color.jpg", "gray.jpg"]


def test_save_stages_writes_the_papers_figure_4(gray: Path, reference: Path, tmp_path: Path) -> None:
    stages = tmp_path / "stages"
    result = run("colorize", gray, "--ref", reference, "--working-size", 96, "--save-stages", stages)
    assert result.exit_code == 0
    names = {"precolor": (96, 112), "coarse": (96, 112), "hints": (96, 112), "result": (512, 600)}
    assert {p.name for p in stages.iterdir()} == {f"gray-{name}.png" for name in names}
    for name, size in names.items():
        assert look(stages / f"gray-{name}.png").size == size


def test_save_stages_of_equal_names_are_refused(gray: Path, reference: Path, tmp_path: Path) -> None:
    second = tmp_path / "gray.png"
    look(gray).save(second)
    stages = tmp_path / "s"
    assert_fails(run("colorize", gray, second, "--ref", reference, "--save-stages", stages), "gray-precolor.png")
    assert not stages.exists()


def test_a_result_is_written_even_if_its_stages_cannot_be(gray: Path, reference: Path, tmp_path: Path) -> None:
    stages = tmp_path / "stages"
    arguments = ["colorize", gray, "--ref", reference, "--working-size", 64, "--save-stages", stages, "-o"]
    assert run(*arguments, tmp_path / "first.png").exit_code == 0
    assert_fails(run(*arguments, tmp_path / "second.png"), "gray-precolor.png", "--force")
    assert run(*arguments, tmp_path / "second.png", "--force").exit_code == 0


def test_names_that_are_not_text(gray: Path, reference: Path, tmp_path: Path) -> None:
    """Old archives have names in Latin-1; the terminal speaks UTF-8 and is strict about it."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    Path(odd).write_bytes(gray.read_bytes())
    command = [
        sys.executable,
        "-m",
        "excolor",
        "colorize",
        odd,
        str(gray),
        "--ref",
        str(reference),
        "--working-size",
        "64",
    ]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    assert any(line.endswith(b"caf\xe9-color.jpg") for line in done.stdout.splitlines())
    assert gray.with_name("gray-color.jpg").is_file()


# --- stylize and pre-colorize ---


def test_pre_colorize(gray: Path) -> None:
    result = run("pre-colorize", gray, "--working-size", 96)
    assert result.exit_code == 0
    assert result.stdout == f"{gray.with_name('gray-precolor.jpg')}\n"
    assert look(gray.with_name("gray-precolor.jpg")).mode == "RGB"


def test_pre_colorize_scales_chroma(gray: Path, tmp_path: Path) -> None:
    """A factor of 1 changes nothing, and only others are recorded."""
    found, content = {}, {}
    for vivid in ((), ("--vivid", "1.0"), ("--vivid", 0), ("--vivid", 0.5), ("--vivid", 1.5)):
        out = tmp_path / "out.png"
        result = run("pre-colorize", gray, *vivid, "--working-size", 96, "-o", out, "--force")
        assert result.exit_code == 0, result.stderr
        content[vivid] = out.read_bytes()
        found[vivid] = np.linalg.norm(rgb2lab(np.asarray(look(out)))[..., 1:], axis=-1).mean()
        told = read_provenance(read_photo(out).metadata)
        assert told is not None
        assert told.settings.get("vivid") == (str(float(vivid[1])) if vivid and vivid[1] != "1.0" else None)
    plain, *_ = found.values()
    assert content[()] == content["--vivid", "1.0"]
    assert found["--vivid", 0] < 0.5 < plain
    assert found["--vivid", 0.5] == pytest.approx(plain / 2, rel=0.1)
    assert found["--vivid", 1.5] > 1.3 * plain


@pytest.mark.parametrize("options", [(), ("--method", "wct"), ("--at", "skip,decoder", "--alpha", 0.5)])
def test_stylize(options: tuple[object, ...], gray: Path, reference: Path) -> None:
    result = run("stylize", gray, reference, "--working-size", 96, *options)
    assert result.exit_code == 0, result.stderr
    assert look(gray.with_name("gray-styled.jpg")).size == look(gray).size


# --- bad input ---


@pytest.mark.parametrize("command", ["colorize", "pre-colorize", "stylize"])
@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder"])
def test_bad_target(command: str, kind: str, gray: Path, reference: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    match kind:
        case "empty":
            bad.touch()
        case "text":
            bad.write_text("To whom it may concern\n" * 50)
        case "truncated":
            bad.write_bytes(gray.read_bytes()[:4000])
        case "folder":
            bad.mkdir()
    before = sorted(tmp_path.iterdir())
    extra = {"colorize": ("--ref", reference), "stylize": (reference,), "pre-colorize": ()}[command]
    assert_fails(run(command, bad, *extra), "bad.jpg", code=2 if kind == "folder" else 1)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["missing", "text"])
def test_bad_reference(kind: str, gray: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    if kind == "text":
        bad.write_text("not a picture")
    assert_fails(run("colorize", gray, "--ref", bad), "bad.jpg")
    assert not gray.with_name("gray-color.jpg").exists()


def test_a_picture_of_one_pixel(reference: Path, tmp_path: Path) -> None:
    Image.new("L", (1, 1), 90).save(tmp_path / "dot.png")
    assert run("colorize", tmp_path / "dot.png", "--ref", reference).exit_code == 0
    assert look(tmp_path / "dot-color.png").size == (1, 1)


def test_existing_output_needs_force(gray: Path, reference: Path) -> None:
    output = gray.with_name("gray-color.jpg")
    output.write_text("precious")
    assert_fails(run("colorize", gray, "--ref", reference), "gray-color.jpg", "--force")
    assert output.read_text() == "precious"
    assert run("colorize", gray, "--ref", reference, "--working-size", 64, "--force").exit_code == 0
    assert look(output).mode == "RGB"


def test_output_that_cannot_be_written(gray: Path, reference: Path, tmp_path: Path) -> None:
    assert_fails(run("colorize", gray, "--ref", reference, "-o", tmp_path / "no" / "such" / "folder.png"), "folder")
    assert_fails(run("colorize", gray, "--ref", reference, "-o", tmp_path / "out.xyz"), ".png")
    assert_fails(run("colorize", gray, "--ref", reference, "-o", gray / "sub"), "gray.jpg")


def test_inputs_are_never_replaced(gray: Path, reference: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "gray-color.jpg"
    earlier.write_bytes(gray.read_bytes())
    style = tmp_path / "style.jpg"
    style.write_bytes(reference.read_bytes())
    for arguments in (
        ("colorize", gray, "--ref", style, "-o", gray),
        ("colorize", gray, "--ref", style, "-o", style),
        ("colorize", gray, earlier, "--ref", style),  # a second run over a folder that holds the first one's results
        ("stylize", gray, style, "-o", style),
        ("pre-colorize", gray, "-o", tmp_path / "." / "gray.jpg"),
    ):
        assert_fails(run(*arguments, "--force"), "is an input")
    assert earlier.read_bytes() == gray.read_bytes()
    assert style.read_bytes() == reference.read_bytes()


def test_a_batch_goes_on_past_an_existing_output(gray: Path, reference: Path, tmp_path: Path) -> None:
    (tmp_path / "gray-color.jpg").write_text("precious")
    second = tmp_path / "second.jpg"
    second.write_bytes(gray.read_bytes())
    result = run("colorize", gray, second, "--ref", reference, "--working-size", 64)
    assert result.exit_code == 1
    assert result.stdout == f"{tmp_path / 'second-color.jpg'}\n"
    assert "gray-color.jpg exists already" in result.stderr
    assert (tmp_path / "gray-color.jpg").read_text() == "precious"


def test_folder_names(gray: Path, reference: Path, tmp_path: Path) -> None:
    common = ("colorize", gray, "--ref", reference, "--working-size", 64, "-o")
    assert run(*common, f"{tmp_path}/out.v2/").exit_code == 0
    assert (tmp_path / "out.v2" / "gray-color.jpg").is_file()
    assert run(*common, tmp_path / "out.v2", "--force").exit_code == 0
    assert_fails(run(*common, tmp_path / ("x" * 300)), "File name too long")
    assert_fails(run("colorize", gray, "--ref", reference, "--model", "x" * 300), "unknown model")


def test_a_missing_folder_of_the_input_is_not_blamed_on_the_output(reference: Path, tmp_path: Path) -> None:
    assert_fails(run("colorize", tmp_path / "nosuch" / "a.jpg", "--ref", reference), "cannot read", "nosuch")


def test_two_inputs_with_one_output_name(gray: Path, reference: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "gray.jpg").write_bytes(gray.read_bytes())
    out = tmp_path / "out"
    result = run("colorize", gray, other / "gray.jpg", "--ref", reference, "-o", out)
    assert_fails(result, str(out / "gray-color.jpg"))
    assert not out.exists()


def test_unknown_model(gray: Path, reference: Path) -> None:
    assert_fails(run("colorize", gray, "--ref", reference, "--model", "nonesuch"), "nonesuch", "lite")


def test_corrupt_checkpoint(gray: Path, reference: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for network in ("encoder", "decoder", "colorizer"):
        (model / f"{network}.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0garbage!")
    assert_fails(run("colorize", gray, "--ref", reference, "--model", model), ".safetensors")


@pytest.mark.skipif("__import__('torch').cuda.is_available()", reason="CUDA is there")
def test_cuda_asked_for_and_absent(gray: Path, reference: Path) -> None:
    assert_fails(run("colorize", gray, "--ref", reference, "--device", "cuda"), "use the device cpu (--device)")


@pytest.mark.parametrize(
    "arguments",
    [
        ("colorize",),
        ("colorize", "a.jpg"),
        ("colorize", "a.jpg", "--ref", "b.jpg", "--strength", "2.1"),
        ("colorize", "a.jpg", "--ref", "b.jpg", "--vivid", "-1"),
        ("pre-colorize", "a.jpg", "--vivid", "3.1"),
        ("colorize", "a.jpg", "--ref", "b.jpg", "--working-size", "1"),
        ("colorize", "a.jpg", "b.jpg", "--ref", "c.jpg", "-o", "one.png"),
        ("stylize", "a.jpg"),
        ("stylize", "a.jpg", "b.jpg", "--at", "encoder,elsewhere"),
        ("stylize", "a.jpg", "b.jpg", "--method", "magic"),
        ("colorize", "a.jpg", "--ref", "b.jpg", "--strength", "nan"),
        ("colorize", "a.jpg", "--ref", "b.jpg", "--seed", "99999999999999999999"),
        ("stylize", "a.jpg", "b.jpg", "--alpha", "nan"),
        ("train", "encoder", "photos", "-o", "out", "--minutes", "nan"),
        ("train", "encoder", "photos", "-o", "out"),
        ("train", "colorizer", "photos", "-o", "out", "--steps", "1"),
        ("train", "colorizer", "p", "-o", "out", "--steps", "1", "--recipe", "paper", "--encoder", "vgg19-imagenet"),
        ("train", "colorizer", "p", "-o", "out", "--steps", "1", "--recipe", "paper", "--decoder", "d.safetensors"),
        ("train", "colorizer", "p", "-o", "out", "--steps", "1", "--recipe", "paper", "--matcher", "m.safetensors"),
        ("train", "encoder", "photos", "-o", "out", "--steps", "1", "--class-tiles", "64"),
        ("nonesuch",),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    assert_fails(run(*arguments), code=2)


def test_ctrl_c_exits_130(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("excolor.evaluation.measuring.Evaluator.measure", interrupt)
    result = run("evaluate", "colorize", photos)
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr and "Traceback" not in result.output


# --- train ---


def test_train_all_networks_and_use_them(photos: Path, gray: Path, reference: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    out = tmp_path / "encoder"
    encoder, decoder = out / "encoder.safetensors", out / "decoder.safetensors"
    common = ("--steps", 1, "--device", "cpu")
    by_class = tmp_path / "classes"
    for number, photo in enumerate(sorted(photos.iterdir())):
        (by_class / str(number % 2)).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, by_class / str(number % 2))
    first = run("train", "encoder", photos, "-o", out, *common, "--validate", photos, "--classes", by_class)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == [str(encoder), str(decoder)]
    assert "reconstruction_psnr" in first.stderr and "top1" in first.stderr
    assert "images/s" in first.stderr

    again = run("train", "encoder", photos, "-o", out, *common)
    assert_fails(again, "--resume")

    over = (*common, "--encoder", encoder)
    decoded = run("train", "decoder", photos, "-o", tmp_path / "decoder", *over, "--start", decoder)
    assert decoded.exit_code == 0
    decoder = tmp_path / "decoder" / "decoder.safetensors"
    assert run("train", "matcher", photos, "-o", tmp_path / "matcher", *over, "--validate", photos).exit_code == 0
    matcher = tmp_path / "matcher" / "matcher.safetensors"
    assert load_matcher(matcher, load_encoder(encoder)).config.hidden == 96
    nets = ("--encoder", encoder, "--decoder", decoder, "--matcher", matcher)
    out = tmp_path / "colorizer"
    assert run("train", "colorizer", photos, "-o", out, *common, *nets).exit_code == 0
    going_on = ("train", "colorizer", photos, "-o", out, "--steps", 2, "--device", "cpu", "--resume", "-q")
    assert_fails(run(*going_on, *nets[:4]), "a frozen matcher", "give its --matcher")
    resumed = run(*going_on, *nets)
    assert resumed.exit_code == 0
    assert resumed.stderr == ""

    model.mkdir()
    colorizer = out / "colorizer.safetensors"
    for path in (encoder, decoder, matcher, colorizer):
        shutil.copy(path, model)
    used = run("colorize", gray, "--ref", reference, "--model", model, "--working-size", 64)
    assert used.exit_code == 0, used.stderr

    further = ("-o", tmp_path / "further", "--steps", 1, "--device", "cpu", "-q", "--start", colorizer)
    assert run("train", "colorizer", photos, *nets, *further, "--precision", "bfloat16").exit_code == 0
    assert colorizer.read_bytes() != (tmp_path / "further" / "colorizer.safetensors").read_bytes()


def test_training_replaces_no_checkpoints_of_others(photos: Path, tmp_path: Path) -> None:
    """Such as those of a model folder, of which one says what the run begins with."""
    files, model = find_model("lite"), tmp_path / "model"
    model.mkdir()
    for role in ("encoder", "decoder"):
        shutil.copy(files.path(role), model / f"{role}.safetensors")
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    nets = ("--encoder", model / "encoder.safetensors", "--start", model / "decoder.safetensors")
    for network, options, named in (("encoder", (), "encoder.safetensors and decoder"), ("decoder", nets, "decoder")):
        result = run("train", network, photos, "-o", model, "--steps", 1, "--device", "cpu", *options)
        assert_fails(result, f"model holds {named}.safetensors already", "choose another --output")
        assert {path.name: path.read_bytes() for path in model.iterdir()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody can write to, root included")
def test_a_folder_that_cannot_be_written_to_is_found_out_before_photographs_are_read(tmp_path: Path) -> None:
    result = run("train", "encoder", tmp_path / "none", "-o", "/proc", "--steps", 1, "--device", "cpu")
    assert_fails(result, "/proc: cannot be written to", "--output")


def test_what_a_run_begins_with_is_read_before_photographs_are(tmp_path: Path) -> None:
    """To decode these takes minutes."""
    bad, encoder = tmp_path / "bad.safetensors", find_model("lite").path("encoder")
    bad.touch()
    common = (tmp_path / "none", "-o", tmp_path / "out", "--steps", 1, "--device", "cpu", "-q")
    assert_fails(run("train", "encoder", *common, "--teacher", bad), "bad.safetensors")
    assert_fails(run("train", "decoder", *common, "--encoder", encoder, "--start", bad), "bad.safetensors")
    assert_fails(run("train", "encoder", *common, "--validate", tmp_path / "held-out"), "held-out")


def test_train_with_what_does_not_fit(photos: Path, tmp_path: Path) -> None:
    files = find_model("lite")
    out = tmp_path / "out"
    common = (photos, "--steps", 1, "--device", "cpu", "-q")
    decoder = run("train", "decoder", *common, "--encoder", files.path("encoder"), "--recipe", "base", "-o", out)
    assert_fails(decoder, "width 64", "width 16")
    not_a_folder = tmp_path / "file"
    not_a_folder.touch()
    assert_fails(run("train", "encoder", *common, "-o", not_a_folder), "--output")
    assert_fails(run("train", "encoder", *common, "-o", out, "--resume"), "training-state.pt")
    assert_fails(run("train", "encoder", *common, "-o", out, "--teacher", photos / "0.png"), "0.png", "--teacher")


def test_networks_of_two_models_do_not_fit(photos: Path, gray: Path, reference: Path, tmp_path: Path) -> None:
    files = find_model("lite")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    save_network(Encoder(EncoderConfig(8)), mixed / "encoder.safetensors")
    shutil.copy(files.path("decoder"), mixed / "decoder.safetensors")
    shutil.copy(files.path("colorizer"), mixed / "colorizer.safetensors")
    assert_fails(run("colorize", gray, "--ref", reference, "--model", mixed), "width 16", "width 8")
    common = (photos, "-o", tmp_path / "out", "--steps", 1, "-q", "--device", "cpu")
    nets = ("--encoder", mixed / "encoder.safetensors", "--decoder", mixed / "decoder.safetensors")
    assert_fails(run("train", "colorizer", *common, *nets), "width 16", "width 8")


def test_train_without_photographs(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert_fails(run("train", "encoder", empty, "-o", tmp_path / "out", "--steps", 1, "-q"), "empty")
    assert_fails(run("train", "encoder", tmp_path / "none", "-o", tmp_path / "out", "--steps", 1, "-q"), "none")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("scans", "--ref", "color.jpg"), 2, "another one for the results.*the next time (-o)."),
        (("gray.jpg", "--ref", "color.jpg", "-fo", "color.jpg"), 1, "would be replaced; write elsewhere (-o)"),
        (("gray.jpg", "--ref", "color.jpg", "-o", "old.jpg"), 1, "replace it, or write elsewhere (--force, -o)"),
        (("color.jpg", "--ref", "color.jpg"), 1, "treat it as gray to use its lightness alone (--treat-as-gray)"),
        (
            ("gray.jpg", "--ref", "color.jpg", "--match", "statistics"),
            1,
            "such as lite (--match, --hint-share, --model)",
        ),
        (("gray.jpg", "--ref", "color.jpg", "--max-megapixels", "0.01"), 1, "scale it down first (--max-megapixels)"),
    ],
)
def test_errors_name_the_options_that_the_library_does_not_know(
    gray: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int,
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("color.jpg").write_bytes(reference.read_bytes())
    Path("scans").mkdir()
    for name in ("old.jpg", "scans/gray.jpg"):
        Path(name).write_bytes(gray.read_bytes())
    result = run("colorize", *arguments, "--working-size", 32)
    assert result.exit_code == code
    assert re.search(re.escape(sentence).replace(r"\.\*", ".*"), result.stderr.replace("\n", " ")), result.stderr
