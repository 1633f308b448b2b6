#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the links of the documents, in the repository and in the site, and what they name: files, options."""
import html.parser
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def documents():
    """All pages, from the root of the repository."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True)
    return sorted(path for path in listed.stdout.split("\n") if path and os.path.exists(os.path.join(ROOT, path)))


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchors(text):
    """Of the headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def broken_links(page):
    """Links of a page in the repository whose file or heading is not there."""
    text = without_code(read(os.path.join(ROOT, page)))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        path = os.path.normpath(os.path.join(ROOT, os.path.dirname(page), name)) if name else os.path.join(ROOT, page)
        if not os.path.exists(path):
            yield f"{page}: {link}: no such file"
        elif anchor and anchor not in anchors(read(path)):
            yield f"{page}: {link}: no such heading"


def missing_files():
    """Files of the repository that a walk through it names."""
    for path in re.findall(r"`([a-z_]+/[\w./-]+)`", read(os.path.join(ROOT, "CONTRIBUTING.md"))):
        if not path.startswith("build") and not os.path.exists(os.path.join(ROOT, path)):
            yield f"CONTRIBUTING.md: {path}: no such file"


def known_options():
    rows = re.findall(r"^\| `([\w-]+)` \|", read(os.path.join(ROOT, "docs/configuration.md")), re.M)
    return {*rows, "help", "version", "include", "user", "rename-command"}


def wrong_commands(page, options):
    """Commands that nobody runs: shells must understand them, and the server know the options."""
    for language, block in re.findall(r"^ *```(sh|console)\n(.*?)```", read(os.path.join(ROOT, page)), re.M | re.S):
        if language == "sh" and subprocess.run(["sh", "-n"], input=block, text=True, check=False).returncode:
            yield f"{page}: no shell understands {block!r}"
        for line in re.findall(r"ringkv-server [^|&;#]*", block.replace("\\\n", "")):
            for option in re.findall(r"--([a-z][\w-]*)", line.split("\n", 1)[0]):
                if option not in options:
                    yield f"{page}: ringkv-server has no option --{option}"


class PageOfSite(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors.add(values.get("id") or values.get("name") or "")
        for name in ("href", "src"):
            if values.get(name):
                self.links.append(values[name])


def broken_in_site(site):
    pages = {}
    for folder, _, names in os.walk(site):
        for name in names:
            if name.endswith(".html") and name != "404.html":
                path = os.path.join(folder, name)
                pages[path] = PageOfSite(read(path))
    for path, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(path), urllib.parse.unquote(parts.path)))
            target = path if not parts.path else target
            if not os.path.exists(target):
                yield f"site: {os.path.relpath(path, site)}: {link}: no such file"
            elif target in pages and parts.fragment not in pages[target].anchors:
                yield f"site: {os.path.relpath(path, site)}: {link}: no such heading"
    if len(pages) < 20:
        yield f"site: {len(pages)} pages"


def main():
    pages = documents()
    faults = [fault for page in pages for fault in broken_links(page)]
    faults += missing_files()
    options = known_options()
    faults += [fault for page in pages for fault in wrong_commands(page, options)]
    with tempfile.TemporaryDirectory(prefix="ringkv-site-") as site:
        built = subprocess.run(["mkdocs", "build", "-q", "--strict", "-d", site], cwd=ROOT, capture_output=True,
                               text=True, check=False)
        if built.returncode:
            faults.append("mkdocs: " + built.stderr)
        faults += broken_in_site(site)
    print("\n".join(faults))
    print(f"{len(pages)} documents, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
