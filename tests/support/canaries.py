"""Secrets that no test may find again, the forms in which they could come out, and the ways that show a thing."""

from __future__ import annotations

import base64
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus

from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from tests.support.project import ROOT

SECRETS = {
    "app key": "PSCANARYappKEY".ljust(36, "k"),
    "app secret": "CANARYappSECRET+/=".ljust(180, "s"),
    "second app key": "PSCANARYsecondKEY".ljust(36, "q"),
    "second app secret": "CANARYsecondSECRET+/=".ljust(180, "z"),
    "account number": "98127634-01",
    "KRX key": "CANARYkrxKEY".ljust(40, "x"),
    "access token": "CANARYtoken.eyJ0eXAiOiJKV1QifQ.abcdefgh",
    "approval key": "CANARYapproval-1234-5678",
    "owner's password": "CANARYowner/pa+ss=",
    "loader's password": "CANARYloader/pa+ss=",
    "reader's password": "CANARYreader/pa+ss=",
    "Airflow's password": "CANARYairflow/pa+ss=",
    "Redis's password": "CANARYredis/pa+ss=",
    "TLS key's password": "CANARYtls/pa+ss=",
    "Fernet key": base64.urlsafe_b64encode(b"CANARYfernet".ljust(32, b"f")).decode(),
}
"""By what they are called in a report. Those of KIS have the documented lengths, and characters that get escaped."""

Way = Callable[[Any], str]


@lru_cache(maxsize=1)
def _forms() -> dict[str, tuple[str, ...]]:
    return {name: tuple(dict.fromkeys(_spelled(secret))) for name, secret in SECRETS.items()}


def _spelled(secret: str) -> Iterator[str]:
    """Yield a secret as it is, escaped, encoded, and cut short as some printers do."""
    yield secret
    yield from (quote(secret), quote_plus(secret), quote(secret, safe=""), secret.replace("/", "\\/"))
    yield from (form(secret.encode()).decode().rstrip("=") for form in (base64.b64encode, base64.urlsafe_b64encode))
    yield secret.encode().hex()
    yield secret[:14] if len(secret) > 14 else secret


def found_in(text: str, more: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return the names of the secrets that stand in a text in any form.

    Args:
        text: What is shown.
        more: Secrets beside the planted ones, by name.
    """
    forms = {**_forms(), **{name: tuple(_spelled(secret)) for name, secret in more.items()}}
    return [name for name, spelled in forms.items() if any(form in text for form in spelled)]


def _written(thing: Any) -> str:
    """What a logger writes of it, with the error's traceback if it is one."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logger = logging.Logger("canary", logging.DEBUG)  # noqa: LOG001 - one that hands nothing on
    logger.addHandler(handler)
    logger.debug("%s %r", thing, thing, exc_info=thing if isinstance(thing, BaseException) else None)
    return heard.getvalue()


def _pickled(thing: Any) -> str:
    """What a pickle of it holds; nothing for what cannot be pickled."""
    try:
        return pickle.dumps(thing, protocol=2).decode("latin-1")
    except Exception:  # noqa: BLE001 - whatever stands in the way, nothing comes out
        return ""


def _in_a_frame(thing: Any) -> BaseException:
    """An error of which one frame holds the thing."""

    def frame() -> None:
        held = thing  # noqa: F841 - for the traceback
        raise LookupError

    try:
        frame()
    except LookupError as error:
        return error
    raise AssertionError


OF_OBJECTS: dict[str, Way] = {
    "str": str,
    "repr": repr,
    "format": lambda thing: f"{thing}",
    "percent": lambda thing: "%s %r %a" % (thing, thing, thing),  # noqa: UP031 - a way of its own
    "in a list": lambda thing: str([thing]),
    "in a dictionary": lambda thing: str({"held": thing}),
    "in an error": lambda thing: repr(ValueError(thing)),
    "pprint": pprint.pformat,
    "JSON": lambda thing: json.dumps({"held": thing}, default=repr),
    "log": _written,
    "rich": lambda thing: pretty_repr(thing, max_width=100_000),
    "pickle": _pickled,
    "traceback with locals": lambda thing: with_locals(_in_a_frame(thing), own=True),
    "rich traceback with locals": lambda thing: with_rich(_in_a_frame(thing), own=True),
}
"""How an object comes to be seen."""


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, hidden or not."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [each for each in (one.__cause__, one.__context__) if each is not None]


def _outside(error: BaseException) -> traceback.TracebackException:
    """The traceback with locals, without the frames of tests, which know the secrets."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    part: traceback.TracebackException | None = whole
    waiting = [whole]
    while waiting:
        part = waiting.pop()
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(str(ROOT / "tests"))]
        waiting += [each for each in (part.__cause__, part.__context__) if each is not None]
    return whole


def with_locals(error: BaseException, *, own: bool = False) -> str:
    """The traceback with the local variables of every frame.

    Args:
        error: What was caught.
        own: Whether the frames of tests, which know the secrets, are shown too.
    """
    if own:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return "".join(_outside(error).format())


def _bare(error: BaseException, *, own: bool) -> Any:
    """The error's traceback from the first frame on that is no test's."""
    trace = error.__traceback__
    while not own and trace is not None and trace.tb_frame.f_code.co_filename.startswith(str(ROOT / "tests")):
        trace = trace.tb_next
    return trace


def with_rich(error: BaseException, *, own: bool = False) -> str:
    """What rich prints of it, local variables included and unabridged."""
    trace = Traceback.from_exception(
        type(error), error, _bare(error, own=own), show_locals=True, width=4000, locals_max_string=100_000,
        locals_max_length=1_000, locals_hide_dunder=False,
    )  # fmt: skip
    for stack in trace.trace.stacks:
        if not own:
            stack.frames = [frame for frame in stack.frames if not frame.filename.startswith(str(ROOT / "tests"))]
    heard = Console(file=io.StringIO(), width=4000, record=True)
    heard.print(trace)
    return heard.export_text()


def like_cgitb(error: BaseException) -> str:
    """Every variable of every frame by itself and its attributes, as the old cgitb and some services print them."""
    said = []
    for one in chain_of(error):
        trace = one.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if not frame.f_code.co_filename.startswith(str(ROOT / "tests")):
                said += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
            trace = trace.tb_next
    return "\n".join(said)


def _attributes(error: BaseException) -> str:
    """What an error carries along: its attributes, and the answer with the request beside it."""
    said = []
    for one in chain_of(error):
        said += [repr(vars(one)), repr(getattr(one, "__notes__", ""))]
        answer = getattr(one, "response", None)
        if answer is not None:
            said += [answer.text, str(answer.headers), str(answer.url), repr(vars(answer))]
        for request in (getattr(one, "request", None), getattr(answer, "request", None)):
            said += [str(vars(request))] if request is not None else []
    return "\n".join(said)


OF_ERRORS: dict[str, Way] = {
    "str": lambda error: " ".join(str(one) for one in chain_of(error)),
    "repr": lambda error: " ".join(repr(one) for one in chain_of(error)),
    "arguments": lambda error: " ".join(repr(one.args) for one in chain_of(error)),
    "attributes": _attributes,
    "log": _written,
    "pickle": _pickled,
    "traceback": lambda error: "".join(traceback.format_exception(error)),
    "traceback with locals": with_locals,
    "rich traceback with locals": with_rich,
    "like cgitb": like_cgitb,
}
"""How an error comes to be seen."""
