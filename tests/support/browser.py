"""Headless Chromium, driven over a pipe: what a page does in the hands of a user.

Messages of the DevTools protocol are JSON, ended by NUL, on the browser's files 3 and 4; no
port and no package is needed. https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "NO CHROMIUM that starts: pages are NOT TESTED. Run `sudo apt-get install chromium`"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--disable-background-networking", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
AT_3_AND_4 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
PATIENCE = 30.0  # seconds for one answer
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, " ": 32, "Tab": 9}


class Browser:
    """One Chromium; `open` gives a page of its own."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        given = [fcntl.fcntl(file, fcntl.F_DUPFD, 10) for file in (to_browser, from_browser)]
        command = [sys.executable, "-c", AT_3_AND_4, *map(str, given), CHROMIUM, *FLAGS]
        command += [f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=given, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for file in (*given, to_browser, from_browser):
            os.close(file)
        self._read = b""
        self._count = 0
        self.events = []
        try:
            self.call("Browser.getVersion")
        except (AssertionError, OSError):
            self._end()
            raise

    def call(self, method, session=None, **params):
        """Send a command and return its result; events that come meanwhile are kept."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        os.write(self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._next(PATIENCE)
            assert answer is not None, f"{method}: no answer in {PATIENCE:.0f} s"
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, event, session):
        """Wait until an event has come to a page."""
        until = time.monotonic() + PATIENCE
        while not any(e.get("method") == event and e.get("sessionId") == session for e in self.events):
            answer = self._next(until - time.monotonic())
            assert answer is not None, f"{event} did not come in {PATIENCE:.0f} s"
            self.events.append(answer)

    def _next(self, patience):
        until = time.monotonic() + patience
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            part = os.read(self._in, 1 << 20)
            assert part, f"Chromium ended with status {self._process.wait()}"
            self._read += part
        message, _, self._read = self._read.partition(b"\0")
        return json.loads(message)

    def open(self, url, *, width=1140, height=520, dark=False, still=True):
        return Page(self, url, width, height, dark, still)

    def close(self):
        try:
            self.call("Browser.close")
            self._process.wait(PATIENCE)
        finally:
            self._end()

    def _end(self):
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._folder.cleanup()


class Page:
    """A page as its user has it: keys, clicks, what it shows, what it complains about, what it asks the network for."""

    def __init__(self, browser, url, width, height, dark, still):
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = {"prefers-color-scheme": "dark" if dark else "light"}
        features["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        self.call("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in features.items()])
        self.go(url)

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def go(self, url):
        self._browser.events = [e for e in self._browser.events if e.get("sessionId") != self._session]
        self.call("Page.navigate", url=url)
        self._browser.wait_for("Page.loadEventFired", self._session)

    def __call__(self, script):
        """Return what an expression evaluates to in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script):
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def press(self, *names):
        for name in names:
            for kind in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=name, code="Space" if name == " " else name,
                          windowsVirtualKeyCode=KEYS[name])  # fmt: skip
                if kind == "rawKeyDown" and name == " ":
                    self.call("Input.dispatchKeyEvent", type="char", key=name, text=name)

    def click(self, selector, times=1):
        """Click in the middle of an element, as a mouse does."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self(f"(box => [box.x + box.width / 2, box.y + box.height / 2])({box})")
        for _ in range(times):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def events(self, method):
        self("0")  # whatever was on its way has come before the answer
        return [e["params"] for e in self._browser.events if e.get("method") == method and self._is_own(e)]

    def _is_own(self, event):
        return event.get("sessionId") == self._session

    @property
    def complaints(self):
        """Exceptions, and whatever was written to the console or the log."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event for kind in kinds for event in self.events(kind)]

    @property
    def requests(self):
        """The addresses that were asked for, but for the page's own and what is written out in it."""
        asked = [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]
        return [url for url in asked if not url.startswith(("file:", "data:", "about:"))]

    def screenshot(self, path=None):
        """Return the PNG of what is seen; write it where a path is given."""
        png = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            Path(path).write_bytes(png)
        return png

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)
