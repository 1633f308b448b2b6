#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The console in a real Chromium: clicks and keys, as a person uses it. With --pictures DIRECTORY it also writes the
pictures of the README."""
import argparse
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading

from browser import Browser
from servers import eventually, free_ports, start_cluster, start_ringkv


def fill_with_data(client):
    for i in range(60):
        client.raw("SET", f"user:{i}:name", f"name{i}")
        client.raw("SET", f"user:{i}:visits", str(i))
    client.raw("SET", "greeting", "hello", "EX", "1000")
    client.raw("SET", "settings", '{"theme":"dark","sizes":[1,2,3]}')
    client.raw("SET", "bytes", b"\x00\xff\x10binary")
    client.raw("HSET", "session:1", "user", "ada", "agent", "<b>bold</b>")
    client.raw("RPUSH", "queue:mail", "one", "two", "three")
    client.raw("SADD", "tags", "red", "green", "blue")
    client.raw("ZADD", "scores", "1.5", "ada", "7", "grace")
    client.raw("XADD", "events", "1-1", "kind", "login", "user", "ada")
    client.raw("XGROUP", "CREATE", "events", "workers", "0")
    client.raw("XREADGROUP", "GROUP", "workers", "w1", "STREAMS", "events", ">")
    client.raw("PFADD", "visitors", "a", "b", "c")


def run_line(browser, line):
    browser.fill("input[aria-label=Command]", line)
    browser.press("Enter")


def check_overview(browser, url):
    browser.open(url)
    browser.wait_text("primary", ".tiles")
    browser.wait_text("Nothing is written to the disk.", ".warnings")
    browser.wait_text("live", ".state")
    assert browser.evaluate("document.querySelectorAll('.chart canvas').length") == 12
    # What updates stays where it is.
    top = "Math.round(document.querySelector('.charts').getBoundingClientRect().top)"
    before = browser.evaluate(top)
    browser.wait("document.querySelector('.chart .latest').textContent !== ''", "a sample")
    assert browser.evaluate(top) == before, "the charts jumped"
    browser.wait("[...document.querySelectorAll('.chart select option')].some((each) => each.value === 'info')",
                 "the latency of INFO, which the page asks for")


def check_command_line(browser, client):
    browser.press("3")  # the third tab, by its key
    browser.wait_text("Tab completes")
    browser.type("hgeta")
    browser.wait_text("HGETALL", ".completions")
    browser.press("Tab")
    browser.wait_text("HGETALL key", ".hint")
    browser.type("session:1")
    browser.press("Enter")
    browser.wait_text("map", ".replies")
    browser.wait_text('"<b>bold</b>"', ".replies")  # a text, no markup
    run_line(browser, "SET quoted \"a b\\x00\\xff\"")
    browser.wait_text("OK", ".exchange:nth-child(2)")
    assert client.raw("GET", "quoted") == b"$5\r\na b\x00\xff\r\n"
    run_line(browser, "GET quoted")
    browser.wait_text("\"a b\\x00\\xff\"", ".exchange:nth-child(3)")
    run_line(browser, "NOSUCHCOMMAND")
    browser.wait_text("ERR unknown command", ".exchange:nth-child(4)")
    run_line(browser, "SUBSCRIBE news")
    browser.wait_text("each request stands alone", ".exchange:nth-child(5)")
    run_line(browser, "SET open \"quote")
    browser.wait_text("is open", ".exchange:nth-child(6)")
    browser.press("ArrowUp")
    browser.wait("document.querySelector('input[aria-label=Command]').value.startsWith('SUBSCRIBE')", "the history")
    client.raw("SELECT", "1")
    client.raw("SET", "kept", "v")
    run_line(browser, "FLUSHALL")
    browser.wait_text("can lose data", "dialog")
    browser.click("dialog button", "Cancel")
    browser.wait("document.querySelector('dialog') === null", "the end of the dialog")
    assert client.raw("DBSIZE") == b":1\r\n", "what was cancelled did not happen"
    run_line(browser, "FLUSHDB")
    browser.click("dialog button", "Run it")
    browser.wait_text("FLUSHDB", ".exchange:nth-child(7)")
    client.raw("FLUSHDB")
    client.raw("SELECT", "0")
    assert client.raw("DBSIZE") == b":0\r\n"
    fill_with_data(client)


def check_looks(browser):
    back = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(back)
    browser.set_dark(True)
    browser.wait(f"{back} !== {json.dumps(light)}", "the dark colors of the system")
    browser.click("#corner button", "Theme: system")
    browser.wait(f"{back} === {json.dumps(light)}", "the light colors that were chosen")
    browser.click("#corner button", "Theme: light")
    browser.click("#corner button", "Theme: dark")
    browser.set_dark(False)
    browser.resize(390, 800)
    for tab in browser.evaluate("[...document.querySelectorAll('#tabs a')].map((each) => each.getAttribute('href'))"):
        browser.evaluate(f"location.hash = {json.dumps(tab)}")
        browser.wait("document.querySelector('.loading') === null", f"the view {tab}")
        wide = browser.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{tab} is {wide} pixels wide on a phone"
    browser.resize(1280, 860)


def choose(browser, selector, value):
    browser.wait(f"document.querySelector({json.dumps(selector)}) !== null")
    browser.evaluate(f"""(() => {{
        const select = document.querySelector({json.dumps(selector)});
        select.value = {json.dumps(value)};
        select.dispatchEvent(new Event('change'));
    }})()""")


def open_key(browser, key):
    browser.click(".tree .name", key)


def check_keys(browser, client):
    browser.evaluate("location.hash = '#keys'")
    browser.wait_text("user:", ".tree")
    branch = "[...document.querySelectorAll('.branch')].find((each) => each.innerText.startsWith('user:')).innerText"
    assert browser.evaluate(branch).split("\n")[1] == "120", browser.evaluate(branch)
    browser.click(".tree .name", "user:")
    browser.wait_text("59:", ".tree")
    browser.click(".tree .name", "7:")
    open_key(browser, "user:7:name")
    browser.wait("document.querySelector('.detail textarea')?.value === 'name7'", "the value")
    browser.fill(".detail textarea", "changed\\x00")
    browser.click(".detail button", "Save")
    browser.wait_text("Hex", ".detail")
    eventually(lambda: client.raw("GET", "user:7:name") == b"$8\r\nchanged\x00\r\n", "the changed value")
    open_key(browser, "settings")
    browser.wait_text('"theme": "dark"', ".json")
    open_key(browser, "bytes")
    browser.wait_text("00 ff 10 62", ".hex")
    browser.click(".detail button", "Bits")
    browser.click(".bits button[title='bit 0']")
    eventually(lambda: client.raw("GETBIT", "bytes", "0") == b":1\r\n", "the bit")
    open_key(browser, "visitors")
    browser.wait_text("about 3 distinct", ".detail")
    open_key(browser, "scores")
    browser.wait_text("grace", ".detail")
    browser.click(".detail button", "Add member")
    browser.fill("dialog input[name=member]", "linus")
    browser.fill("dialog input[name=score]", "2.5")
    browser.press("Enter")
    browser.wait_text("linus", ".detail table")
    assert client.raw("ZSCORE", "scores", "linus") == b"$3\r\n2.5\r\n"
    open_key(browser, "tags")
    browser.wait_text("green", ".detail")
    browser.click(".detail td button", "Remove")
    eventually(lambda: client.raw("SCARD", "tags") == b":2\r\n", "the removal")
    open_key(browser, "events")
    browser.wait_text("Group workers", ".detail")
    browser.wait_text("kind: login", ".detail")
    open_key(browser, "greeting")
    browser.wait_text("expires in", ".detail")
    browser.click(".detail button", "Keep for ever")
    browser.wait_text("never expires", ".detail")
    assert client.raw("TTL", "greeting") == b":-1\r\n"
    # Hashes and lists of many elements come by pages.
    client.raw("RPUSH", "long", *[f"element{i}" for i in range(250)])
    browser.fill("input[type=search]", "lon")  # as one types
    browser.wait_text("long", ".tree")
    browser.wait("!document.querySelector('.tree').innerText.includes('settings')", "the search")
    open_key(browser, "long")
    browser.wait_text("element99", ".detail")
    assert "element100" not in browser.text(".detail")
    browser.click(".detail button", "Show more")
    browser.wait_text("element199", ".detail")
    browser.click(".detail button", "Edit")
    browser.fill("dialog textarea", "first")
    browser.click("dialog button", "Edit")
    eventually(lambda: client.raw("LINDEX", "long", "0") == b"$5\r\nfirst\r\n", "the changed element")
    # What another client has changed meanwhile is not overwritten.
    browser.wait_text("first", ".detail table")
    client.raw("LPUSH", "long", "meanwhile")
    browser.click(".detail button", "Edit")
    browser.fill("dialog textarea", "lost")
    browser.click("dialog button", "Edit")
    browser.wait_text("another one by now", ".detail")
    assert client.raw("LINDEX", "long", "0") == b"$9\r\nmeanwhile\r\n"
    # A field that expires still does so with another value.
    client.raw("HSET", "profile", "user", "ada")
    client.raw("HEXPIRE", "profile", "1000", "FIELDS", "1", "user")
    browser.fill("input[type=search]", "profile")
    browser.wait("!document.querySelector('.tree').innerText.includes('long')", "the search")
    open_key(browser, "profile")
    browser.wait_text("ada", ".detail table")
    browser.click(".detail button", "Edit")
    browser.fill("dialog textarea", "grace")
    browser.click("dialog button", "Edit")
    eventually(lambda: client.raw("HGET", "profile", "user") == b"$5\r\ngrace\r\n", "the changed field")
    assert client.raw("HTTL", "profile", "FIELDS", "1", "user") not in (b"*1\r\n:-1\r\n", b"*1\r\n:-2\r\n")


def check_search_and_deletion(browser, client):
    browser.evaluate("location.hash = '#keys'")
    choose(browser, ".browse select", "pattern")
    browser.fill("input[type=search]", "user:1?:name")
    browser.wait_text("10 keys", ".browse")
    choose(browser, ".browse select", "suffix")
    browser.fill("input[type=search]", ":visits")
    browser.wait_text("60 keys", ".browse")
    browser.click(".browse button", "Delete all of these…")
    browser.wait_text("Delete 60 keys?", "dialog")
    assert browser.evaluate("document.querySelector('dialog .danger').disabled"), "without the number"
    browser.fill("dialog input", "60")
    browser.click("dialog button", "Delete them")
    browser.wait_text("deleted 60", ".browse")
    assert client.raw("EXISTS", "user:3:visits") == b":0\r\n"
    assert client.raw("EXISTS", "user:3:name") == b":1\r\n"
    browser.fill("input[type=search]", "nothing ends so")
    browser.wait_text("None fits this search.", ".tree")
    browser.click(".browse button", "New key")
    browser.fill(".detail input[name=key]", "made:here")
    browser.fill(".detail textarea", "fresh")
    browser.click(".detail button", "Create")
    eventually(lambda: client.raw("GET", "made:here") == b"$5\r\nfresh\r\n", "the new key")
    browser.click(".detail button", "Delete")
    browser.click("dialog button", "Delete")
    eventually(lambda: client.raw("EXISTS", "made:here") == b":0\r\n", "the deletion")


def check_many_keys(browser, client):
    """A tree of many keys is right, and the page lists only some at a time."""
    client.raw("SELECT", "2")
    for i in range(0, 30000, 1000):
        client.raw("MSET", *[word for j in range(i, i + 1000) for word in (f"big:{j % 7}:{j}", "v")])
    client.raw("MSET", *[word for j in range(700) for word in (f"single{j}", "v")])
    client.raw("SELECT", "0")
    browser.evaluate("location.hash = '#overview'")
    browser.evaluate("location.hash = '#keys'")
    browser.wait_text("settings", ".tree")
    choose(browser, "[aria-label=Database]", "2")
    browser.click(".tree button", "Show more keys")
    browser.wait_text("30,700 keys", ".browse")
    browser.wait("document.querySelector('.branch .number')?.title === '30,000 keys'", "all keys of the branch")
    assert browser.evaluate("document.querySelectorAll('.key').length") == 700


def check_activity(browser, client):
    client.raw("CONFIG", "SET", "slowlog-log-slower-than", "0")
    client.raw("GET", "slow:one")
    client.raw("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    browser.evaluate("location.hash = '#activity'")
    browser.wait_text("GET slow:one", "[aria-label='Slow commands']")
    browser.wait_text("client|list", "[aria-label=Clients]")
    browser.click("button", "Sample keys")
    browser.wait_text("events", "[aria-label='Big keys'] table")
    browser.click("button", "Watch commands")
    browser.wait("document.querySelector(\"[aria-label='Hot keys'] .loading\") !== null", "the sampling")
    eventually(lambda: b"flags=O" in client.raw("CLIENT", "LIST"), "MONITOR")
    for _ in range(1100):
        client.raw("GET", "hot")
    browser.wait_text("GET", "[aria-label='Hot keys'] table")
    assert "hot" in browser.text("[aria-label='Hot keys'] table")


def check_live(browser, client):
    browser.evaluate("location.hash = '#live'")
    browser.click("button", "Messages")
    eventually(lambda: client.raw("PUBSUB", "NUMPAT") == b":1\r\n", "the subscription")
    client.raw("PUBLISH", "news", "<i>hello</i>")
    browser.wait_text("<i>hello</i>", ".log")
    browser.click("button", "Switch all on (KEA)")
    browser.wait_text("notify-keyspace-events is", "main")
    browser.click("button", "Key notifications")
    browser.wait_text("listening", ".state")
    eventually(lambda: client.raw("PUBSUB", "NUMPAT") == b":1\r\n", "the subscription")
    eventually(lambda: client.raw("SET", "noticed", "1") and "noticed" in browser.text(".log"), "the notification")
    browser.evaluate("document.querySelector('[aria-label=Limit]').value = 5")
    browser.click("button", "Commands")
    eventually(lambda: client.raw("GET", "monitored") and "The limit is reached." in browser.text(".log"), "the limit")
    assert "GET monitored" in browser.text(".log")
    browser.wait_text("stopped", ".state")
    browser.fill("input[aria-label=Channel]", "out")
    browser.fill("input[aria-label=Message]", "there")
    browser.click("button", "Publish")
    browser.wait_text("published to 0 subscribers", ".log")
    client.raw("CONFIG", "SET", "notify-keyspace-events", "")


def check_users(browser, client):
    browser.evaluate("location.hash = '#users'")
    browser.click("button", "New user")
    browser.fill("dialog input[name=user]", "visitor")
    browser.fill("dialog input[name=rules]", "on >pw ~page:* +get")
    browser.press("Enter")
    browser.wait_text("visitor", "main table")
    browser.wait_text("~page:*", "main table")
    assert b"visitor" in client.raw("ACL", "USERS")
    browser.click("button", "Delete")
    browser.click("dialog button", "Delete")
    browser.wait("!document.querySelector('main table').innerText.includes('visitor')", "the end of the user")


def check_cluster(pictures):
    ports = free_ports(3)
    with start_cluster(3, 0, http_ports=ports), Browser(1280, 700) as browser:
        browser.open(f"http://127.0.0.1:{ports[0]}/#cluster")
        browser.wait("document.querySelector('.slots')?.textContent.includes('3 shards')", "the ring")
        browser.wait_text("All slots are served.", "main")
        browser.wait("document.querySelectorAll('[aria-label=Nodes] tbody tr').length === 3", "the nodes")
        links = browser.evaluate("[...document.querySelectorAll('[aria-label=Nodes] a')].map((each) => each.href)")
        assert sorted(links) == sorted(f"http://127.0.0.1:{port}/" for port in ports), links
        if pictures:
            browser.screenshot(os.path.join(pictures, "console-cluster.png"))
        # Another node's page is a click away.
        other = next(port for port in ports[1:])
        browser.click(f"[aria-label=Nodes] a[href='http://127.0.0.1:{other}/']")
        browser.wait(f"location.port === '{other}' && document.querySelector('.tiles') !== null", "that node's page")
        assert not browser.complaints, browser.complaints


def take_pictures(browser, server, folder):
    """That of the overview under some load, or the charts would be empty."""
    browser.resize(1280, 640)
    browser.evaluate("location.hash = '#keys'")
    browser.click(".tree .name", "queue:")
    browser.wait_text("queue:mail", ".tree")  # what is below moves down
    open_key(browser, "settings")
    browser.wait_text('"theme"', ".json")
    browser.screenshot(os.path.join(folder, "console-keys.png"))
    load = subprocess.Popen(["redis-benchmark", "-p", str(server.port), "-q", "-l", "-c", "5", "-r", "100000", "-d",
                             "100", "-t", "set,get,lpush,hset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        browser.resize(1280, 1000)
        browser.evaluate("location.hash = '#overview'")
        browser.wait("(Object.values(Chart.instances)[0]?.data.datasets[0].data.length ?? 0) > 25", "samples")
        browser.screenshot(os.path.join(folder, "console-overview.png"))
    finally:
        load.kill()
        load.wait()


def check_login(password_url):
    with Browser() as browser:
        browser.open(password_url)
        browser.wait_text("Log in", "h2")
        browser.fill("input[name=password]", "wrong")
        browser.press("Enter")
        browser.wait_text("not known")
        browser.fill("input[name=user]", "reader")
        browser.fill("input[name=password]", "pw")
        browser.click("form.login button")
        browser.wait_text("reader", "#corner")
        tabs = browser.text("#tabs")
        assert "Overview" not in tabs, f"what he may not do is offered: {tabs}"
        assert "Command line" in tabs
        browser.click("#tabs a", "Command line")
        browser.wait_text("stands alone")
        browser.type("fl")
        browser.type("ush")
        assert not browser.evaluate("document.querySelector('.completions').checkVisibility()")
        run_line(browser, "SET a b")
        browser.wait_text("NOPERM", ".replies")
        browser.click("#corner button", "Log out")
        browser.wait_text("Log in", "h2")
        assert browser.evaluate("sessionStorage.getItem('ringkv.login')") is None
        assert not browser.complaints, browser.complaints


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read(), response.headers


def check_requests(port):
    """What a page of another origin, or a careless client, may not do."""
    body = json.dumps({"commands": [["SET", "csrf", "1"], ["GET", "csrf"]]})
    as_json = {"Content-Type": "application/json"}
    assert ask(port, "POST", "/console/commands", body, {"Content-Type": "text/plain"})[0] == 415
    assert ask(port, "POST", "/console/commands", body, {**as_json, "Origin": "http://evil.example"})[0] == 403
    assert ask(port, "POST", "/console/commands", body, {**as_json, "Host": "evil.example"})[0] == 403
    status, reply, _ = ask(port, "POST", "/console/commands", body, as_json)
    assert status == 200 and json.loads(reply)["replies"] == [{"type": "status", "value": "OK"},
                                                              {"type": "string", "value": "1"}], reply
    policy = ask(port, "GET", "/")[2]["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy, policy
    tag = ask(port, "GET", "/page/console.js")[2]["ETag"]
    assert ask(port, "GET", "/page/console.js", headers={"If-None-Match": tag})[0] == 304
    assert ask(port, "GET", "/page/nothing.js")[0] == 404


def check_modes(server, port):
    client = server.connect()
    client.raw("CONFIG", "SET", "http-console", "readonly")
    as_json = {"Content-Type": "application/json"}
    commands = [["SET", "a", "1"], ["CONFIG", "SET", "maxmemory", "1"], ["EVAL", "return 1", "0"], ["INFO"],
                ["GET", "a"]]
    _, reply, _ = ask(port, "POST", "/console/commands", json.dumps({"commands": commands}), as_json)
    types = [each["type"] for each in json.loads(reply)["replies"]]
    assert types == ["error", "error", "error", "verbatim", "null"], reply
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{port}/#commands")
        browser.wait_text("Read only", "#banner")
        browser.wait_text("stands alone")
        run_line(browser, "SET a 1")
        browser.wait_text("only shows here", ".replies")
    client.raw("CONFIG", "SET", "http-console", "no")
    for path in ("/", "/page/console.js", "/console/session", "/console/events?samples"):
        assert ask(port, "GET", path)[0] == 404, path
    assert ask(port, "GET", "/healthz")[0] == 200
    client.raw("CONFIG", "SET", "http-console", "yes")


class Prefix(http.server.BaseHTTPRequestHandler):
    """A proxy that shows the server under /deep/inside/."""
    server_port = None
    protocol_version = "HTTP/1.0"

    def handle_any(self):
        assert self.path.startswith("/deep/inside/"), self.path
        length = int(self.headers.get("Content-Length", 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=30)
        connection.request(self.command, self.path[len("/deep/inside"):], self.rfile.read(length), dict(self.headers))
        response = connection.getresponse()
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name != "Connection":
                self.send_header(name, value)
        self.end_headers()
        while part := response.read1(1 << 16):
            try:
                self.wfile.write(part)
                self.wfile.flush()
            except OSError:
                return  # the page was left

    do_GET = do_POST = handle_any

    def log_message(self, *_):
        pass


def check_prefix(port):
    handler = type("Handler", (Prefix,), {"server_port": port})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        with Browser() as browser:
            browser.open(f"http://127.0.0.1:{proxy.server_port}/deep/inside/")
            browser.wait_text("live", ".state")
            outside = [url for url in browser.requests
                       if not url.startswith((f"http://127.0.0.1:{proxy.server_port}/deep/inside/", "data:", "about:"))]
            assert not outside, f"the page asks elsewhere: {outside}"
            assert not browser.complaints, browser.complaints
        proxy.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", help="where pictures for the README go")
    pictures = parser.parse_args().pictures
    port, password_port = free_ports(2)
    url = f"http://127.0.0.1:{port}/"
    with start_ringkv("--http-port", str(port)) as server:
        client = server.connect()
        fill_with_data(client)
        check_requests(port)
        with Browser() as browser:
            check_overview(browser, url)
            check_command_line(browser, client)
            check_keys(browser, client)
            check_search_and_deletion(browser, client)
            check_many_keys(browser, client)
            check_activity(browser, client)
            check_live(browser, client)
            check_users(browser, client)
            check_looks(browser)
            if pictures:
                take_pictures(browser, server, pictures)
            assert not browser.complaints, browser.complaints
        check_modes(server, port)
        check_prefix(port)
    check_cluster(pictures)
    with start_ringkv("--http-port", str(password_port), "--requirepass", "secret") as server:
        server.connect().raw("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+command")
        check_login(f"http://127.0.0.1:{password_port}/")
    print("the console shows, runs, asks, and refuses; in light and dark, on a phone, behind a prefix, with a login")
    return 0


if __name__ == "__main__":
    sys.exit(main())
