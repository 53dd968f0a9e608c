import json
import math

from excolor.evaluation.record import as_json


def test_numbers_that_json_has_not_are_null() -> None:
    """RFC 8259 has neither infinity nor NaN, which Python writes all the same."""

    def refuse(name: str) -> float:
        raise AssertionError(name)

    found = {"results": {"a": {"psnr": math.inf, "ssim": 1.0}, "b": [{"psnr": -math.inf}, (math.nan, 2)]}}
    data = json.loads(as_json({"side": None}, ["c.jpg: damaged"], found), parse_constant=refuse)
    assert data["results"] == {"a": {"psnr": None, "ssim": 1.0}, "b": [{"psnr": None}, [None, 2]]}
    assert data["failures"] == ["c.jpg: damaged"] and data["side"] is None
