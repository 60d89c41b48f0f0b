"""``python -m data_pipeline.emulator``: runs the emulator until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
from datetime import datetime
from pathlib import Path

from data_pipeline.emulator.settings import EmulatorSettings, parse_span, read_keys
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import Clock, market_clock

EXAMPLES = """examples:
  python -m data_pipeline.emulator --port 8080
  python -m data_pipeline.emulator --server virtual --port 8080
  python -m data_pipeline.emulator --now 2026-11-20T10:30 --rate 5 --latency-ms 20:60
  python -m data_pipeline.emulator --now 2026-11-20T20:30 --frozen --port 0 --port-file /tmp/emulator.port

  python -m data_pipeline.emulator --now 2026-11-20T08:59:50 --speed 10 --port 8080

the live stream is on the same port: ws://127.0.0.1:8080/tryitout

while it runs:
  curl http://127.0.0.1:8080/emulator/requests?summary=true
  curl -X PUT http://127.0.0.1:8080/emulator/faults -H 'content-type: application/json' \\
       -d '[{"kind": "status", "status": 503, "path": "inquire-price", "every": 3}]'
  curl -X PUT http://127.0.0.1:8080/emulator/limits -H 'content-type: application/json' -d '{"rate": 9}'
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m data_pipeline.emulator",
        description="Serve the synthetic market over the wire of the KIS Open API. No account, no real prices.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine alone)")
    add("--port", type=_port, default=0, help="port; 0 picks a free one (default)")
    add("--port-file", type=Path, help="file that receives the port once the emulator listens")
    add("--server", default="real", choices=("real", "virtual"), help="which of KIS's servers (default real)")
    add("--rate", type=int, help="calls a second and app key (default 18 real, 1 virtual)")
    add("--ledger-rate", type=int, help="the same for ledger TRs (default: as --rate)")
    add("--per-minute", type=int, help="a hidden limit over any 60 seconds (default none)")
    add("--window", default="sliding", choices=("sliding", "fixed"), help="how a second is counted (default sliding)")
    add("--latency-ms", default="0", metavar="A:B", help="time an answer takes, drawn between A and B")
    add("--jitter-ms", default="0", metavar="A:B", help="time a call travels before it is counted")
    add(
        "--now",
        help="start of the market clock, ISO 8601, Seoul unless it names a zone (default: MARKET_CLOCK or real)",
    )
    add("--frozen", action="store_true", help="let the market clock stand still")
    add("--speed", type=float, default=1.0, help="seconds of the market in a second (default 1)")
    add("--keys", type=Path, metavar="FILE", help="JSON object of app key to secret; others are refused")
    add("--unknown-symbol", default="error", choices=("error", "shell"), help="answer for a code that is not listed")
    add("--newer-token-kills-older", action="store_true", help="a new token makes the older one fail (EGW00123)")
    add(
        "--lively",
        action="store_true",
        help="tell three things wrongly the first time, so that there is something to see",
    )
    add("--json", action="store_true", help="say as one JSON object where it listens")
    add("--stop-with-stdin", action="store_true", help="stop when standard input ends, as when the parent dies")
    return parser


def settings_of(options: argparse.Namespace) -> EmulatorSettings:
    """Return the settings that the options describe; ConfigurationError when they contradict the rules."""
    return EmulatorSettings(
        server=options.server,
        rate=options.rate,
        ledger_rate=options.ledger_rate,
        per_minute=options.per_minute,
        window=options.window,
        latency_ms=parse_span(options.latency_ms),
        jitter_ms=parse_span(options.jitter_ms),
        keys=read_keys(options.keys) if options.keys else None,
        newer_token_kills_older=options.newer_token_kills_older,
        unknown_symbol=options.unknown_symbol,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator; returns the exit code, 0 after a clean stop and 2 for wrong options."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        settings = settings_of(options)
        start = datetime.fromisoformat(options.now) if options.now else None
        wall = market_clock(os.environ)
    except (ConfigurationError, ValueError) as error:
        parser.error(str(error))
    if options.port_file and not os.access(options.port_file.absolute().parent, os.W_OK):
        parser.error(f"cannot write {options.port_file}: name a file in a folder that exists and may be written")
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        parser.error(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    _serve(options, settings, start, wall, listener)
    return 0


def _serve(
    options: argparse.Namespace,
    settings: EmulatorSettings,
    start: datetime | None,
    wall: Clock,
    listener: socket.socket,
) -> None:
    import uvicorn
    from rich.console import Console

    from data_pipeline.emulator.app import create_app
    from data_pipeline.emulator.clock import MarketClock
    from data_pipeline.emulator.kis.stream.protocol import OPTIONS
    from data_pipeline.emulator.lively import LIVELY

    app = create_app(settings=settings, clock=MarketClock(start, frozen=options.frozen, rate=options.speed, wall=wall))
    app.server.faults.replace([*LIVELY] if options.lively else [])
    app.server.view.warm(app.server.clock.now())
    config = uvicorn.Config(
        app,
        # The other one writes every header name in lower case, which KIS does not.
        http="h11",
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="off",
        **OPTIONS,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal that stopped it once more; a stop that was asked for is a clean exit.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    if options.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    port = listener.getsockname()[1]
    if options.port_file:
        _write_whole(options.port_file, str(port))
    said, url = f"KIS emulator ({settings.server}) on", f"http://{options.host}:{port}"
    told = json.dumps({"server": settings.server, "url": url}) if options.json else f"{said} {url}"
    Console(soft_wrap=True, highlight=False, markup=False).print(told)
    server.run(sockets=[listener])


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, not {text!r}")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; OSError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def _write_whole(path: Path, text: str) -> None:
    """Write the file so that a reader sees all of it or nothing."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="ascii")
    partial.replace(path)


def _stop_with_stdin(server: object) -> None:
    while os.read(0, 1024):
        pass
    server.should_exit = True  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
