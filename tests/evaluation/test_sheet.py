from collections import Counter

import numpy as np

from excolor.evaluation.measuring import Measurement
from excolor.evaluation.protocols import Case
from excolor.evaluation.sheet import choose, sheet

METHODS = {"gray": {"psnr": 20.0}, "excolor": {"psnr": 21.0}}


def measurements(*protocols: str, count: int = 5) -> list[Measurement]:
    cases = [
        Case(protocol, f"{i}.jpg", "r.jpg" if protocol != "none" else None)
        for protocol in protocols
        for i in range(count)
    ]
    return [Measurement(case, 30.0, METHODS) for case in cases]


def test_each_protocol_has_its_share() -> None:
    chosen = choose(measurements("none", "mirror", "random", "halves"), 7, seed=0)
    counts = Counter(m.case.protocol for m in chosen)
    assert counts.total() == 7
    assert counts.keys() == {"mirror", "halves", "random"}  # the pre-color of `none` is on every row
    assert max(counts.values()) - min(counts.values()) == 1
    assert len({m.case for m in chosen}) == 7


def test_the_seed_chooses() -> None:
    all_of_them = measurements("mirror", count=50)
    assert choose(all_of_them, 5, 0) == choose(all_of_them, 5, 0) != choose(all_of_them, 5, 1)


def test_more_than_there_are() -> None:
    assert len(choose(measurements("mirror", "halves"), 50, 0)) == 10
    assert len(choose(measurements("none"), 3, 0)) == 3


def test_pictures_are_on_the_sheet() -> None:
    colors = {"target": 0.5, "reference": 0.2, "pre-color": 0.3, "coarse": 0.4, "result": 0.6, "truth": 0.7}
    pictures = {name: np.full((40, 60, 3), value, np.float32) for name, value in colors.items()}
    rows = list(zip(measurements("mirror", count=3), [pictures] * 3, strict=True))
    page = np.asarray(sheet(rows))
    for value in colors.values():
        area = np.all(page == round(value * 255), axis=-1).sum()
        assert area >= 3 * 40 * 60  # and the ink of a letter or two
        assert area < 3 * 40 * 60 * 1.05
    assert (page.min(-1) < 64).sum() > 200  # there is text


def test_without_references_and_of_any_size() -> None:
    wide, tall = np.zeros((30, 900, 3)), np.ones((900, 30, 3)) * 0.5
    rows = [(m, {"target": wide, "result": tall, "truth": wide}) for m in measurements("none", count=2)]
    one, two = sheet(rows[:1]), sheet(rows)
    assert one.width == two.width
    assert one.height < two.height
