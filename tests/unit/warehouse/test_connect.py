"""Addresses and connection errors, without a server."""

import socket
from contextlib import closing

import pytest

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError
from data_pipeline.warehouse.address import address
from data_pipeline.warehouse.connect import connect


def test_address_leaves_the_password_out():
    """What is printed of an address is user, host, port and database."""
    assert address("postgresql://ann:s3cret@db.example:6432/market") == "ann@db.example:6432/market"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@db/market",
        "s3cret",
        "",
        "postgresql://ann:s3cret@db:port/market",
        "postgresql://ann:s3cret@[db/market",
        "postgresql://ann:s3cret@db/market?nonsense=1",
    ],
)
def test_malformed_address_is_not_repeated(url):
    """A malformed address is a configuration error that shows the form and not the secret."""
    with pytest.raises(ConfigurationError, match="MARKET_DB_URL") as caught:
        connect(url)
    assert "s3cret" not in str(caught.value)


def test_server_that_is_away_may_come_back():
    """Nobody listening is a transient error that names the place and not the password."""
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(ConnectionFailedError, match=rf"ann@127\.0\.0\.1:{port}/market cannot be reached") as caught:
            connect(f"postgresql://ann:s3cret@127.0.0.1:{port}/market")
    assert "s3cret" not in str(caught.value)
