"""Settings: defaults that work, and one sentence for what does not."""

import pytest

from excolor.errors import SettingError
from excolor.settings import SMALLEST_SIZE, ColorizeSettings, Matching, StylizeSettings


def test_the_defaults_are_in_range() -> None:
    assert ColorizeSettings().working_size < StylizeSettings().working_size
    assert ColorizeSettings(working_size=SMALLEST_SIZE).strength == 1


@pytest.mark.parametrize(
    ("kind", "bad", "sentence"),
    [
        (ColorizeSettings, {"working_size": 15}, "working_size is 15 and must be at least 16 pixels"),
        (ColorizeSettings, {"strength": 2.5}, "strength is 2.5 and must lie in [0, 2]"),
        (ColorizeSettings, {"vivid": -1.0}, "vivid is -1.0 and must lie in [0, 3]"),
        (ColorizeSettings, {"strength": float("nan")}, "strength is nan"),
        (ColorizeSettings, {"match": "texture"}, "match is 'texture' and must be one of statistics, semantic, both"),
        (ColorizeSettings, {"hint_share": 0.0}, "hint_share is 0.0 and must lie in (0, 1]"),
        (StylizeSettings, {"working_size": 15}, "working_size is 15 and must be at least 16 pixels"),
        (StylizeSettings, {"alpha": 2}, "alpha is 2 and must lie in [0, 1]"),
        (StylizeSettings, {"keep": "grain"}, "keep is 'grain' and must be one of nothing, luminance, color"),
        (Matching, {"method": "gram"}, "unknown method 'gram': choose from adain, wct"),
        (Matching, {"parts": ("encoder", "pooling")}, "unknown part 'pooling': choose from encoder, skip, decoder"),
        (Matching, {"alpha": -0.1}, "alpha is -0.1 and must lie in [0, 1]"),
    ],
)
def test_what_is_no_choice_is_refused_in_one_sentence(kind: type, bad: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        kind(**bad)
    assert str(caught.value).startswith(sentence)
