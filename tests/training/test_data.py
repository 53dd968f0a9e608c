"""Photographs in memory and the crops that are cut from them. Second source: numpy slices."""

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from excolor.errors import TrainingError
from excolor.training.data import Crops, PhotoStore, load_photos, load_tiles

CPU = torch.device("cpu")


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


PICTURES = [noise(0, 20, 30), noise(1, 25, 18), noise(2, 16, 16)]
STORE = PhotoStore(PICTURES, ["a", "a", "b"], CPU)


def crops(index: int, top: float, left: float, step: float = 1.0, mirrored: bool = False) -> Crops:
    return Crops(*(torch.tensor([value]) for value in (index, top, left, step, mirrored)))


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(("index", "top", "left"), [(0, 3, 7), (0, 8, 18), (1, 0, 0), (1, 13, 6), (2, 4, 4)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crop_is_the_slice(index: int, top: int, left: int, mirrored: bool) -> None:
    expected = PICTURES[index][top : top + 12, left : left + 12]
    found = STORE.cut(crops(index, float(top), float(left), mirrored=mirrored), 12)
    torch.testing.assert_close(found, as_tensor(expected[:, ::-1] if mirrored else expected))


def test_flipping_mirrors() -> None:
    plain = crops(0, 2.0, 3.0)
    torch.testing.assert_close(STORE.cut(replace(plain, mirrored=~plain.mirrored), 10), STORE.cut(plain, 10).flip(3))


def test_a_step_of_two_averages_blocks() -> None:
    expected = PICTURES[0][:20, :20].reshape(10, 2, 10, 2, 3).mean((1, 3))
    torch.testing.assert_close(STORE.cut(crops(0, 0.0, 0.0, step=2.0), 10), as_tensor(expected).float())


def test_center_crops_are_the_largest_square() -> None:
    found = STORE.cut(STORE.center_crops(torch.tensor([0]), 20), 20)
    torch.testing.assert_close(found, as_tensor(PICTURES[0][:, 5:25]))


@pytest.mark.parametrize("size", [8, 16, 40], ids=["small", "whole", "larger than the pictures"])
def test_random_crops_lie_within_their_pictures(size: int) -> None:
    index = torch.arange(3).repeat(50)
    drawn = STORE.draw_crops(index, size, Generator().manual_seed(0))
    for start, extent in ((drawn.top, STORE.heights), (drawn.left, STORE.widths)):
        assert start.min() >= 0
        assert (start + drawn.step * size <= extent[index] + 1e-4).all()
    assert drawn.step.max() <= 1.5
    assert (drawn.step >= 1).all() or size > 16  # enlarged only if they must be
    pixels = STORE.cut(drawn, size)
    assert pixels.shape == (150, 3, size, size) and pixels.min() >= 0 and pixels.max() <= 1


def test_a_crop_takes_no_pixel_of_another_picture() -> None:
    flat = [np.full((10, 14, 3), value, np.uint8) for value in (10, 20, 30)]
    store = PhotoStore(flat, ["a", "b", "c"], CPU)
    index = torch.arange(3).repeat(40)
    pixels = store.cut(store.draw_crops(index, 12, Generator().manual_seed(0)), 12)
    torch.testing.assert_close(pixels, ((index + 1) * 10 / 255).view(-1, 1, 1, 1).expand_as(pixels))


def test_related_pictures_share_the_source() -> None:
    index = torch.tensor([0, 1, 2]).repeat(50)
    related = STORE.draw_related(index, Generator().manual_seed(0)).view(50, 3)
    assert related[:, :2].unique().tolist() == [0, 1]
    assert related[:, 2].unique().tolist() == [2]


def test_the_generator_decides() -> None:
    first, second, other = (
        STORE.cut(STORE.draw_crops(torch.tensor([0, 1]), 8, Generator().manual_seed(seed)), 8) for seed in (1, 1, 2)
    )
    assert torch.equal(first, second) and not torch.equal(first, other)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sources with three color pictures between them, and what has to be left out."""
    for source, name, picture in (("a", "1.png", 0), ("a", "2.png", 1), ("b", "3.PNG", 2)):
        (tmp_path / "photos" / source).mkdir(parents=True, exist_ok=True)
        Image.fromarray(PICTURES[picture]).save(tmp_path / "photos" / source / name)
    folder = tmp_path / "photos"
    Image.fromarray(PICTURES[0][..., 0]).save(folder / "a" / "gray.png")
    Image.fromarray((noise(5, 20, 20) // 64 + 100).astype(np.uint8)).save(folder / "a" / "near-gray.png")
    (folder / "a" / "broken.jpg").write_bytes(b"no picture")
    (folder / "b" / "empty.png").touch()
    (folder / "b" / "truncated.png").write_bytes((folder / "a" / "1.png").read_bytes()[:500])
    (folder / "b" / "notes.txt").write_text("no picture either")
    return folder


def test_folders_are_searched_and_useless_files_left_out(folder: Path) -> None:
    store = load_photos([folder], CPU, shorter_side=100)
    assert store.heights.tolist() == [20, 25, 16]
    torch.testing.assert_close(store.cut(crops(1, 5.0, 2.0), 8), as_tensor(PICTURES[1][5:13, 2:10]))
    assert store.source_size.tolist() == [2, 2, 1]


def test_tar_files_give_the_same_store(folder: Path) -> None:
    with tarfile.open(folder.with_suffix(".tar"), "w") as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, file.relative_to(folder), recursive=False)
    stores = [load_photos([path], CPU, shorter_side=100) for path in (folder, folder.with_suffix(".tar"))]
    for name in ("pixels", "offsets", "heights", "widths", "source_start", "source_size"):
        assert torch.equal(*(getattr(store, name) for store in stores)), name


def test_large_pictures_are_shrunk(folder: Path) -> None:
    store = load_photos([folder], CPU, shorter_side=10)
    assert [(h, w) for h, w in zip(store.heights.tolist(), store.widths.tolist(), strict=True)] == [
        (10, 15),
        (14, 10),
        (10, 10),
    ]


def test_limit_stops_after_that_many_files(folder: Path) -> None:
    assert len(load_photos([folder], CPU, shorter_side=100, limit=1)) == 1


@pytest.mark.parametrize("kind", ["empty folder", "missing", "text"])
def test_no_pictures_is_one_clear_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photos"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("photographs")
    with pytest.raises(TrainingError, match=str(path)):
        load_photos([path], CPU, shorter_side=100)


def test_pictures_that_are_too_large_are_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("excolor.training.data.MAX_PIXELS", 50)
    with pytest.raises(TrainingError, match="no color photographs"):
        load_photos([folder], CPU, shorter_side=100)


def test_a_tar_file_cut_short_is_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("1.png", "2.png"):
            tar.add(folder / "a" / name, f"a/{name}")
    with tarfile.open(path) as tar:
        second = tar.getmembers()[1]
    path.write_bytes(path.read_bytes()[: second.offset_data + 10])
    with pytest.raises(TrainingError, match=r"photos\.tar.*cut short"):
        load_photos([path], CPU, shorter_side=64)


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Two sheets of 3 x 2 tiles of 16 pixels; a tile of the second is gray."""
    (tmp_path / "sheets").mkdir()
    for name, seed in (("cat", 0), ("dog", 1)):
        sheet = noise(seed, 32, 48)
        if name == "dog":
            sheet[16:, 16:32] = 128
        Image.fromarray(sheet).save(tmp_path / "sheets" / f"{name}.png")
    return tmp_path / "sheets"


def test_sheets_are_cut_into_tiles_row_by_row(sheets: Path) -> None:
    store = load_tiles([sheets], CPU, side=16, shorter_side=64)
    assert store.heights.tolist() == store.widths.tolist() == [16] * 11
    assert store.source.tolist() == [0] * 6 + [1] * 5
    tile = store.cut(crops(4, 0.0, 0.0), 16)
    torch.testing.assert_close(tile, as_tensor(noise(0, 32, 48)[16:, 16:32]))
    after_the_gray_one = store.cut(crops(10, 0.0, 0.0), 16)
    torch.testing.assert_close(after_the_gray_one, as_tensor(noise(1, 32, 48)[16:, 32:]))


def test_large_tiles_are_shrunk_each_for_itself(sheets: Path) -> None:
    store = load_tiles([sheets], CPU, side=16, shorter_side=8)
    assert store.heights.unique().tolist() == [8]
    expected = noise(0, 32, 48)[:16, 32:].reshape(8, 2, 8, 2, 3).mean((1, 3)).round()
    torch.testing.assert_close(store.cut(crops(2, 0.0, 0.0), 8), as_tensor(expected).float(), atol=1.01 / 255, rtol=0)


def test_a_sheet_of_other_tiles_is_named(sheets: Path) -> None:
    with pytest.raises(TrainingError, match=r"cat\.png: 48x32 pixels .* 20x20"):
        load_tiles([sheets], CPU, side=20, shorter_side=64)


def test_a_sheet_that_cannot_be_decoded_is_named(sheets: Path) -> None:
    whole = (sheets / "dog.png").read_bytes()
    with tarfile.open(sheets / "more.tar", "w") as tar:
        (sheets / "cow.png").write_bytes(whole[:500])
        tar.add(sheets / "cow.png", "cow.png")
    with pytest.raises(TrainingError, match=r"more\.tar/cow\.png: the sheet cannot be decoded"):
        load_tiles([sheets / "more.tar"], CPU, side=16, shorter_side=64)
