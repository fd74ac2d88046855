"""Headless Chromium, spoken to over a pipe (Chrome DevTools Protocol); needs nothing beside Python's own library."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def find():
    """The path of a Chromium, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Refused(RuntimeError):
    """The browser does not do what it was asked, as while a page is being replaced by another."""


class Browser:
    """One process with one page after another; its profile is thrown away at the end."""

    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="troupe-browser-")
        # Chromium reads commands from its descriptor 3 and answers on 4; ours lie above, so that none is in the way.
        low = [*os.pipe(), *os.pipe()]
        reading, self.commands, self.answers, writing = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in low]

        def arrange():
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        options = ["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--mute-audio",
                   "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
                   f"--user-data-dir={self.profile}", "about:blank"]
        if os.geteuid() == 0:
            options.insert(0, "--no-sandbox")
        self.process = subprocess.Popen(
            [program, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=arrange, pass_fds=(3, 4))
        # An end that stayed open here would keep the other from seeing that the browser has gone.
        for end in [*low, reading, writing]:
            os.close(end)
        self.rest = b""
        self.numbers = itertools.count(1)
        self.pages = {}

    def close(self):
        try:
            self.send("Browser.close", {}, None)
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired, TimeoutError):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, until):
        """The next message, or None where none comes in time."""
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                return None
            piece = os.read(self.answers, 1 << 16)
            if not piece:
                raise OSError("the browser has gone away")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, parameters, session, limit=60):
        number = next(self.numbers)
        command = {"id": number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        text = json.dumps(command).encode() + b"\0"
        while text:
            text = text[os.write(self.commands, text):]
        until = time.monotonic() + limit
        while message := self.receive(until):
            if message.get("id") == number:
                if "error" in message:
                    raise Refused(f"{method}: {message['error']['message']}")
                return message["result"]
            self.note(message)
        raise TimeoutError(f"{method}: the browser does not answer")

    def note(self, message):
        page = self.pages.get(message.get("sessionId"))
        if page is None:
            return
        content = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            details = content["exceptionDetails"]
            page.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif message["method"] == "Runtime.consoleAPICalled" and content["type"] in ("error", "warning", "assert"):
            page.complaints.append(" ".join(str(one.get("value", one.get("description"))) for one in content["args"]))
        elif message["method"] == "Log.entryAdded" and content["entry"]["level"] in ("error", "warning"):
            page.complaints.append(f"{content['entry']['text']} ({content['entry'].get('url', '')})")

    def open(self, address, width=1280, height=900):
        target = self.send("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True}, None)["sessionId"]
        page = Page(self, target, session)
        self.pages[session] = page
        for domain in ["Runtime", "Log", "Page"]:
            page.send(f"{domain}.enable")
        page.resize(width, height)
        page.address = address
        page.load()
        return page


class Page:
    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session
        self.width = self.height = 0
        self.address = "about:blank"
        # What stood in the console, and exceptions that nobody caught.
        self.complaints = []

    def send(self, method, parameters=None):
        return self.browser.send(method, parameters or {}, self.session)

    def close(self):
        self.browser.send("Target.closeTarget", {"targetId": self.target}, None)
        del self.browser.pages[self.session]

    def resize(self, width, height):
        self.width, self.height = width, height
        self.send("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def load(self):
        """Opens the page's address, once more if it is open."""
        self.run("window.isOld = true")
        self.send("Page.navigate", {"url": self.address})
        self.wait("window.isOld === undefined && document.readyState === 'complete'", f"{self.address} is loaded")

    def run(self, script):
        """The value of an expression in the page, which may be a promise."""
        answer = self.send("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(f"{script}: {details.get('exception', {}).get('description') or details['text']}")
        return answer["result"].get("value")

    def wait(self, script, what, limit=60):
        """Waits until an expression is true."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            # Not the value itself: an element would come as an empty object.
            try:
                if self.run(f"Boolean({script})"):
                    return
            except Refused:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{what}: it has not happened in {limit} s")

    def picture(self, path):
        """The whole page, as long as it is, as a PNG file."""
        height = self.run("Math.ceil(document.documentElement.scrollHeight)")
        clip = {"x": 0, "y": 0, "width": self.width, "height": min(height, 16000), "scale": 1}
        answer = self.send("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))
