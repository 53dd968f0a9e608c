"""Regions: each color of a picture of labels is one, whatever kind of picture it is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from excolor.errors import PhotoError
from excolor.imaging.strips import strips
from excolor.method.regions import as_regions
from excolor.photo import Photo, read_photo

CPU = torch.device("cpu")
QUARTERS = np.array([[0, 1], [2, 3]], np.uint8).repeat(20, 0).repeat(30, 1)  # (40, 60)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_labels_are_the_values_as_given(dtype: type) -> None:
    regions = as_regions((QUARTERS * 50).astype(dtype))
    assert regions.labels == ((0, 0, 0), (50, 50, 50), (100, 100, 100), (150, 150, 150))
    assert regions.texts == ("0", "50", "100", "150")
    np.testing.assert_array_equal(regions.numbers, QUARTERS)


def test_palettes_count_by_their_colors(tmp_path: Path) -> None:
    image = Image.fromarray(QUARTERS, "L").convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 255, 0, 9, 9, 9])  # the second and the third are one
    image.save(tmp_path / "mask.png")
    regions = as_regions(tmp_path / "mask.png")
    assert regions.texts == ("#00ff00", "9", "#ff0000")
    np.testing.assert_array_equal(regions.numbers == regions.texts.index("#00ff00"), np.isin(QUARTERS, (1, 2)))


def test_large_labels_are_looked_at_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = as_regions(QUARTERS)
    monkeypatch.setattr("excolor.imaging.strips._STRIP", 130)
    assert len(list(strips(QUARTERS.shape))) > 10
    pieces = as_regions(QUARTERS)
    assert pieces.labels == whole.labels
    np.testing.assert_array_equal(pieces.numbers, whole.numbers)


def test_orientation_is_that_of_photographs(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turn clockwise
    Image.fromarray(QUARTERS).save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(as_regions(tmp_path / "mask.png").numbers, np.rot90(QUARTERS, -1))


@pytest.mark.parametrize("size", [(40, 60), (13, 19), (77, 120), (1, 1)])
def test_shares_sum_to_one_at_any_size(size: tuple[int, int]) -> None:
    shares = as_regions(QUARTERS).shares(size, CPU)
    assert shares.shape[1] == 4 and shares.min() >= 0
    torch.testing.assert_close(shares.sum(1), torch.ones_like(shares[:, 0]))
    torch.testing.assert_close(
        shares[..., : size[0], : size[1]].mean((2, 3)), torch.full((1, 4), 0.25), atol=0.03, rtol=0
    )


def test_shares_are_area_averages() -> None:
    shares = as_regions(QUARTERS).shares((20, 15), CPU)  # two by four pixels become one: the border at 30 is inside one
    torch.testing.assert_close(shares[0, :2, 0, 7], torch.tensor([0.5, 0.5]))
    assert shares[0, 0, 0, 6] == 1


@pytest.mark.parametrize(
    ("size", "fits"),
    [((40, 60), True), ((400, 600), True), ((27, 40), True), ((26, 40), True), ((600, 400), False), ((50, 60), False)],
)
def test_the_aspect_ratio_must_be_the_photographs(size: tuple[int, int], fits: bool) -> None:
    photo = Photo(np.zeros((1000, 1500), np.uint8))
    regions = as_regions(np.zeros(size, np.uint8))
    if fits:
        regions.check_fits(photo)
    else:
        with pytest.raises(PhotoError, match="aspect"):
            regions.check_fits(photo)


def test_labels_by_chance_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for bad in (rng.random((20, 20)), rng.integers(0, 99, (50, 50))):
        with pytest.raises(PhotoError, match="more than 64"):
            as_regions(bad)
    Image.fromarray(QUARTERS).save(tmp_path / "mask.jpg")
    with pytest.raises(PhotoError, match="is a JPEG"):
        as_regions(tmp_path / "mask.jpg")
    with pytest.raises(PhotoError, match="number them"):
        as_regions(QUARTERS.astype(int) - 1)
    assert len(as_regions(np.arange(64, dtype=np.uint8)[None]).labels) == 64


@pytest.mark.parametrize(
    "labels", [QUARTERS / np.float32(4), QUARTERS.astype(np.float32), QUARTERS.astype(np.int32) - 1]
)
def test_files_whose_labels_would_be_stretched_are_refused(labels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(labels).save(path)
    for source in (path, read_photo(path), Image.fromarray(labels)):
        with pytest.raises(PhotoError, match="has levels that are not whole numbers"):
            as_regions(source)


def test_whole_numbers_of_32_bits_are_labels(tmp_path: Path) -> None:
    Image.fromarray(QUARTERS.astype(np.int32)).save(tmp_path / "mask.tif")
    assert as_regions(tmp_path / "mask.tif").texts == ("0", "1", "2", "3")


def test_arrays_of_floats_are_pictures() -> None:
    np.testing.assert_array_equal(as_regions(QUARTERS / np.float32(4)).numbers, QUARTERS)
    np.testing.assert_array_equal(as_regions(Photo(QUARTERS / np.float32(4))).numbers, QUARTERS)
