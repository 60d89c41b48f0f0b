"""Poolers in transaction mode before the server of the tests: PgBouncer, and a front that does the least of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import struct
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

ALLOWED = {"user", "database", "client_encoding", "datestyle", "timezone", "standard_conforming_strings",
           "application_name"}  # fmt: skip
"""Startup parameters that PgBouncer takes. Source: its documentation, ``ignore_startup_parameters``."""
SSL_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def message(kind: bytes, body: bytes) -> bytes:
    """One message of the protocol, version 3."""
    return kind + struct.pack("!I", len(body) + 4) + body


class Wire:
    """Messages over a socket."""

    def __init__(self, sock):
        self.sock = sock
        self._file = sock.makefile("rb")

    def read(self, size):
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def startup(self):
        """Return the code and body of the message that has no kind."""
        (size,) = struct.unpack("!I", self.read(4))
        body = self.read(size - 4)
        return struct.unpack("!I", body[:4])[0], body[4:]

    def message(self):
        kind = self.read(1)
        (size,) = struct.unpack("!I", self.read(4))
        return kind, self.read(size - 4)


class Backend(Wire):
    """A session of the server, logged in by SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

    def __init__(self, address, user, password, database):
        super().__init__(socket.create_connection(address))
        fields = f"user\0{user}\0database\0{database}\0\0".encode()
        self.sock.sendall(struct.pack("!II", len(fields) + 8, 196608) + fields)
        self.statuses = b""
        bare, said = "n=,r=rOprNGfwEbeRWgbNEkqO", ""
        while True:
            kind, body = self.message()
            if kind == b"S":
                self.statuses += message(kind, body)
            elif kind == b"Z":
                return
            elif kind == b"E":
                raise OSError(body)
            elif kind == b"R" and body[:4] == b"\0\0\0\x0a":
                first = f"n,,{bare}".encode()
                self.sock.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
            elif kind == b"R" and body[:4] == b"\0\0\0\x0b":
                said = body[4:].decode()
                self.sock.sendall(message(b"p", self._proof(bare, said, password)))

    @staticmethod
    def _proof(bare, said, password):
        parts = dict(part.split("=", 1) for part in said.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={parts['r']}"
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{said},{final}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
        return f"{final},p={base64.b64encode(proof).decode()}".encode()


class Front:
    """Takes only the startup parameters that PgBouncer takes, and gives each transaction of a client another session.

    A client has two sessions, which take turns and stay open when it has left, as those of a pool do.
    """

    def __init__(self, server):
        self._server = server
        self._backends = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for backend in self._backends:
            backend.sock.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, sock):
        with closing(sock), suppress(EOFError, OSError):
            client = Wire(sock)
            code, body = client.startup()
            while code in {SSL_REQUEST, GSS_REQUEST}:
                sock.sendall(b"N")
                code, body = client.startup()
            if code == CANCEL:
                return
            words = body.decode().split("\0")
            given = dict(zip(words[::2], words[1::2], strict=False))
            for name in [name for name in given if name and name.lower() not in ALLOWED]:
                text = f"SFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0"
                sock.sendall(message(b"E", text.encode()))
                return
            self._answer(client, self._login(given))

    def _login(self, given):
        parts = urlsplit(self._server.url())
        roles = {"market_owner": "owner", "market_loader": "loader", "market_reader": "reader"}
        password = self._server.cluster.password(roles[given["user"]])
        two = [Backend((parts.hostname, parts.port), given["user"], password, given["database"]) for _ in range(2)]
        self._backends += two
        return two

    def _answer(self, client, backends):
        hello = message(b"R", struct.pack("!I", 0)) + backends[0].statuses
        client.sock.sendall(hello + message(b"K", b"\0" * 8) + message(b"Z", b"I"))
        turn = 0
        while True:
            kind, body = client.message()
            if kind == b"X":
                return
            backend = backends[turn % 2]
            backend.sock.sendall(message(kind, body))
            if self._relay(client, backend) == b"I":
                turn += 1

    @staticmethod
    def _relay(client, backend):
        """Hand on answers up to the end of the statement, and return the transaction's state."""
        while True:
            kind, body = backend.message()
            client.sock.sendall(message(kind, body))
            if kind == b"Z":
                return body
            while kind == b"G":  # COPY FROM STDIN: the client's turn
                sent, data = client.message()
                backend.sock.sendall(message(sent, data))
                if sent in {b"c", b"f"}:
                    break


@contextmanager
def pgbouncer(server, folder: Path):
    """Run PgBouncer with its own defaults, in transaction mode, before the server; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    roles = {"market_owner": "owner", "market_loader": "loader", "market_reader": "reader"}
    users = folder / "users.txt"
    users.write_text("".join(f'"{name}" "{server.cluster.password(role)}"\n' for name, role in roles.items()))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={urlsplit(server.url()).port}\n[pgbouncer]\npool_mode = transaction\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n"
        f"auth_file = {users}\n"
    )
    command = [str(PROGRAM), str(settings)]
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(users, "nobody")
        command[1:1] = ["-u", "nobody"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, "PgBouncer did not start"
                assert time.monotonic() < deadline, "PgBouncer does not listen"
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def through(url: str, port: int) -> str:
    """The same address, through the pooler."""
    return url.replace(f":{urlsplit(url).port}/", f":{port}/")


@pytest.fixture(scope="module", params=["front", "PgBouncer"])
def pooler(request, server, tmp_path_factory):
    """The port of a pooler in transaction mode before the server of the tests."""
    if request.param == "front":
        with closing(Front(server)) as front:
            yield front.port
        return
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer); the front on the wire was tested")
    folder = tmp_path_factory.mktemp("pgbouncer")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o711)
    with pgbouncer(server, folder) as port:
        yield port
