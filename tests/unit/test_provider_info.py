"""What the package tells Airflow about itself, against the schemas that Airflow ships."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest
from airflow.sdk import BaseOperatorLink

from data_pipeline.get_provider_info import get_provider_info
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.krx import KRXHook
from data_pipeline.hooks.mock import MockHook
from tests.support.project import ROOT

CONNECTION_TYPES = get_provider_info()["connection-types"]


def schema(name):
    """A schema file of the installed Airflow."""
    return json.loads((Path(airflow.__file__).parent / name).read_text("utf-8"))


def fields_of(connection_type):
    """The form fields of a connection type, by name."""
    (found,) = [item for item in CONNECTION_TYPES if item["connection-type"] == connection_type]
    return found["conn-fields"]


def test_airflow_accepts_the_provider_info():
    """The runtime schema, which Airflow checks on start, has no complaint."""
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


@pytest.mark.parametrize("item", CONNECTION_TYPES, ids=lambda item: item["connection-type"])
def test_the_forms_fit_the_strict_schema(item):
    """Form fields are only described by the schema of provider.yaml, which Airflow does not check on start."""
    strict = schema("provider.yaml.schema.json")["properties"]["connection-types"]["items"]
    jsonschema.validate(item, strict)


def test_the_entry_point_names_this_function():
    """Without it Airflow knows neither the connection types nor their forms."""
    (entry,) = [
        entry for entry in entry_points(group="apache_airflow_provider") if entry.value.startswith("data_pipeline.")
    ]
    assert entry.load() is get_provider_info


@pytest.mark.parametrize("hook", [KISHook, KRXHook, MockHook])
def test_each_connection_type_names_its_hook(hook):
    """A hook class that cannot be found, or of another name, would leave its connection type without a hook."""
    (item,) = [item for item in CONNECTION_TYPES if item["connection-type"] == hook.conn_type]
    assert item["hook-class-name"] == f"{hook.__module__}.{hook.__qualname__}"
    assert item["hook-name"] == hook.hook_name


def test_kis_offers_its_two_servers_as_a_choice():
    """A form that took any text would accept a misspelt server."""
    assert fields_of("kis")["environment"]["schema"]["enum"] == ["real", "virtual"]


@pytest.mark.parametrize("field", ["app_key", "account_number", "more_keys"])
def test_kis_hides_its_secret_fields(field):
    """The secrets among the extra fields are shown masked; the app secret is the password field, masked anyway.

    The app key may stand in a masked field instead of the login, which Airflow shows as it was typed.
    """
    assert fields_of("kis")[field]["schema"]["format"] == "password"


@pytest.mark.parametrize("connection_type", ["kis", "krx"])
def test_every_field_but_the_server_may_stay_empty(connection_type):
    """Airflow stores an empty optional field as null, which the schema has to allow."""
    strict = {name for name, field in fields_of(connection_type).items() if "null" not in field["schema"]["type"]}
    assert strict == {"environment"}


def test_what_is_listed_is_there():
    """Every operator, hook and extra link that Airflow's registry would show can be imported; each guide is a page."""
    info = get_provider_info()
    for kind in ("operators", "sensors", "hooks"):
        for one in info[kind]:
            assert [import_module(module) for module in one["python-modules"]]
            assert one["integration-name"] in {integration["integration-name"] for integration in info["integrations"]}
    for name in info["extra-links"]:
        module, _, found = name.rpartition(".")
        assert issubclass(getattr(import_module(module), found), BaseOperatorLink)
    guides = [guide for one in info["integrations"] for guide in one["how-to-guide"]]
    assert [guide for guide in guides if not (ROOT / guide.lstrip("/")).is_file()] == []


def test_no_operator_is_left_out():
    """Every class of the package that Airflow can run as a task is in a module that is listed."""
    info = get_provider_info()
    listed = {module for one in [*info["operators"], *info["sensors"]] for module in one["python-modules"]}
    files = [
        path for path in (ROOT / "data_pipeline" / "operators").glob("*.py") if "Operator):" in path.read_text("utf-8")
    ]
    assert {f"data_pipeline.operators.{path.stem}" for path in files} == listed


@pytest.mark.parametrize("kind", ["integrations", "operators", "sensors", "hooks"])
def test_the_lists_fit_the_strict_schema(kind):
    """That of provider.yaml, which Airflow does not check on start."""
    strict = schema("provider.yaml.schema.json")["properties"][kind]
    jsonschema.validate(get_provider_info()[kind], strict)
