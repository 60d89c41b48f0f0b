"""What an address asks for, seen from the server, in the command's connections and in a task's."""

import socket
import ssl
import threading
from contextlib import closing

import pytest

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.warehouse.connect import connect
from tests.support.certificates import server_context

FATAL = b"SFATAL\0C57P03\0Mseen over TLS\0\0"


def answer_over_tls(listener, context):
    """Take one client as Postgres does, with TLS, and end it with the error above."""
    client, _ = listener.accept()
    client.recv(8)  # SSLRequest
    client.sendall(b"S")
    try:
        with context.wrap_socket(client, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b"E" + (4 + len(FATAL)).to_bytes(4, "big") + FATAL)
    except (ssl.SSLError, OSError):
        client.close()


@pytest.fixture
def tls_server(tmp_path):
    """A server of one client whose certificate, in ca.pem, is for the name `localhost`; its address up to TLS."""
    context = server_context(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=answer_over_tls, args=(listener, context))
        thread.start()
        yield f"postgresql://u:s3cret@localhost:{listener.getsockname()[1]}/m?hostaddr=127.0.0.1&sslmode=verify-full"
        thread.join()


@pytest.fixture(params=["command", "task"])
def opened(request, monkeypatch):
    """Open an address as the command does, or as a task does."""

    def open_as_task(url):
        monkeypatch.setenv("AIRFLOW_CONN_MARKET_DB", postgres_connection_json(url))
        return WarehouseHook().get_conn()

    return connect if request.param == "command" else open_as_task


def test_tls_that_the_server_lacks_is_refused(server, opened):
    """`sslmode=require` never falls back to clear text; the message says what to look at and no password."""
    with pytest.raises(ConfigurationError, match="demands TLS") as caught:
        opened(server.url(role="loader") + "?sslmode=require")
    assert server.cluster.password("loader") not in str(caught.value)


def test_verify_full_speaks_tls(tls_server, tmp_path, opened):
    """With the right root certificate the server's answer comes through TLS."""
    with pytest.raises(ConnectionFailedError, match="seen over TLS"):
        opened(f"{tls_server}&sslrootcert={tmp_path}/ca.pem")


@pytest.mark.parametrize(
    ("change", "words"),
    [(("ca.pem", "none.pem"), "sslrootcert. is not there"), (("localhost", "127.0.0.1"), "another host name")],
    ids=["no root certificate", "another host"],
)
def test_a_certificate_that_cannot_be_trusted_ends_it(tls_server, tmp_path, opened, change, words):
    """Asking again would not help, so it is no transient error, and it says which part of TLS is wrong."""
    with pytest.raises(ConfigurationError, match=words):
        opened(f"{tls_server}&sslrootcert={tmp_path}/ca.pem".replace(*change))


def test_settings_of_the_address_hold(server, opened):
    """Server options and the application's name come from the address; what it leaves out stays ours."""
    settings = "?options=-c%20work_mem%3D7MB%20-c%20lock_timeout%3D1500&application_name=desk-3"
    with closing(opened(server.url(role="loader") + settings)) as connection, connection.cursor() as cursor:
        names = ("work_mem", "lock_timeout", "application_name", "search_path")
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        assert cursor.fetchone() == ("7MB", "1500ms", "desk-3", "market,public")


def test_the_second_host_is_tried(server, opened):
    """The first of two hosts refuses connections; the second one answers."""
    url = server.url(role="loader").replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:")
    with closing(opened(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("market_loader",)
