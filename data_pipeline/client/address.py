"""Where a call goes: one reading of an address, the same as when it is sent, and what may be said of its host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import requests
from urllib3.util import parse_url

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import hide_login

_PLAIN = re.compile(r"[A-Za-z0-9._~:/\[\]-]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_THIS_MACHINE = IPv6Address("::1")
_EXAMPLE = "https://host:port"
_NAMED_PORT = {"https": 443, "http": 80}
ALLOWED_HOSTS = "KIS_ALLOWED_HOSTS"
"""The variable that names the hosts beside the vendors' own to which credentials may go."""


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host and port as the transport reads them, in lower case."""

    scheme: str
    host: str
    """A name, an IPv4 address, or an IPv6 address in brackets."""
    port: int | None
    """None for the scheme's own."""

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine: ``localhost``, 127.0.0.0/8 or ::1, written as such."""
        if self.host.startswith("["):
            return IPv6Address(self.host[1:-1]) == _THIS_MACHINE
        return self.host == "localhost" or (_is_ipv4(self.host) and IPv4Address(self.host).is_loopback)

    def is_named(self, allowed: Sequence[str]) -> bool:
        """Return whether it is one of these, each a host with or without its port, in lower case."""
        port = self.port or _NAMED_PORT[self.scheme]
        return any(each in {self.host, f"{self.host}:{port}"} for each in allowed)

    def belongs_to(self, *vendor: str) -> bool:
        """Return whether the host is one of these, or lies below one that begins with a dot."""
        return any(self.host.endswith(each) if each.startswith(".") else self.host == each for each in vendor)


def allowed_hosts(text: str) -> tuple[str, ...]:
    """Return what ``KIS_ALLOWED_HOSTS`` names: hosts separated by commas, each with or without a port.

    Raises:
        ConfigurationError: One is no host: it has a scheme, a path, a user, a star or another such character.
    """
    named = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    for one in named:
        found = _read(f"https://{one}")
        if "/" in one or not isinstance(found, Address):
            raise ConfigurationError(
                f"{ALLOWED_HOSTS} must name hosts, separated by commas, like emulator:8000,kis.example.org, each "
                "spelled out and without http://"
            )
    return named


def require_address(name: str, url: str, example: str = _EXAMPLE, allowed: Sequence[str] = ()) -> Address:
    """Return where a call to this address goes.

    An address begins with ``https://``, or with ``http://`` for this machine or a host that is allowed by name. It has
    a host, perhaps a port and a plain path, and nothing that two programs could read in two ways: no user or password,
    backslash, escape, blank, control or non-ASCII character, and no number that only some programs take for an IP
    address.

    Args:
        name: What the address is called in the message; usually the variable.
        url: The address.
        example: A correct one, for the message.
        allowed: What :func:`allowed_hosts` returned.

    Raises:
        ConfigurationError: It is not such an address. The message does not repeat it, since it may hold a password.
    """
    url = hide_login(url)
    found = _read(url)
    if isinstance(found, Address) and found.scheme == "http" and not (found.is_loopback or found.is_named(allowed)):
        found = (
            "it must begin with https://, or credentials would travel in clear text; http:// is for this machine alone "
            f"(127.0.0.1, [::1] or localhost) and for hosts that {ALLOWED_HOSTS} names"
        )
    if isinstance(found, str):
        raise ConfigurationError(f"{name} must be an address like {example}: {found}")
    return found


def require_destination(
    name: str, url: str, vendor: Sequence[str], example: str = _EXAMPLE, allowed: Sequence[str] = ()
) -> Address:
    """Return where credentials go with a call to this address: to the vendor over TLS, to this machine, or as allowed.

    Args:
        name: What the address is called in the message; usually the variable.
        url: The address.
        vendor: The vendor's own hosts, as :meth:`Address.belongs_to` takes them; no name makes them take http.
        example: A correct one, for the message.
        allowed: What :func:`allowed_hosts` returned.

    Raises:
        ConfigurationError: It is no address, or leads to any other host. The message does not repeat it.
    """
    url = hide_login(url)
    found = require_address(name, url, example, allowed)
    own = found.belongs_to(*vendor)
    if own and found.scheme != "https":
        raise ConfigurationError(f"{name} must be an address like {example}: the vendor's own host is asked over TLS")
    if not (own or found.is_loopback or found.is_named(allowed)):
        raise ConfigurationError(
            f"{name} leads to a host that is neither the vendor's own nor this machine, so no key is sent there; if it "
            f"is meant, name it in {ALLOWED_HOSTS} (host or host:port, separated by commas)"
        )
    return found


def require_socket(name: str, url: str, vendor: Sequence[str], example: str, allowed: Sequence[str] = ()) -> Address:
    """Return where a live session goes: to this machine, to a host that is allowed, or to the vendor's own socket.

    The last is the one place where anything secret travels in clear text, because the vendor offers no TLS there: only
    the key that it issues for that socket, never an app key, secret or token, and only to the host itself.

    Args:
        name: What the address is called in the message; usually the variable.
        url: ``ws://`` or ``wss://`` with a host, perhaps a port and a plain path.
        vendor: The vendor's hosts for sockets, each spelled out.
        example: A correct one, for the message.
        allowed: What :func:`allowed_hosts` returned.

    Raises:
        ConfigurationError: It is no such address, or leads to any other host. The message does not repeat it.
    """
    url = hide_login(url)
    scheme, separator, rest = url.partition("://")
    plain = {"ws": "http", "wss": "https"}.get(scheme.lower(), "")
    found = _read(f"{plain}://{rest}") if separator and plain else "it does not begin with ws:// or wss://"
    if isinstance(found, str):
        raise ConfigurationError(f"{name} must be an address like {example}: {found}")
    if not (found.host in vendor or found.is_loopback or found.is_named(allowed)):
        raise ConfigurationError(
            f"{name} leads to a host that is neither the vendor's own nor this machine, so no key is sent there; if it "
            f"is meant, name it in {ALLOWED_HOSTS} (host or host:port, separated by commas)"
        )
    return found


def _read(url: str) -> Address | str:
    """Return the address, or what is wrong with it."""
    if not re.fullmatch(r"[!-~]*", url):
        return "it holds a blank, a control character or a letter beyond ASCII"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return "it does not begin with https:// (or http://, for this machine)"
    if "\\" in url:
        return "it holds a backslash, which programs read in different ways"
    if "@" in url:
        return "it holds a user or a password"
    if not _PLAIN.fullmatch(url):
        return "it holds more than a host, a port and a plain path"
    return _as_sent(url, rest.partition("/")[0].lower())


def _as_sent(url: str, written: str) -> Address | str:
    """Return the address as requests prepares it and urllib3 reads it, if that equals what was written."""
    try:
        sent = parse_url(requests.Request("GET", url).prepare().url or "")
    except (ValueError, requests.RequestException):  # urllib3's errors of parsing are ValueErrors
        return "it has no host, or a port that is none"
    host = sent.host or ""
    # Also finds a port that was left out behind its colon, port 0, and zeros before a port.
    if sent.netloc != written or (sent.port or 1) > 65535:
        return "it has no host, or a port that is none"
    if not (_is_ipv6(host) if host.startswith("[") else _is_name(host) or _is_ipv4(host)):
        return "its host is neither a name nor an IP address"
    return Address(sent.scheme or "", host, sent.port)


def _is_name(host: str) -> bool:
    labels = host.split(".")
    # 127.1, 0x7f000001 and 2130706433 are IP addresses for some, and names for others.
    return all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])


def _is_ipv4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except AddressValueError:
        return False


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host[1:-1]).scope_id is None
    except AddressValueError:
        return False
