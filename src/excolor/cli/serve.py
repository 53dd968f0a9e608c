"""`excolor serve`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from excolor.cli.commands import INPUT, REFERENCES, RUN, Command, option
from excolor.cli.options import ModelChoice, model_options, working_size_option
from excolor.cli.parameter_types import PHOTO, FiniteRange
from excolor.settings import COLORIZE_SIZE, ColorizeSettings

if TYPE_CHECKING:
    from excolor.serve.uploads import Uploads
    from excolor.serve.workplace import Workplace

_PORT = 8150


@click.command(cls=Command)
@click.argument("picture", type=PHOTO, required=False, metavar="[PICTURE|FOLDER]")
@option(
    "--ref",
    "references",
    type=PHOTO,
    multiple=True,
    metavar="FILE|FOLDER",
    group=REFERENCES,
    help="Take colors from this picture, or from those in this folder; more can be added on the page.",
)
@option(
    "--max-megapixels",
    type=FiniteRange(0, 1e6, min_open=True),
    metavar="M",
    group=INPUT,
    help="Refuse larger pictures.  [default: 500]",
)
@option(
    "--max-upload",
    type=FiniteRange(0, 1e6, min_open=True),
    metavar="MB",
    default=2000,
    show_default=True,
    group=INPUT,
    help="Refuse larger files that the browser sends.",
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=_PORT,
    show_default=True,
    group=RUN,
    help="Listen at this port, or the next free one; 0 is any.",
)
@option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    group=RUN,
    help="Listen at this address. With any but the default, other machines that have the token can connect.",
)
@option("--no-browser", is_flag=True, group=RUN, help="Print the address and open no browser.")
@working_size_option(COLORIZE_SIZE)
@model_options
def serve(
    picture: Path | None,
    references: tuple[Path, ...],
    max_megapixels: float | None,
    max_upload: float,
    port: int,
    host: str,
    no_browser: bool,
    working_size: int,
    model: ModelChoice,
    device: str,
) -> None:
    """Colorize in the browser, and place hints there.

    Everything stays on this machine. The page can be used only with the token in the address that is printed. Ctrl-C
    ends the server.

    \b
    Example:
        excolor serve
        excolor serve 1912.jpg --ref garden.jpg
    """
    from excolor.serve.package import check_server

    check_server()

    from excolor.serve.app import Page
    from excolor.serve.security import Access
    from excolor.serve.server import LOOPBACK, Server, bind
    from excolor.serve.uploads import Uploads

    settings = ColorizeSettings(working_size)
    with Uploads(int(max_upload * 1e6)) as uploads:
        workplace = _workplace(uploads, settings, model, device, max_megapixels)
        try:
            for note in workplace.prepare(picture, references):
                click.echo(note, err=True)
            address = bind(host, port)
            access = Access(address.names, address.port)
            if port not in (0, address.port):
                click.echo(f"Port {port} is taken; this is port {address.port}.", err=True)
            if host not in LOOPBACK:
                click.echo(
                    f"Warning: {host} can be reached from other machines, and what is sent is not encrypted. "
                    "Whoever has the token can see and change what you work on.",
                    err=True,
                )

            def tell() -> None:
                click.echo(address.url(access.token))
                click.echo("Ctrl-C ends the server.", err=True)
                if not no_browser:
                    click.launch(address.url(access.once))

            Server(Page(workplace).app, address, access, tell).answer()
        finally:
            workplace.close()


def _workplace(
    uploads: "Uploads", settings: ColorizeSettings, model: ModelChoice, device: str, max_megapixels: float | None
) -> "Workplace":
    from excolor.method.colorizer import Colorizer
    from excolor.photo import MAX_PIXELS
    from excolor.serve.results import Maker, Models
    from excolor.serve.studio import Studio
    from excolor.serve.workplace import Workplace

    max_pixels = MAX_PIXELS if max_megapixels is None else int(max_megapixels * 1e6)
    files = Models(model.find("colorize", quiet=False), model.find("pre-colorize", quiet=False))
    studio = Studio(
        lambda: Colorizer.load(files.colorize, device=device, precision=model.precision),
        settings.working_size,
        max_pixels,
    )
    options = [] if model.name is None else ["--model", model.name]
    options += [] if model.weights is None else ["--weights", str(model.weights)]
    options += [] if device == "auto" else ["--device", device]
    options += [] if model.precision == "auto" else ["--precision", model.precision]
    options += [] if max_megapixels is None else ["--max-megapixels", str(max_megapixels).removesuffix(".0")]
    return Workplace(studio, Maker(files, settings.working_size, max_pixels), uploads, settings, tuple(options))
