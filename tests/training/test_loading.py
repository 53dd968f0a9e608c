"""Photographs from files into a store for training. Second source: what inference reads of the same files."""

import struct
import tarfile
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from excolor.errors import PhotoError, TrainingError
from excolor.photo import as_photo, read_photo, write_photo
from excolor.training.loading import load_photos, load_tiles
from excolor.training.photo_store import Crops

CPU = torch.device("cpu")


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


PICTURES = [noise(0, 20, 30), noise(1, 25, 18), noise(2, 16, 16)]


def crops(index: int, top: float, left: float) -> Crops:
    return Crops(*(torch.tensor([value]) for value in (index, top, left, 1.0, False)))


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


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


@pytest.mark.parametrize("kind", ["missing", "text"])
def test_what_is_no_collection_is_one_clear_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photos"
    if kind == "text":
        path.write_text("photographs")
    with pytest.raises(PhotoError, match=f"{path}: neither a folder nor a tar file"):
        load_photos([path], CPU, shorter_side=100)


def test_an_empty_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=f"no color photographs in {tmp_path}"):
        load_photos([tmp_path], CPU, shorter_side=100)


def test_pictures_that_are_too_large_are_left_out(folder: Path) -> None:
    bomb = bytearray((folder / "a" / "1.png").read_bytes())
    bomb[16:24] = struct.pack(">II", 40_000, 40_000)  # the size that its header claims, and the checksum of that
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    (folder / "a" / "bomb.png").write_bytes(bomb)
    with pytest.raises(PhotoError, match=r"1600\.0 megapixels"):
        read_photo(folder / "a" / "bomb.png")
    assert len(load_photos([folder], CPU, shorter_side=100)) == 3


def test_training_reads_the_pixels_that_inference_reads(tmp_path: Path) -> None:
    """Turned by EXIF, of another color space, CMYK, 16 bits, and a palette."""
    colors = Image.fromarray(PICTURES[0])
    turned = Image.Exif()
    turned[0x0112] = 6
    adobe = imagecodecs.cms_profile("adobergb")
    deep = np.random.default_rng(3).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    clear = Image.fromarray(np.dstack([PICTURES[0], PICTURES[0][..., :1]]))
    folder = tmp_path / "photos"
    folder.mkdir()
    colors.save(folder / "0-turned.jpg", exif=turned, quality=98)
    colors.save(folder / "1-adobe.jpg", icc_profile=adobe, quality=98)
    colors.save(folder / "2-turned-adobe.tif", exif=turned, icc_profile=adobe)
    colors.convert("CMYK").save(folder / "3-cmyk.jpg", quality=98)
    write_photo(as_photo(deep), folder / "4-deep.png")
    write_photo(as_photo(deep), folder / "5-deep.tif")
    colors.quantize(32).save(folder / "6-palette.png")
    colors.quantize(32).save(folder / "7-palette.gif")
    clear.save(folder / "8-clear.webp", lossless=True, exact=True)
    files = sorted(folder.iterdir())
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(folder, ".")
    assert read_photo(files[0]).size == (30, 20)
    for place in (folder, tmp_path / "photos.tar"):
        store = load_photos([place], CPU, shorter_side=100)
        assert len(store) == len(files)
        expected = np.concatenate([read_photo(file).to_rgb().reshape(-1, 3) for file in files])
        np.testing.assert_array_equal(store.pixels.numpy(), expected)


def test_large_jpegs_are_read_at_a_fraction_of_their_size(tmp_path: Path) -> None:
    """Of the whole decoded picture, shrunk, they differ by what JPEG's own way of shrinking does."""
    y, x = np.mgrid[0:160, 0:240]
    smooth = np.stack([x, y, 240 - x / 2 - y / 2], axis=2).astype(np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("a.jpg", "b.png"):
        Image.fromarray(smooth).save(tmp_path / name, exif=turned, **({"quality": 95} if name == "a.jpg" else {}))
    assert read_photo(tmp_path / "a.jpg", draft=30).size == (60, 40)
    assert read_photo(tmp_path / "b.png", draft=30).size == (240, 160)
    store = load_photos([tmp_path], CPU, shorter_side=30)
    assert store.heights.tolist() == [45, 45] and store.widths.tolist() == [30, 30]
    jpeg, png = store.pixels.view(2, 45, 30, 3).float()
    torch.testing.assert_close(jpeg, png, atol=6, rtol=0)


def test_a_tar_file_cut_short_is_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("1.png", "2.png"):
            tar.add(folder / "a" / name, f"a/{name}")
    with tarfile.open(path) as tar:
        second = tar.getmembers()[1]
    path.write_bytes(path.read_bytes()[: second.offset_data + 10])
    with pytest.raises(PhotoError, match=r"photos\.tar.*cut short"):
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
