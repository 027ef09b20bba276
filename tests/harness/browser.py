"""A headless Chromium, told what to do by the WebDriver protocol.

    with Browser(width=360, height=740, dark=True, language="ru") as browser:
        browser.open(url)
        browser.wait_text("Каналы")
"""

import base64
import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from harness import process
from harness.server import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window. A missing program is an error, not a reason to skip."""

    def __init__(self, width=1280, height=800, dark=False, language="en"):
        self.size = (width, height)
        self.dark = dark
        self.language = language
        for program in ("chromium", "chromedriver"):
            if not shutil.which(program):
                raise RuntimeError(f"{program} is missing: see "
                                   "scripts/packages.sh")
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.port = free_port()
        with open(self.folder / "log", "wb") as log:
            self._driver = process.spawn(
                ["chromedriver", f"--port={self.port}"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            process.wait_until(self._is_up, 60, "chromedriver", 0.1)
            self._open_session()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End it."""
        try:
            if getattr(self, "session", None):
                self._call("DELETE", "")
        except OSError:
            pass
        process.end(self._driver, 10)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what a user does ----

    def open(self, url):
        """Go there."""
        self._call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of a function's body in the page."""
        return self._call("POST", "/execute/sync",
                          {"script": script, "args": list(args)})

    def click(self, css, nth=0):
        """Click on what a user would, where it is."""
        found = self._call("POST", "/elements",
                           {"using": "css selector", "value": css})
        self._call("POST", f"/element/{found[nth][ELEMENT]}/click", {})

    def text(self, css="body"):
        """The text that can be seen."""
        return self.run("const e = document.querySelector(arguments[0]);"
                        "return e ? e.innerText : ''", css)

    def wait_text(self, text, css="body", timeout=60):
        """Wait until it can be read there."""
        try:
            process.wait_until(lambda: text in self.text(css), timeout, text,
                               0.1)
        except TimeoutError:
            raise TimeoutError(f"no {text!r} in: {self.text(css)[:3000]}"
                               ) from None

    def errors(self):
        """What the console says of errors since it was asked last."""
        return [entry["message"]
                for entry in self._call("POST", "/se/log",
                                        {"type": "browser"})
                if entry["level"] == "SEVERE"]

    def picture(self, whole=False):
        """What it looks like, as PNG; whole: all of the page."""
        params = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            height = self.run("return document.documentElement.scrollHeight")
            params["clip"] = {"x": 0, "y": 0, "width": self.size[0],
                              "height": height, "scale": 1}
        shot = self._devtools("Page.captureScreenshot", params)
        return base64.b64decode(shot["data"])

    def see(self, width=None, height=None, dark=None):
        """Another size of the window, or other colours."""
        self.size = (width or self.size[0], height or self.size[1])
        self.dark = self.dark if dark is None else dark
        self._devtools("Emulation.setDeviceMetricsOverride", {
            "width": self.size[0], "height": self.size[1],
            "deviceScaleFactor": 1, "mobile": False})
        self._devtools("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme",
             "value": "dark" if self.dark else "light"}]})

    # ---- the protocol ----

    def _is_up(self):
        try:
            return self._request("GET", "/status")["ready"]
        except OSError:
            return False

    def _open_session(self):
        options = {
            "binary": shutil.which("chromium"),
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu",
                     "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking",
                     "--hide-scrollbars",
                     f"--lang={self.language}",
                     f"--accept-lang={self.language}",
                     f"--user-data-dir={self.folder}/profile"],
            "prefs": {"intl.accept_languages": self.language}}
        self.session = self._request("POST", "/session", {"capabilities": {
            "alwaysMatch": {"browserName": "chrome",
                            "goog:loggingPrefs": {"browser": "ALL"},
                            "goog:chromeOptions": options}}})["sessionId"]
        self.see()

    def _devtools(self, command, params):
        return self._call("POST", "/goog/cdp/execute",
                          {"cmd": command, "params": params})

    def _call(self, method, path, body=None):
        return self._request(method, f"/session/{self.session}{path}", body)

    def _request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, method=method,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()[:2000]) from None
