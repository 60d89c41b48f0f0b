"""What the package tells Airflow about itself, against the schemas that Airflow ships."""

from __future__ import annotations

import json
import pkgutil
import re
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

import airflow
import jsonschema
import pytest
from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink
from airflow.triggers.base import BaseTrigger

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


def modules(*kinds):
    """The modules that are listed for these kinds."""
    info = get_provider_info()
    return {module for kind in kinds for one in info[kind] for module in one["python-modules"]}


@pytest.fixture(scope="module")
def ours():
    """Gives the classes of a kind that any file of the package, the plugin and the DAGs included, declares."""
    for name in ("operators", "hooks", "notifications"):
        package = import_module(f"data_pipeline.{name}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(found.name)

    def of(base):
        found: set[type] = set()
        left = [base]
        while left:
            left += (new := set(left.pop().__subclasses__()) - found)
            found |= new
        return {one for one in found if one.__module__.startswith("data_pipeline.")}

    return of


def test_the_walk_misses_no_file_that_declares_a_class_of_airflows():
    """Only these rooms import Airflow's base classes, so that walking them is enough."""
    bases = ("BaseOperator", "BaseHook", "BaseSensorOperator", "BaseTrigger", "BaseOperatorLink", "BaseNotifier")
    found = {
        path.relative_to(ROOT / "data_pipeline").parts[0]
        for path in (ROOT / "data_pipeline").rglob("*.py")
        if any(f"({base})" in path.read_text("utf-8") for base in bases)
    }
    assert found <= {"operators", "hooks", "notifications"}


def test_no_class_is_left_out(ours):
    """Whatever Airflow can run as a task, connect with, wait in or show as a link is in a list, and nothing else is."""
    assert {one.__module__ for one in ours(BaseOperator)} == modules("operators", "sensors")
    # One that others derive from stands for no connection of its own.
    assert {one.__module__ for one in ours(BaseHook) if not one.__subclasses__()} == modules("hooks")
    assert {one.__module__ for one in ours(BaseTrigger)} == modules("triggers")
    links = {f"{one.__module__}.{one.__qualname__}" for one in ours(BaseOperatorLink)}
    assert links == set(get_provider_info()["extra-links"])


def test_every_asset_has_a_scheme_that_is_listed_or_none():
    """A scheme that no provider knows would be taken as it is written, and two spellings for two assets."""
    written = re.findall(r'Asset\("([^"]+)"', "".join(path.read_text("utf-8") for path in (ROOT / "dags").glob("*.py")))
    listed = {scheme for one in get_provider_info()["asset-uris"] for scheme in one["schemes"]}
    assert written
    assert {urlsplit(name).scheme for name in written} - {""} == listed


def test_every_how_to_guide_is_listed():
    """Airflow's registry shows them; one that is written anew belongs there too."""
    guides = {guide for one in get_provider_info()["integrations"] for guide in one["how-to-guide"]}
    assert guides == {f"/docs/how-to/{path.name}" for path in (ROOT / "docs" / "how-to").glob("*.md")}


@pytest.mark.parametrize("kind", ["integrations", "operators", "sensors", "hooks", "triggers", "asset-uris"])
def test_the_lists_fit_the_strict_schema(kind):
    """That of provider.yaml, which Airflow does not check on start."""
    strict = schema("provider.yaml.schema.json")["properties"][kind]
    jsonschema.validate(get_provider_info()[kind], strict)
