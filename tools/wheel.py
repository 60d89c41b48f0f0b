"""Builds the source distribution, and the wheel from it: `python -m tools.wheel [FOLDER]`, which is `dist` unless told.

It builds from a copy, so that nothing of an earlier build gets in, with the setuptools of this environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (
    "CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "dags", "data_pipeline", "plugins", "pyproject.toml",
    "setup.py", "sql",
)  # fmt: skip
BUILD = "import sys; from setuptools import build_meta; print(build_meta.{}(sys.argv[1]))"


def build(folder: Path) -> tuple[Path, Path]:
    """Put both files into the folder, and return their paths: the source distribution and the wheel made from it.

    Raises:
        subprocess.CalledProcessError: It cannot be built; ``stderr`` says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="data-pipeline-build-") as name:
        copy, unpacked = Path(name, "copy"), Path(name, "unpacked")
        copy.mkdir()
        for one in NEEDED:
            path, ignored = ROOT / one, shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, copy / one, ignore=ignored) if path.is_dir() else shutil.copy(path, copy)
        source = folder / _made("build_sdist", copy, folder)
        with tarfile.open(source) as archive:
            archive.extractall(unpacked, filter="data")
        (root,) = unpacked.iterdir()
        return source, folder / _made("build_wheel", root, folder)


def _made(what: str, root: Path, folder: Path) -> str:
    command = [sys.executable, "-c", BUILD.format(what), os.fspath(folder.resolve())]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S603


if __name__ == "__main__":
    for made in build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")):
        print(made)  # noqa: T201 - it is the answer
