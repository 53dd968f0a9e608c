from dataclasses import replace

import av
import numpy as np
import pytest
from clips import picture, rgb_of

from excolor.evaluation.metrics import lab
from excolor.film.clip import samples_of
from excolor.film.planes import MATRICES, PlaneFormat


def format_of(matrix: int, *, full: bool, bits: int = 8, step: tuple[int, int] = (1, 1)) -> PlaneFormat:
    return PlaneFormat(bits, step, MATRICES[matrix], full)


def shown(planes: tuple[np.ndarray, np.ndarray, np.ndarray], matrix: int, *, full: bool, bits: int = 8) -> np.ndarray:
    """What FFmpeg shows for 4:4:4 samples, (H, W, 3) uint8."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, "yuv444p" if bits == 8 else f"yuv444p{bits}le")
    for number, samples in enumerate(planes):
        samples_of(frame, number)[...] = samples
    return rgb_of(frame.reformat(format="rgb24", src_colorspace=matrix, src_color_range=2 if full else 1))


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_a_player_shows_the_ab_that_was_given(matrix: int, full: bool, bits: int) -> None:
    """Against swscale: photograph -> Y of this matrix and range, with ab of the photograph -> the photograph."""
    pixels = picture("flower", (48, 64))
    form = format_of(matrix, full=full, bits=bits)
    red, blue = form.shares
    luma = (pixels / 255 @ np.array([red, 1 - red - blue, blue])).astype(np.float32)
    top = 2**bits - 1
    black, white = (0, top) if full else (16 << bits - 8, 235 << bits - 8)
    y = (luma * (white - black) + black).round().astype(form.dtype)
    truth = lab(pixels / 255)
    u, v = form.chroma(form.luma(y), truth[..., 0], np.ascontiguousarray(truth[..., 1:]))
    found = shown((y, u, v), matrix, full=full, bits=bits)
    assert u.dtype == form.dtype and u.shape == luma.shape
    # swscale rounds to 8 bits on its way
    assert np.abs(lab(found / 255) - truth).mean() < 1.2


def test_gray_is_neutral() -> None:
    form = format_of(1, full=False, bits=10, step=(2, 2))
    luma = np.linspace(0, 1, 15 * 21, dtype=np.float32).reshape(15, 21)
    lightness = np.full((8, 8), 50, np.float32)
    u, v = form.chroma(luma, lightness, np.zeros((8, 8, 2), np.float32))
    assert u.shape == v.shape == (8, 11)
    assert np.abs(u.astype(int) - 512).max() <= 1 and np.abs(v.astype(int) - 512).max() <= 1


def test_levels() -> None:
    limited, full = format_of(6, full=False), format_of(6, full=True)
    samples = np.array([[0, 16, 235, 255]], np.uint8)
    assert limited.luma(samples).tolist() == [[0, 0, 1, 1]]
    assert full.luma(samples)[0, [0, 3]].tolist() == [0, 1]
    ten = replace(limited, bits=10)
    assert ten.luma(np.array([[64, 940]], np.uint16)).tolist() == [[0, 1]]


def test_what_cannot_be_shown_loses_chroma_and_nothing_else() -> None:
    form = format_of(1, full=True)
    luma = np.full((4, 4), 0.97, np.float32)
    ab = np.tile(np.float32([80, 60]), (4, 4, 1))
    u, v = form.chroma(luma, np.full((4, 4), 97, np.float32), ab)
    y = np.full((4, 4), 247, np.uint8)
    red, green, blue = shown((y, u, v), 1, full=True)[0, 0].astype(int)
    assert red >= 254 and red > green
    assert abs(0.2126 * red + 0.7152 * green + 0.0722 * blue - 247) < 1.5
