# SPDX-License-Identifier: MIT
"""A Chromium that a test drives by its debugging protocol, over two pipes: clicks, keys, texts, screenshots."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from servers import end_with_the_test

BROWSERS = ["chromium-headless-shell", "chromium"]
DEADLINE_SECONDS = 60


def browser_program():
    for name in BROWSERS:
        if shutil.which(name):
            return name
    raise AssertionError(f"none of {BROWSERS} is installed")


class Browser:
    """One tab. What the page complains of (errors of scripts, violations of its Content-Security-Policy) is kept in
    `complaints`."""

    def __init__(self, width=1280, height=860, dark=False):
        self.folder = tempfile.mkdtemp(prefix="ringkv-browser-")
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        def set_up():
            end_with_the_test()
            # The protocol is on descriptors 3 and 4, whatever numbers the pipes have.
            high = [os.dup2(to_browser, 103), os.dup2(from_browser, 104)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [browser_program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--remote-debugging-pipe", "--user-data-dir=" + self.folder, "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False, preexec_fn=set_up)
        os.close(to_browser)
        os.close(from_browser)
        self.complaints = []
        self.requests = []
        self._replies = {}
        self._changed = threading.Condition()
        self._number = 0
        self._session = None
        threading.Thread(target=self._listen, daemon=True).start()
        target = next(each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.resize(width, height)
        self.set_dark(dark)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # It ends its own processes, which would write into its folder else.
        os.write(self._write, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._write)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the protocol ---

    def _listen(self):
        rest = b""
        while True:
            part = os.read(self._read, 1 << 16)
            if not part:
                os.close(self._read)
                return
            *messages, rest = (rest + part).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:2000])
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            # Answers that a test provokes are no complaint of the page.
            if entry["source"] != "network":
                self.complaints.append(f"{entry['source']}: {entry['text']}")
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        with self._changed:
            if "id" in message:
                self._replies[message["id"]] = message
                self._changed.notify_all()

    def ask(self, method, **parameters):
        with self._changed:
            self._number += 1
            number = self._number
        request = {"id": number, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._write, json.dumps(request).encode() + b"\0")
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._replies, DEADLINE_SECONDS), "no answer to " + method
            reply = self._replies.pop(number)
        assert "error" not in reply, f"{method}: {reply['error']}"
        return reply["result"]

    # --- what a test does ---

    def resize(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 600)

    def set_dark(self, dark):
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def evaluate(self, script):
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{script}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def text(self, selector="body"):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait(self, expression, what=None):
        end = time.monotonic() + DEADLINE_SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"waited in vain: {what or expression}; complaints: {self.complaints}; " \
                f"the page says: {self.text()[:3000]}"
            time.sleep(0.05)

    def wait_text(self, text, selector="body"):
        self.wait(f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})",
                  f"'{text}' in {selector}")

    def _place(self, selector, text):
        """The middle of the first visible element that fits and says so, scrolled into view."""
        script = f"""(() => {{
            const found = [...document.querySelectorAll({json.dumps(selector)})].find((each) => each.checkVisibility()
                && ({json.dumps(text)} === null || each.innerText.trim() === {json.dumps(text)}
                    || (each.getAttribute('aria-label') ?? '') === {json.dumps(text)}));
            if (!found) return null;
            found.scrollIntoView({{ block: 'center' }});
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
        end = time.monotonic() + DEADLINE_SECONDS
        while True:
            place = self.evaluate(script)
            if place:
                return place
            assert time.monotonic() < end, f"no {selector} '{text}'; the page says: {self.text()[:3000]}"
            time.sleep(0.05)

    def click(self, selector, text=None):
        """With the mouse, as a person does: what lies over the element would get it."""
        x, y = self._place(selector, text)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def fill(self, selector, text):
        self.click(selector)
        self.evaluate("document.activeElement.select?.()")
        self.type(text)

    def press(self, key, code=0):
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40}
        more = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        number = codes.get(key, code or ord(key[0].upper()))
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=number, **more)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=number)

    def screenshot(self, path):
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
