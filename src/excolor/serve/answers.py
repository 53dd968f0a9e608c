"""Parts of requests and answers that several addresses share."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from excolor.errors import SettingError
from excolor.serve.uploads import displayable

_MOST_JSON = 4_000_000  # bytes
_OPTIONS = {"max_pixels": "--max-megapixels", "working_size": "--working-size", "device": "--device"}
"""What the library calls what can be set, and what the command line calls it."""


class Json(JSONResponse):
    """An answer as JSON. Names of files in it need not be text: bytes that are none become U+FFFD."""

    def render(self, content: Any) -> bytes:
        """As UTF-8."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return displayable(text).encode()


def not_found() -> Response:
    """Of an id that is not known."""
    return Json({"error": "there is no such thing any more; reload the page"}, 404)


def with_options(message: str, settings: Sequence[str]) -> str:
    """An error's sentence with the option of `excolor serve` that sets what is wrong."""
    options = [_OPTIONS[name] for name in settings if name in _OPTIONS]
    return f"{message.removesuffix('.')} (excolor serve {' '.join(options)})" if options else message


def number_in(request: Request, name: str) -> int:
    """A number in the query. Raises SettingError if it is none."""
    text = request.query_params.get(name, "")
    if not text.isdecimal() or len(text) > 9:
        raise SettingError(f"{name} is {text!r} and must be a number; reload the page")
    return int(text)


def attachment(name: str) -> dict[str, str]:
    """Headers that make a browser save an answer under a name."""
    return {"content-disposition": f"attachment; filename*=utf-8''{quote(displayable(name), safe='')}"}


async def json_of(request: Request) -> dict[str, Any]:
    """The body. Raises SettingError if it is no JSON object of moderate size."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_JSON:
            raise SettingError("these are too many choices for a page")
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"the choices are not JSON ({error}); reload the page") from error
    if not isinstance(record, dict):
        raise SettingError("the choices are not an object; reload the page")
    return record
