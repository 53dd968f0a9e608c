"""What the page shows: references, and the target before and after, whole or in part."""

import json

from starlette.requests import Request
from starlette.responses import Response

from excolor.errors import SettingError
from excolor.photo import Photo
from excolor.serve.answers import not_found, number_in
from excolor.serve.previews import (
    LARGEST_PART,
    THUMBNAIL,
    Box,
    as_jpeg,
    as_png,
    grayed,
    preview_of_file,
    share_as_png,
    shrunk,
)
from excolor.serve.session import Snapshot
from excolor.serve.workplace import Workplace

_REFERENCE = 1280  # pixels of the longer side of a reference from which colors are taken


class Pictures:
    """The addresses of pictures."""

    def __init__(self, workplace: Workplace) -> None:
        """Of a workplace."""
        self._work = workplace

    async def get_reference(self, request: Request) -> Response:
        """A reference as a PNG, as `thumbnail` or `large`."""
        file, kind = self._work.reference(request.path_params["id"]), request.path_params["kind"]
        sizes = {"thumbnail": THUMBNAIL, "large": _REFERENCE}
        if file is None or kind not in sizes:
            return not_found()
        key, work = (file.id, sizes[kind]), self._work
        if key not in work.previews:
            max_pixels = work.maker.max_pixels
            work.previews[key] = await work.decode(
                lambda: as_png(preview_of_file(file.path, sizes[kind], max_pixels, file.name))
            )
        return Response(work.previews[key], media_type="image/png")

    async def get_before(self, request: Request) -> Response:
        """The target without colors, at most `longest` pixels large."""
        target, longest = self._work.target(), number_in(request, "longest")
        studio = self._work.studio
        data = await self._work.compute(lambda: as_jpeg(grayed(studio.small(target, longest))))
        return Response(data, media_type="image/jpeg")

    async def get_after(self, request: Request) -> Response:
        """The target in color, at the `revision` that is asked for; notes are in a header, as JSON."""
        snapshot, studio = self._work.snapshot(number_in(request, "revision")), self._work.studio
        target, longest = self._work.target(), number_in(request, "longest")

        def make() -> tuple[bytes, tuple[str, ...]]:
            colors = studio.colors(snapshot, self._work.is_stale(snapshot))
            return as_jpeg(colors.on(studio.small(target, longest))), colors.notes

        data, notes = await self._work.compute(make)
        told = [{"hint": _hint_of(note, snapshot), "text": self._work.as_shown(note)} for note in notes]
        return Response(data, media_type="image/jpeg", headers={"x-notes": json.dumps(told)})

    async def get_part(self, request: Request) -> Response:
        """A part of the full-size target, `before` or `after`: from `left`, `top` up to `right`, `bottom`."""
        kind, work, snapshot = (
            request.path_params["kind"],
            self._work,
            self._work.snapshot(number_in(request, "revision")),
        )
        target, longest = self._work.target(), number_in(request, "longest")
        left, top, right, bottom = (number_in(request, name) for name in ("left", "top", "right", "bottom"))
        box = Box(left, top, right, bottom).within(target.size)
        if kind not in ("before", "after"):
            return not_found()
        if box.area > LARGEST_PART:
            raise SettingError("this part of the picture is too large to be shown at once; zoom in")
        if kind == "before":
            photo = await work.compute(lambda: work.studio.open(target.file, target.page).photo)
            data = await work.decode(lambda: as_jpeg(grayed(shrunk(Photo(box.of(photo.pixels)), longest))))
        else:
            colors = await work.compute(lambda: work.studio.colors(snapshot, self._work.is_stale(snapshot)))
            data = await work.decode(lambda: as_jpeg(shrunk(colors.part(box), longest)))
        return Response(data, media_type="image/jpeg")

    async def get_reliance(self, request: Request) -> Response:
        """How far the references are followed, as a gray PNG of the size that the networks see."""
        snapshot, studio = self._work.snapshot(number_in(request, "revision")), self._work.studio
        self._work.target()
        colors = await self._work.compute(lambda: studio.colors(snapshot, self._work.is_stale(snapshot)))
        if colors.reliance is None:
            return not_found()
        return Response(share_as_png(colors.reliance), media_type="image/png")


def _hint_of(note: str, snapshot: Snapshot) -> int | None:
    """Which hint a note is about; None if it is about something else."""
    hints = snapshot.choices.hints
    return next((index for index, hint in enumerate(hints) if f" hint {hint.text} " in note), None)
