"""The plot is a picture that shows every method."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from excolor.bench.plot import plot
from excolor.bench.published import PAPER
from excolor.bench.results import Results


def test_png(results: Results) -> None:
    with Image.open(io.BytesIO(plot(results, "png"))) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) >= 800
    colors = {tuple(color) for color in pixels.reshape(-1, 3)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0, 0x9E, 0x73)} <= colors  # a line for each method
    assert (0x80, 0x80, 0x80) in colors  # and those of the paper


def test_svg(results: Results) -> None:
    root = ElementTree.fromstring(plot(results, "svg"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_paper_stands_alone_where_nothing_fitted(results: Results) -> None:
    starved = replace(results, cells=tuple(replace(cell, measurement=None) for cell in results.cells))
    assert len(PAPER) == 6
    assert plot(starved, "svg").count(b"<path") < plot(results, "svg").count(b"<path")
