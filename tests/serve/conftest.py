"""A server in a thread, with a small working size, and requests to it as any program can make them."""

import base64
import http.client
import importlib.util
import io
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from excolor import Colorizer
from excolor.networks.models import find_model
from excolor.photo import MAX_PIXELS
from excolor.serve.app import Page
from excolor.serve.results import Maker, Models
from excolor.serve.security import Access
from excolor.serve.server import Server, bind
from excolor.serve.studio import Studio
from excolor.serve.uploads import Uploads
from excolor.serve.workplace import Workplace
from excolor.settings import ColorizeSettings

WORKING_SIZE = 96


@dataclass
class Running:
    """A server that answers, and what it works with."""

    url: str
    port: int
    access: Access
    workplace: Workplace
    stop: Callable[[], None]
    """Ends it, as Ctrl-C does."""
    notes: tuple[str, ...] = ()

    @property
    def session(self) -> Any:
        return json.loads(self.ask("GET", "/api/session")[1])

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        cookie: str | None = "",
        origin: str | None = "",
        host: str = "",
        name: str = "",
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of an answer; by default the request is like one of our page."""
        headers = {"Host": host or f"127.0.0.1:{self.port}"}
        if cookie is not None:
            headers["Cookie"] = cookie or f"{self.access.cookie}={self.access.token}"
        if origin is not None:
            headers["Origin"] = origin or f"http://127.0.0.1:{self.port}"
        if name:
            headers["X-Name"] = name
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()

    def choose(self, number: int, **choices: Any) -> int:
        """Send choices, as the page does; returns the status."""
        session = self.session
        names = ("hints", "layer", "references", "used", "strength", "vivid", "hint_reach", "revision")
        now = {name: session[name] for name in names}
        body = json.dumps({**now, "page": "test", "number": number, **choices}).encode()
        return self.ask("PUT", "/api/choices", body)[0]

    def download(self) -> bytes:
        """The result of full size."""
        status, body, _ = self.ask("POST", "/api/results", b"")
        assert status == 200, body
        status, data, _ = self.ask("GET", f"/api/results/{json.loads(body)['id']}")
        assert status == 200
        return data


@pytest.fixture(scope="session")
def shipped() -> Colorizer:
    """The default model."""
    return Colorizer.load(device="cpu")


@contextmanager
def serving(
    colorizer: Colorizer,
    *,
    folder: Path | None = None,
    references: Sequence[Path] = (),
    max_bytes: int = 10**9,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Running]:
    models = Models(find_model(None, "colorize"), find_model(None, "pre-colorize"))
    settings = ColorizeSettings(WORKING_SIZE)
    studio = Studio(lambda: colorizer, WORKING_SIZE, max_pixels)
    with Uploads(max_bytes) as uploads:
        workplace = Workplace(studio, Maker(models, WORKING_SIZE, max_pixels), uploads, settings)
        notes = workplace.prepare(folder, references)
        address = bind("127.0.0.1", 0)
        access = Access(address.names, address.port)
        is_ready = threading.Event()
        server = Server(Page(workplace).app, address, access, is_ready.set)
        thread = threading.Thread(target=server.answer)
        thread.start()

        def stop() -> None:
            server.stop()
            thread.join(30)

        try:
            assert is_ready.wait(30)
            yield Running(address.url(access.token), address.port, access, workplace, stop, notes)
        finally:
            stop()
            workplace.close()


@pytest.fixture
def serving_with(shipped: Colorizer) -> Callable[..., AbstractContextManager[Running]]:
    """Starts a server with a folder or with limits, in a context."""
    return partial(serving, shipped)


@pytest.fixture
def running(shipped: Colorizer) -> Iterator[Running]:
    """A server without pictures."""
    with serving(shipped) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium, or of what EXCOLOR_CHROMIUM names. EXCOLOR_BROWSER=required allows no skipping."""
    path = os.environ.get("EXCOLOR_CHROMIUM") or shutil.which("chromium")
    lacks = None if path else "chromium is not installed: apt-get install chromium"
    if importlib.util.find_spec("playwright") is None:
        lacks = "playwright is not installed: pip install playwright"
    if lacks and os.environ.get("EXCOLOR_BROWSER") == "required":
        pytest.fail(lacks)
    if lacks or path is None:
        pytest.skip(lacks)
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """Chromium, which can reach nothing but this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        # Its sandbox needs rights that root in a container has not; it shows nothing but our page
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", rules])
        yield browser
        browser.close()


class Tab:
    """A page in the browser, and what a person does with it."""

    def __init__(self, page: Any, server: Running) -> None:
        self.page = page
        self.server = server
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.is_server_gone = False  # then requests may fail, which the page makes at times of its own
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))

    def _hear(self, message: Any) -> None:
        """The browser logs all answers of 400 and more; 409 only says that a result is not waited for any more."""
        is_expected = "status of 409" in message.text or (self.is_server_gone and "ERR_CONNECTION" in message.text)
        if message.type == "error" and not is_expected:
            self.complaints.append(message.text)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of the server, for two minutes: a busy machine is slow."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if condition():
                return
            self.page.wait_for_timeout(10)
        raise AssertionError("it did not become true")

    def settle(self) -> None:
        """Wait until the page shows what the server knows."""
        self.frames()  # what was done is heeded: the page is busy at once, and asks later
        self.page.wait_for_selector("#stage[data-state=ready]", timeout=60_000)
        if self.server.session["target"]:
            revision = self.server.session["revision"]
            self.page.wait_for_selector(f"#stage[data-state=ready][data-revision='{revision}']", timeout=60_000)
        self.frames()

    def frames(self) -> None:
        """Wait until the page is painted: what one frame was told to draw is there in the next one."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def open(self) -> None:
        with self.page.expect_response("**/api/session") as waiting:  # the page is ready before
            self.page.goto(self.server.url)
        waiting.value.finished()
        self.settle()

    def choose(self, name: str) -> None:
        """Open a picture of the folder."""
        self.page.click(f"#files button:has-text('{name}')")
        self.until(lambda: (self.server.session["target"] or {}).get("name") == name)
        self.settle()

    def give(self, field: str, *files: Path) -> None:
        """Choose files for an input."""
        before = self.server.session["revision"]
        self.page.set_input_files(f"#{field}", list(files))
        self.until(lambda: self.server.session["revision"] >= before + len(files))
        self.settle()

    def seen(self) -> NDArray[np.uint8]:
        """What the stage shows, (H, W, 3), a pixel for each of the screen's."""
        fading = """() => document.querySelector("#stage").dataset.state !== "busy"
            && getComputedStyle(document.querySelector("#busy")).opacity > 0"""
        self.until(lambda: not self.page.evaluate(fading))  # the sign of work
        png = self.page.locator("#stage").screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def click(self, x: float, y: float) -> None:
        """Click a place of the stage."""
        box = self.page.locator("#stage").bounding_box()
        self.page.mouse.click(box["x"] + x, box["y"] + y)

    def drop(self, target: str, *files: Path) -> None:
        """Drop files from elsewhere on an element."""
        contents = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
        script = """([selector, files]) => {
            const dataTransfer = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                dataTransfer.items.add(new File([bytes], name));
            }
            for (const kind of ["dragenter", "dragover", "drop"]) {
                const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
                document.querySelector(selector).dispatchEvent(event);
            }
        }"""
        before = self.server.session["revision"]
        self.page.evaluate(script, [target, contents])
        self.until(lambda: self.server.session["revision"] >= before + len(files))
        self.settle()

    @property
    def hints(self) -> list[dict[str, Any]]:
        self.settle()
        return self.server.session["hints"]  # type: ignore[no-any-return]


@contextmanager
def visiting(browser: Any, running: Running) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    tab = Tab(context.new_page(), running)
    tab.open()
    yield tab
    context.close()
    assert not tab.complaints
    assert all(url.startswith((f"http://127.0.0.1:{running.port}/", "blob:")) for url in tab.requests)


@pytest.fixture
def visit(browser: Any) -> Callable[[Running], AbstractContextManager[Tab]]:
    """Opens the page of a server, in a context."""
    return partial(visiting, browser)


@pytest.fixture
def tab(browser: Any, running: Running) -> Iterator[Tab]:
    """The page, opened with the address that is printed."""
    with visiting(browser, running) as tab:
        yield tab


@pytest.fixture
def gray(tmp_path: Path, small: Callable[..., Path]) -> Path:
    """A gray picture in a folder of its own."""
    return small(tmp_path / "gray.png", size=(160, 120))
