"""The addresses of the server: what the page asks for, and what it is answered. Nothing here computes.

Pictures, references and results are asked for by ids that the server has given out; a path is never part of an address.
Errors that a person can mend are answered with 422 and one sentence, a result that nobody waits for any more with 409.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from excolor.errors import ExcolorError, PhotoError, SettingError
from excolor.hints import TargetRecord, dump_hints
from excolor.serve.answers import Json, attachment, json_of, not_found, with_options
from excolor.serve.commands import command_for
from excolor.serve.hint_files import ForeignHintsError, is_layer, is_painted_for, read_points
from excolor.serve.pictures import Pictures
from excolor.serve.session import PictureFile, Target, choices_of
from excolor.serve.studio import Stale
from excolor.serve.targets import example_pair
from excolor.serve.uploads import displayable, new_id
from excolor.serve.workplace import Workplace
from excolor.weights import sha256_of

Handler = Callable[[Request], Awaitable[Response]]

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("app.js", "merging.js", "messages.js", "picker.js", "screen.js", "server.js", "state.js")
_FILES = {"/": "index.html", **{f"/{name}": name for name in ("style.css", "icon.svg", *_SCRIPTS)}}


class Page:
    """All addresses."""

    def __init__(self, workplace: Workplace) -> None:
        """Of a workplace."""
        self._work = workplace
        self._pictures = Pictures(workplace)

    @property
    def app(self) -> Starlette:
        """For a server; `security.Guard` belongs in front of it."""
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/api/session", self.get_session),
            ("GET", "/api/status", self.get_status),
            ("PUT", "/api/choices", self.put_choices),
            ("POST", "/api/target", self.post_target),
            ("POST", "/api/target/{id}", self.post_known_target),
            ("POST", "/api/example", self.post_example),
            ("POST", "/api/page/{page:int}", self.post_page),
            ("POST", "/api/references", self.post_reference),
            ("GET", "/api/references/{id}/{kind}", self._pictures.get_reference),
            ("GET", "/api/references/{id}", self.get_fit),
            ("GET", "/api/before", self._pictures.get_before),
            ("GET", "/api/after", self._pictures.get_after),
            ("GET", "/api/parts/{kind}", self._pictures.get_part),
            ("GET", "/api/reliance", self._pictures.get_reliance),
            ("GET", "/api/hints", self.get_hints),
            ("POST", "/api/hints", self.post_hints),
            ("PUT", "/api/hints/{id}", self.put_hints),
            ("GET", "/api/command", self.get_command),
            ("POST", "/api/results", self.post_result),
            ("GET", "/api/results/{id}", self.get_result),
        ]
        answers = [Route(path, self._explained(handler), methods=[verb]) for verb, path, handler in routes]
        return Starlette(routes=[*answers, *(Route(path, _file) for path in _FILES)])

    def _explained(self, handler: Handler) -> Handler:
        """The handler, whose errors are answered."""

        @wraps(handler)
        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except Stale:
                return Json({"revision": self._work.session.now.revision}, 409)
            except ExcolorError as error:
                message = with_options(self._work.uploads.without_folders(str(error)), error.settings)
                return Json({"error": message}, 422)
            except ClientDisconnect:
                return Response(status_code=400)

        return answered

    async def get_session(self, _: Request) -> Response:
        """All that a page needs to begin or to go on."""
        return Json(self._session())

    async def get_status(self, _: Request) -> Response:
        """What the networks are doing, empty if nothing; and the revision, which tells whether a page is up to date."""
        return Json({"doing": self._work.studio.doing, "revision": self._work.session.now.revision})

    async def put_choices(self, request: Request) -> Response:
        """Take the choices of a page."""
        record = await json_of(request)
        number, revision = record.get("number"), record.get("revision")
        if not isinstance(number, int) or not isinstance(revision, int):
            raise SettingError("the choices have no number or revision; reload the page")
        if not self._work.session.choose(choices_of(record), str(record.get("page")), number, revision):
            raise Stale
        return self._taken()

    async def put_hints(self, request: Request) -> Response:
        """Take the hints that a page has for a picture, which it may have left already."""
        choices, file = choices_of(await json_of(request)), self._work.picture(request.path_params["id"])
        if file is None:
            return not_found()
        self._work.session.keep_hints(file, choices, page=_page(request))
        return self._taken()

    def _taken(self) -> Response:
        """What is known after choices were taken: references that were removed long ago cannot come back."""
        self._work.tidy()
        now = self._work.session.now
        return Json({"revision": now.revision, "received": _named(now.received), "layers": _named(now.layers)})

    async def post_target(self, request: Request) -> Response:
        """Receive the picture to colorize, as the body; its name is in the header X-Name.

        With `?layer=1` it is taken as hints if it looks painted for the target.
        """
        return await self._received(request, self._open)

    async def _received(self, request: Request, use: Callable[[Request, PictureFile], Awaitable[Response]]) -> Response:
        """Use a picture that is sent, or take it as a layer of hints where that is asked for and fits."""
        path = await self._receive(request)
        file, target = PictureFile.of(path, is_upload=True), self._work.session.now.target
        try:
            if target is not None and request.query_params.get("layer"):
                is_painted = await self._work.decode(lambda: is_painted_for(target, path, self._work.maker.max_pixels))
                if is_painted:
                    return self._use_layer(request, target, file)
            return await use(request, file)
        except BaseException:
            self._work.uploads.discard(path)
            raise

    async def post_known_target(self, request: Request) -> Response:
        """Open a picture of the folder, or one that was opened before."""
        file = self._work.picture(request.path_params["id"])
        return not_found() if file is None else await self._open(request, file)

    async def post_example(self, request: Request) -> Response:
        """Open the example pair."""
        pair = example_pair()
        if pair is None:
            raise PhotoError("the example pictures are not installed; open pictures of your own")
        target, reference = pair
        await self._add_reference(request, reference)
        return await self._open(request, target)

    async def post_page(self, request: Request) -> Response:
        """Open another page of the target."""
        return await self._open(request, self._work.target().file, request.path_params["page"])

    async def post_reference(self, request: Request) -> Response:
        """Receive a reference, like a target."""
        return await self._received(request, self._add_reference)

    async def get_fit(self, request: Request) -> Response:
        """How well a reference fits the target."""
        file, target = self._work.reference(request.path_params["id"]), self._work.target()
        if file is None:
            return not_found()
        return Json({"fit": await self._work.compute(lambda: self._work.studio.fit(target, file))})

    async def get_hints(self, _: Request) -> Response:
        """The hints as a file."""
        target, hints = self._work.target(), self._work.session.now.choices.hints
        sha256 = await self._work.decode(lambda: sha256_of(target.file.path))
        text = dump_hints(hints, TargetRecord(target.size[1], target.size[0], sha256))
        name = f"{target.file.path.stem}.hints.json"
        return Response(text, media_type="application/json", headers=attachment(name))

    async def post_hints(self, request: Request) -> Response:
        """Read a file of hints, as the body: JSON, a table or a painted layer.

        JSON for another picture is refused without `?force=1`.
        """
        work, target = self._work, self._work.target()
        path = await self._receive(request)
        file = PictureFile.of(path, is_upload=True)
        is_kept = False
        try:
            if await work.decode(lambda: is_layer(path)):
                await work.compute(lambda: work.studio.layer(file, target))
                answer = self._use_layer(request, target, file)
                is_kept = True
                return answer
            sha256 = await work.decode(lambda: sha256_of(target.file.path))
            force = bool(request.query_params.get("force"))
            found = await work.decode(lambda: read_points(path, target, sha256, force=force))
        except ForeignHintsError as error:
            return Json({"error": str(error), "can_force": True}, 422)
        finally:
            if not is_kept:
                work.uploads.discard(path)
        self._check_is_target(target)
        work.session.set_hints(found.hints, page=_page(request))
        return Json(self._session() | {"told": found.note})

    def _use_layer(self, request: Request, target: Target, file: PictureFile) -> Response:
        """Take a painted layer as hints."""
        self._check_is_target(target)
        self._work.session.add_layer(file, page=_page(request))
        self._work.tidy()
        return Json(self._session() | {"is_layer": True})

    def _check_is_target(self, target: Target) -> None:
        """Raise Stale if the person has opened another picture meanwhile."""
        if self._work.session.now.target != target:
            raise Stale

    async def get_command(self, _: Request) -> Response:
        """The command that makes the same result."""
        self._work.target()
        work = self._work
        return Json({"command": command_for(work.session.now, work.settings, work.options)})

    async def post_result(self, _: Request) -> Response:
        """Make the result of full size; the answer says where to get it."""
        self._work.target()
        work, snapshot = self._work, self._work.session.now
        folder = work.uploads.new_folder()

        colorizer = await work.compute(lambda: work.studio.colorizer)
        references = await work.compute(lambda: work.studio.references(snapshot))

        def make() -> tuple[Path, tuple[str, ...]]:
            with work.studio.busy("Writing the result"):
                return work.maker.make(snapshot, references.choice, colorizer, folder)

        path, notes = await work.make(make)
        for old in work.results.values():  # one at a time: they may be large
            work.uploads.discard(old)
        result = new_id()
        work.results = {result: path}
        told = [work.as_shown(note) for note in notes]
        return Json({"id": result, "name": path.name, "notes": told})

    async def get_result(self, request: Request) -> Response:
        """A result."""
        path = self._work.results.get(request.path_params["id"])
        return not_found() if path is None else FileResponse(path, filename=displayable(path.name))

    def _session(self) -> dict[str, Any]:
        now, work = self._work.session.now, self._work
        target, choices = now.target, now.choices
        shown = None
        if target is not None:
            shown = {
                **{"id": target.file.id, "name": target.file.name, "page": target.page, "pages": target.pages},
                **{"width": target.size[1], "height": target.size[0], "notes": target.notes},
            }
        return {
            "revision": now.revision,
            "target": shown,
            "received": _named(now.received),
            "layers": _named(now.layers),
            "references": choices.references,
            "used": sorted(choices.used),
            "hints": [vars(hint) for hint in choices.hints],
            "layer": choices.layer,
            "strength": choices.strength,
            "vivid": choices.vivid,
            "hint_reach": choices.hint_reach,
            "max_bytes": work.uploads.max_bytes,
            "notes": [work.as_shown(note) for note in work.notes],
            "pictures": [
                {"id": file.id, "name": file.name, "hints": work.session.hints_of(file).number}
                for file in work.pictures_known
            ],
        }

    async def _open(self, request: Request, file: PictureFile, page: int = 1) -> Response:
        """Make a picture the target."""
        target, best = await self._work.compute(lambda: self._work.look(file, page))
        self._work.session.open_target(target, best, page=_page(request))
        self._work.keep(file)
        return Json(self._session())

    async def _add_reference(self, request: Request, file: PictureFile) -> Response:
        """Add a reference that can be read."""
        await self._work.compute(lambda: self._work.studio.encode(file))
        self._work.session.add_reference(file, page=_page(request))
        return Json(self._session())

    async def _receive(self, request: Request) -> Path:
        return await self._work.uploads.receive(unquote(request.headers.get("x-name", "")), request.stream())


def _page(request: Request) -> str:
    """Which page of a browser asks: some random text of its own."""
    return request.headers.get("x-page", "")


def _named(files: Iterable[PictureFile]) -> list[dict[str, str]]:
    """Files by their ids and names."""
    return [{"id": file.id, "name": file.name} for file in files]


async def _file(request: Request) -> Response:
    """One of our own files."""
    return FileResponse(_STATIC / _FILES[request.url.path])
