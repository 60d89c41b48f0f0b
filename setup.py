"""Puts what lies in the top level into a wheel; everything else about the build stands in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("dags", "plugins", "sql")
INTO = Path("data_pipeline", "shipped")


class BuildWithShipped(build_py):
    """Also copies the shipped folders; an editable install finds them where they are."""

    def _shipped(self) -> list[Path]:
        found = [path for folder in SHIPPED for path in Path(folder).rglob("*") if path.suffix in {".py", ".sql"}]
        return sorted(found)

    def run(self) -> None:
        """Build the package."""
        super().run()
        for path in [] if self.editable_mode else self._shipped():
            target = Path(self.build_lib, INTO, path)
            self.mkpath(str(target.parent))
            self.copy_file(str(path), str(target), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return every file that is made."""
        made = [] if self.editable_mode else [str(Path(self.build_lib, INTO, path)) for path in self._shipped()]
        return [*super().get_outputs(include_bytecode), *made]

    def get_source_files(self) -> list[str]:
        """Return every file that the source distribution needs for it."""
        return [*super().get_source_files(), *(str(path) for path in self._shipped())]


setup(cmdclass={"build_py": BuildWithShipped})
