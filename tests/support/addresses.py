"""Addresses that lead where they seem to, and those that only seem to."""

from __future__ import annotations

KIS, KRX = "openapi.koreainvestment.com", "data-dbg.krx.co.kr"
OWN = [f"https://{KIS}:9443", "https://openapivts.koreainvestment.com:29443", f"https://{KRX}"]
REFUSED = [
    # a backslash ends the host for urllib3, and is a part of it for urlsplit
    "https://localhost\\.koreainvestment.com", "https://evil.example\\.koreainvestment.com:9443",
    "https://evil.example\\.data-dbg.krx.co.kr", f"https://evil.example\\@{KIS}", f"https:\\\\{KIS}",
    f"https:/\\{KIS}", f"https://evil.example\\\\{KIS}", f"https://{KIS}\\evil.example",
    f"https://[::1]\\.{KIS}", f"https://evil.example/\\.{KIS}",
    # a user or a password
    f"https://{KIS}@evil.example", f"https://{KIS}:9443@evil.example", f"https://user:pw@{KIS}",
    f"https://evil.example@{KIS}", f"https://@{KIS}", f"https://:@{KIS}", f"https://{KIS}@evil.example@{KIS}",
    f"https://127.0.0.1:80\\@{KIS}", f"https://evil.example%40{KIS}", f"https://evil.example/@{KIS}",
    # what only some parsers end a host with
    f"https://evil.example?.{KIS}", f"https://evil.example#.{KIS}", f"https://evil.example;.{KIS}",
    f"https://evil.example%2f.{KIS}", f"https://evil.example%23.{KIS}", f"https://evil.example%5c.{KIS}",
    f"https://evil.example%00.{KIS}", f"https://{KIS}?x=evil.example", f"https://{KIS}#evil.example",
    f"https://{KIS},evil.example", f"https://{{{KIS}}}", f"https://{KIS}|evil.example", f"https://'{KIS}'",
    # blanks and control characters
    f"https://evil.example .{KIS}", f"https://evil.example\t.{KIS}", f"https://evil.example\n.{KIS}",
    f"https://evil.example\r\n.{KIS}", f"https://evil.example\0.{KIS}", f"https://evil.example\x7f.{KIS}",
    f" https://{KIS}", f"https://{KIS} ", f"https:// {KIS}", f"\x01https://{KIS}", f"ht\ttps://{KIS}",
    f"https://{KIS}\nHost: evil.example",
    # letters that only look like others, or become others on their way
    "https://оpenapi.koreainvestment.com", "https://openapi。koreainvestment.com", "https://openapi．koreainvestment.com",
    "https://ｏｐｅｎａｐｉ.koreainvestment.com", f"https://evil.example／.{KIS}", f"https://evil.example＠{KIS}",
    f"https://evil.example⁄.{KIS}", f"https://evil.example\u200b.{KIS}", f"https://evil.example\u00ad.{KIS}",
    f"https://evil.example℀.{KIS}", "http://①②⑦.⓪.⓪.①", "https://증권.example", f"https://{KIS}：9443",
    # no host
    "", "https://", "https:///", "https://:9443", f"https:///{KIS}", f"https:{KIS}", f"https:/{KIS}", "https://.",
    f"https://.{KIS}", f"https://{KIS}.", "https://openapi..koreainvestment.com", "https://*.koreainvestment.com",
    "https://-.koreainvestment.com", "https://[", "https://[]", f"https://[{KIS}]", f"https://[::1].{KIS}",
    "https://[::1", "https://::1", "https://[fe80::1%25eth0]", f"https://[::1%25.{KIS}]",
    # odd ports
    f"https://{KIS}:", f"https://{KIS}:0", f"https://{KIS}:65536", f"https://{KIS}:99999", f"https://{KIS}:-1",
    f"https://{KIS}:+9443", f"https://{KIS}:09443", f"https://{KIS}:9443:9443", f"https://{KIS}:x",
    f"https://{KIS}:９４４３", f"https://{KIS}:9443.", f"https://{KIS}:0x24e3", f"https://{KIS}:9443evil.example",
    # other schemes, or none
    KIS, f"//{KIS}", f"ftp://{KIS}", f"file://{KIS}", f"javascript://{KIS}", f"httpss://{KIS}", f"http+unix://{KIS}",
    f"https:://{KIS}", f"https://https://{KIS}",
    # http to anything but this machine, and numbers that only some take for it
    f"http://{KIS}:9443", f"http://{KRX}", "http://evil.example", "http://192.168.0.7", "http://10.0.0.1:8080",
    "http://0.0.0.0:8080", "http://[::]", "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://127.1",
    "http://127.0.1", "http://2130706433", "http://0x7f000001", "http://0x7f.0.0.1", "http://0177.0.0.1",
    "http://127.0.0.01", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://evil.localhost",
    "http://localhost.", "http://127.0.0.1.", "http://localhost.localdomain", "http://128.0.0.1", "http://126.255.255.255",
    "https://127.0.0.256", "https://1.2.3", "https://1.2.3.4.5", "https://evil.0x7f", "HTTP://EVIL.EXAMPLE",
]  # fmt: skip
TAKEN = [
    (f"https://{KIS}:9443", KIS), (f"HTTPS://{KIS.upper()}:9443/", KIS), (f"https://{KIS}", KIS),
    (f"https://{KIS}/prefix/of-calls", KIS), (f"https://{KIS}.evil.example", f"{KIS}.evil.example"),
    ("https://evilkoreainvestment.com", "evilkoreainvestment.com"), ("https://evil.example", "evil.example"),
    (f"https://evil.example/{KIS}", "evil.example"), (f"https://evil.example:9443/.{KIS}", "evil.example"),
    (f"https://evil.example//{KIS}", "evil.example"), (f"https://evil.example/../{KIS}", "evil.example"),
    ("https://xn--penapi-4jg.koreainvestment.com.evil.example", "xn--penapi-4jg.koreainvestment.com.evil.example"),
    ("https://192.168.0.7:8080", "192.168.0.7"), ("https://[2001:DB8::1]:8080", "[2001:db8::1]"),
    ("https://my_host", "my_host"), ("http://localhost:8000", "localhost"), ("http://LOCALHOST", "localhost"),
    ("http://127.0.0.1:8000/", "127.0.0.1"), ("http://127.255.255.254", "127.255.255.254"),
    ("http://[::1]:8000", "[::1]"), ("http://[0:0:0:0:0:0:0:1]", "[0:0:0:0:0:0:0:1]"),
]  # fmt: skip
"""Addresses with the host they lead to."""
