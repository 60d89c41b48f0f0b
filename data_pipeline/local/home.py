"""Where a local installation keeps what it makes: one folder, deleted by `make clean`."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.state_folder import installation_folder
from data_pipeline.settings.hidden import Hidden


@dataclass(frozen=True)
class Home:
    """The folder of one local installation and the places in it."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The embedded server's folder."""
        return self.root / "postgres"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """One file with a PID for each process that is left running."""
        return self.root / "run"

    @property
    def logins(self) -> Path:
        """A file of mode 0600 with the logins that `migrate` made on a server of the user's own."""
        return self.root / "logins.env"

    @property
    def emulator_address(self) -> Path:
        """A file with the address of the emulator that was asked last; it may have ended since."""
        return self.run / "emulator.address"

    def prepare(self) -> Home:
        """Make the folders, readable by their owner only; the server's account may pass through the outermost one.

        Raises:
            ConfigurationError: They cannot be made.
        """
        try:
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.airflow, self.logs, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.root} cannot be made or written ({error.strerror}): name another one in "
                "DATA_PIPELINE_HOME"
            ) from None
        return self

    def secret(self, name: str, nbytes: int = 32) -> str:
        """Return the secret kept under this name; made on the first call, in a file of mode 0600."""
        path = self.root / f"{name}.secret"
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=self.root) as draft:  # made with mode 0600
                draft.write(secrets.token_urlsafe(nbytes))
                draft.flush()
                with suppress(FileExistsError):
                    os.link(draft.name, path)  # whole or not at all, and the first one wins
        return Hidden(path.read_text("ascii"))


def local_home(environ: Mapping[str, str]) -> Home:
    """Return the folder named by ``DATA_PIPELINE_HOME``, ``.local`` in a clone, or a folder of this user's state."""
    return Home(installation_folder(environ))
