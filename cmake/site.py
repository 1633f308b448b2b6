# SPDX-License-Identifier: MIT
"""Hooks of mkdocs: pages of the site that are no files in docs/, and links that leave docs/."""
import os
import re

from mkdocs.structure.files import File

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# Documents at the root of the repository, as pages of the site.
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md",
              "SECURITY.md": "reporting.md", "LICENSE": "license.md"}
FOLDERS = {"decisions": "Decisions", "formats": "Formats"}
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")


def title_of(path):
    with open(path, encoding="utf-8") as page:
        return page.readline().lstrip("# ").strip()


def contents_of(folder):
    """The page of a folder of documents: their titles."""
    path = os.path.join(ROOT, "docs", folder)
    names = sorted(name for name in os.listdir(path) if name.endswith(".md"))
    rows = [f"- [{title_of(os.path.join(path, name))}]({name})" for name in names]
    return f"# {FOLDERS[folder]}\n\n" + "\n".join(rows) + "\n"


def on_files(files, config):
    for page in [*ROOT_PAGES.values(), *(f"{folder}/index.md" for folder in FOLDERS)]:
        files.append(File(page, config["docs_dir"], config["site_dir"], config["use_directory_urls"]))
    return files


def on_page_read_source(page, config):  # pylint: disable=unused-argument
    for source, name in ROOT_PAGES.items():
        if page.file.src_path == name:
            with open(os.path.join(ROOT, source), encoding="utf-8") as text:
                return text.read()
    folder = os.path.dirname(page.file.src_path)
    return contents_of(folder) if page.file.src_path == f"{folder}/index.md" else None


def place_in_site(target, page):
    """Where the site has what a link names, from the root of the repository; None: nowhere."""
    if target in ROOT_PAGES:
        return ROOT_PAGES[target]
    if not target.startswith("docs/"):
        return None
    inside = target[len("docs/"):].rstrip("/")
    inside = f"{inside}/index.md" if inside in FOLDERS else inside
    return os.path.relpath(inside, os.path.dirname(page) or ".")


def on_page_markdown(markdown, page, config, files):  # pylint: disable=unused-argument
    name = page.file.src_path
    root_page = next((source for source, target in ROOT_PAGES.items() if target == name), None)
    base = "" if root_page else os.path.join("docs", os.path.dirname(name))

    def in_site(match):
        target, anchor = match.group(2), match.group(3) or ""
        if "://" in target or target.startswith("mailto:"):
            return match.group(0)
        path = os.path.normpath(os.path.join(base, target))
        place = place_in_site(path, name)
        if place is None:  # a file of the repository that is no document: its name stays, without a link
            return f"] (`{path}`)"
        if path in ROOT_PAGES:
            place = os.path.relpath(place, os.path.dirname(name) or ".")
        return match.group(1) + place + anchor + match.group(4)

    return LINK.sub(in_site, markdown)
