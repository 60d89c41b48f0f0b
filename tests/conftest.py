"""Keeps every test away from this machine's own settings: no credentials, no .env, folders that vanish."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]
_FOLDER = Path(tempfile.mkdtemp(prefix="data-pipeline-tests-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("KIS_", "KRX_", "AIRFLOW", "DATA_SOURCE", "MARKET_DB"))]:
    del os.environ[_name]

os.environ.update(
    AIRFLOW_HOME=str(_FOLDER / "airflow"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(_PROJECT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(_PROJECT / "plugins"),
    COORDINATION_URL=(_FOLDER / "coordination").as_uri(),
    DATA_PIPELINE_HOME=str(_FOLDER / "home"),
)
