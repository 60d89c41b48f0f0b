"""Signs of life of runs that are being fetched."""

from data_pipeline.engine.warehouse import SignsOfLife
from tests.unit.engine.fakes import FakeWarehouse


def test_a_run_is_renewed_every_half_minute():
    """Sooner than that, and without a run, nothing is asked of the warehouse."""
    moment, warehouse = 100.0, FakeWarehouse()
    signs = SignsOfLife(warehouse, lambda: moment)
    moment = 129.9
    signs.give_in_time([7])
    moment = 130.0
    signs.give_in_time([])
    assert warehouse.steps == []
    signs.give_in_time([7])
    moment = 159.9
    signs.give_in_time([7])
    assert warehouse.steps == ["renew_runs", "commit"]
    assert warehouse.arguments["renew_runs"] == ([7],)
