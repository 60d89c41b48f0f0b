"""A line of KIS that answers each command at once, as a rule says, and brings what a test gives it."""

from __future__ import annotations

import json

SUCCESS = ("0", "OPSP0000", "SUBSCRIBE SUCCESS")


def answer(tr_id: str, code: str, result: str, msg_cd: str, text: str) -> str:
    """A control message as the server writes it."""
    header = {"tr_id": tr_id, "tr_key": code, "encrypt": "N"}
    return json.dumps({"header": header, "body": {"rt_cd": result, "msg_cd": msg_cd, "msg1": text}})


class FakeWire:
    """A server that answers each command at once by ``rule``, and sends what a test puts in ``texts``."""

    def __init__(self, clock, rule=lambda *_: SUCCESS):
        self.clock, self.rule = clock, rule
        self.sent, self.times, self.texts, self.pongs = [], [], [], []

    def send(self, text):
        message = json.loads(text)
        asked = message["body"]["input"]
        self.sent.append((message["header"]["tr_type"], asked["tr_id"], asked["tr_key"]))
        self.times.append(self.clock.seconds)
        said = self.rule(len(self.sent), *self.sent[-1])
        if said is not None:
            self.texts.append(answer(asked["tr_id"], asked["tr_key"], *said))

    def pong(self, text):
        self.pongs.append(text)

    def receive(self, seconds):
        found, self.texts = self.texts, []
        self.clock.wait(0.01 if found else seconds)
        return found

    def cut(self):
        pass

    def close(self):
        pass
