"""Takes the pictures of docs/images/ from the mini-kernel's page.

    .venv/bin/python -m scripts.screenshots /usr/bin/chromium

needs what `dev.py test-browser` needs. Only the mini-kernel is shown: its lines are ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
# Picture, place in the page, element, colour scheme.
SHOTS = (
    ("race", "findings", "article.error", "light"),
    ("word", "bit-second-8", "#word-second", "dark"),
)


def main(program: str) -> int:
    """Render the page with flaglint, then shoot; `program` is the browser."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        page_file = Path(name) / "report.html"
        command = [sys.executable, "-m", "flaglint", "testdata/mini-kernel", "--format", "html"]
        subprocess.run([*command, "-o", page_file], cwd=ROOT, check=False)
        root = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=root)
        for picture, place, element, scheme in SHOTS:
            page = browser.new_page(
                viewport={"width": 1100, "height": 1400},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
            )
            page.goto(f"{page_file.as_uri()}#{place}")
            page.locator(element).first.screenshot(path=IMAGES / f"{picture}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
