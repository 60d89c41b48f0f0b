"""What an address asks for, seen from the server, in the command's connections and in a task's."""

import json
import socket
import ssl
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.warehouse.connect import connect
from tests.support.certificates import server_context
from tests.support.proxy import Proxy

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


@pytest.fixture
def strict_server(tmp_path):
    """Likewise, of a server that lets nobody in whose certificate is not signed by ca.pem."""
    context = server_context(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=answer_over_tls, args=(listener, context))
        thread.start()
        port = listener.getsockname()[1]
        yield f"postgresql://u@localhost:{port}/m?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem&hostaddr=127.0.0.1"
        thread.join()


def test_a_client_certificate_is_shown(strict_server, tmp_path, opened):
    """`sslcert` and `sslkey` reach the server, which answers over TLS only to whoever has them."""
    (tmp_path / "key.pem").chmod(0o600)
    with pytest.raises(ConnectionFailedError, match="seen over TLS"):
        opened(f"{strict_server}&sslcert={tmp_path}/ca.pem&sslkey={tmp_path}/key.pem")


def test_a_client_certificate_that_lacks_is_named(strict_server, opened):
    """Without one the message says which parameters name it."""
    with pytest.raises(ConfigurationError, match="sslcert and sslkey"):
        opened(f"{strict_server}&sslcert=/none&sslkey=/none")


def task(monkeypatch, extra=None, **fields):
    """Return the hook of a connection that somebody has filled in by its fields."""
    described = {"conn_type": "postgres", **fields, "extra": json.dumps(extra or {})}
    monkeypatch.setenv("AIRFLOW_CONN_MARKET_DB", json.dumps(described))
    return WarehouseHook()


def user_of(connection):
    """Return who the server says is connected."""
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def login(server):
    """The loader's fields of an Airflow connection."""
    return {"login": "market_loader", "password": server.cluster.password("loader"), "schema": "market"}


def test_a_socket_in_the_host_field(server, monkeypatch):
    """A folder as host, as of Cloud SQL's proxy, is asked through its socket, whatever listens on the port."""
    parts = urlsplit(server.url())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "project:region:instance")
        place.mkdir()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place / ".s.PGSQL.5432"))
        listener.listen()
        with closing(Proxy(parts.hostname, parts.port, listener)) as front:
            hook = task(monkeypatch, host=str(place), port=5432, **login(server))
            assert user_of(hook.get_conn()) == "market_loader"
            assert front.sent["up"] > 0


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_in_the_host_field(server, monkeypatch, host):
    """The address of this machine by IPv6, with brackets or without."""
    parts = urlsplit(server.url())
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with closing(Proxy(parts.hostname, parts.port, listener)) as front:
        hook = task(monkeypatch, host=host, port=listener.getsockname()[1], **login(server))
        assert user_of(hook.get_conn()) == "market_loader"
        assert front.sent["up"] > 0


def test_extras_reach_the_server(server, monkeypatch):
    """`options` and the application's name of the extra hold in a task."""
    parts = urlsplit(server.url())
    extra = {"options": "-c work_mem=7MB --lock-timeout=1500", "application_name": "desk-3"}
    hook = task(monkeypatch, extra, host=parts.hostname, port=parts.port, **login(server))
    with closing(hook.get_conn()) as connection, connection.cursor() as cursor:
        names = ("work_mem", "lock_timeout", "application_name")
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        assert cursor.fetchone() == ("7MB", "1500ms", "desk-3")


def test_a_service_file_says_everything(server, monkeypatch, tmp_path):
    """Only the service is named; what its file decides stays, a time limit of ours included."""
    parts = urlsplit(server.url())
    password = server.cluster.password("loader")
    (tmp_path / "services").write_text(
        f"# ours\n[market]\nhost={parts.hostname}\nport={parts.port}\ndbname=market\nuser=market_loader\n"
        f"password={password}\nconnect_timeout=33\noptions=-c statement_timeout=4s\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with closing(task(monkeypatch, {"service": "market"}).get_conn()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('statement_timeout')")
        assert cursor.fetchone() == ("market_loader", "4s")
        assert connection.info.dsn_parameters["connect_timeout"] == "33"
        assert connection.info.dsn_parameters["tcp_user_timeout"] == "60000"


def test_every_connection_is_bounded(server, opened):
    """Waiting for a host that is gone ends within a minute, by the command as in a task."""
    with closing(opened(server.url(role="loader"))) as connection, connection.cursor() as cursor:
        told = connection.info.dsn_parameters
        assert {name: told[name] for name in told if "keepalives" in name or "timeout" in name} == {
            "connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3",
            "tcp_user_timeout": "60000",
        }  # fmt: skip
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
        )
        assert cursor.fetchone() == ("1h", "2min")


def test_bounds_of_the_address_hold(server, opened):
    """What the address says of waiting takes the place of ours."""
    url = server.url(role="loader") + "?tcp_user_timeout=5000&keepalives_idle=7&options=-cstatement_timeout%3D9s"
    with closing(opened(url)) as connection, connection.cursor() as cursor:
        told = connection.info.dsn_parameters
        assert (told["tcp_user_timeout"], told["keepalives_idle"], told["keepalives_count"]) == ("5000", "7", "3")
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("9s",)


def test_settings_of_the_address_hold(server, opened):
    """Server options and the application's name come from the address; what it leaves out stays ours."""
    settings = "?options=-c%20work_mem%3D7MB%20-c%20lock_timeout%3D1500&application_name=desk-3"
    with closing(opened(server.url(role="loader") + settings)) as connection, connection.cursor() as cursor:
        names = ("work_mem", "lock_timeout", "application_name", "search_path")
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        assert cursor.fetchone() == ("7MB", "1500ms", "desk-3", "market, public")


def test_the_second_host_is_tried(server, opened):
    """The first of two hosts refuses connections; the second one answers."""
    url = server.url(role="loader").replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:")
    with closing(opened(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("market_loader",)
