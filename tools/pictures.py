"""Takes the pictures of the pages that the docs show: `python -m tools.pictures URL docs/pictures`.

URL is the address of running pages that need no login, with its slash at the end. Chromium is Debian's.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SHOTS = {
    "morning-desktop": ("?lang=en", 1280, 860, "light"),
    "morning-tablet": ("?lang=en", 820, 1000, "light"),
    "morning-phone": ("?lang=ko", 390, 844, "dark"),
    "cell-desktop": ("cell?dataset=daily_bar&session={session}&lang=en", 1280, 620, "light"),
    "cell-tablet": ("cell?dataset=daily_bar&session={session}&lang=en", 820, 720, "dark"),
    "cell-phone": ("cell?dataset=daily_bar&session={session}&lang=ko", 390, 844, "light"),
    "search-desktop": ("search?text=%EC%82%BC%EC%84%B1&lang=en", 1280, 420, "light"),
    "search-tablet": ("search?text=%EC%82%BC%EC%84%B1&lang=en", 820, 480, "dark"),
    "search-phone": ("search?text=%EC%82%BC%EC%84%B1&lang=ko", 390, 600, "light"),
    "instrument-desktop": ("instrument?code={code}&range=1y&lang=en", 1280, 1160, "light"),
    "instrument-tablet": ("instrument?code={code}&range=5y&lang=en", 820, 1000, "dark"),
    "instrument-phone": ("instrument?code={code}&range=3m&lang=ko", 390, 844, "light"),
}
"""Page, width, height and colours of each; what a phone shows is what stands there without scrolling."""


def take(url: str, folder: Path, code: str, session: str) -> None:
    """Write one PNG for each shot.

    Args:
        url: Where the pages are.
        folder: Where the pictures go.
        code: Of the instrument that is shown.
        session: Of the cell that is shown.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (path, width, height, scheme) in SHOTS.items():
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
            )
            page = context.new_page()
            page.goto(url + path.format(code=code, session=session))
            page.screenshot(path=folder / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]), *(sys.argv[3:5] or ("005930", "2026-11-25")))
