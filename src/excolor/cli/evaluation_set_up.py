"""What `excolor evaluate colorize` measures with, by any of its protocols: pictures, model, and a record of both."""

from typing import TYPE_CHECKING, Any, NamedTuple

from excolor.cli.evaluations import Evaluation

if TYPE_CHECKING:
    from excolor.evaluation.film import Film
    from excolor.evaluation.photo_set import PhotoSet
    from excolor.evaluation.protocols import Case, Plan
    from excolor.method.colorizer import Colorizer
    from excolor.networks.models import ModelFiles
    from excolor.settings import ColorizeSettings, Match


class SetUp(NamedTuple):
    """What is measured, with what; `run` records all that the numbers depend on."""

    pictures: "PhotoSet"
    cases: "list[Case]"
    colorizer: "Colorizer"
    settings: "ColorizeSettings"
    run: dict[str, Any]


def set_up(
    options: Evaluation, plan: "Plan", model: "ModelFiles", film: "Film", match: "Match", *, auto_levels: bool
) -> SetUp:
    """Open the pictures and load the model. Errors as of `Evaluation.cases` and `Colorizer.load`."""
    from excolor import Colorizer, ColorizeSettings
    from excolor.evaluation.record import describe_run
    from excolor.evaluation.relatives import with_relatives

    pictures, cases = options.cases(plan)
    cases = with_relatives(cases, pictures.names, pictures.read)
    colorizer = Colorizer.load(model, device=options.device, precision=options.model.precision)
    settings = ColorizeSettings(options.working_size or options.side, match=match, auto_levels=auto_levels)
    run = describe_run(colorizer, model, pictures, plan, cases, settings) | {"film": film}
    return SetUp(pictures, cases, colorizer, settings, run)
