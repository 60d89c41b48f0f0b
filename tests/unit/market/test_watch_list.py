"""The watch list."""

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.watch_list import takes_whole_market, watch_list


def test_codes_are_separated_by_commas_or_spaces_and_kept_once():
    """Order is kept and repeats are dropped."""
    assert watch_list({"WATCH_LIST": "005930, 000660 005930,0001A0"}) == ("005930", "000660", "0001A0")


def test_without_a_setting_twenty_large_issues_are_watched():
    """Samsung Electronics leads the default list."""
    codes = watch_list({})
    assert (len(codes), codes[0]) == (20, "005930")


def test_a_wrong_code_names_the_setting():
    """A typing error stops the run before any call."""
    with pytest.raises(ConfigurationError, match=r"WATCH_LIST.*'5930'"):
        watch_list({"WATCH_LIST": "005930,5930"})


def test_the_universe_is_the_market_unless_it_is_narrowed():
    """Empty and market mean every listed instrument."""
    assert [takes_whole_market({"UNIVERSE": text}) for text in ("", "market", " watch_list ")] == [True, True, False]
    assert takes_whole_market({})


def test_another_universe_is_refused():
    """A misspelt word would load the market in place of a list."""
    with pytest.raises(ConfigurationError, match="UNIVERSE must be market or watch_list, not 'watchlist'"):
        takes_whole_market({"UNIVERSE": "watchlist"})
