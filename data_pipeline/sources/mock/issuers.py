"""Well-known issuers with real codes, names and shares, so that familiar codes work; their prices are synthetic."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Issuer(NamedTuple):
    """One well-known instrument; price, shares and par value are those around the reference session."""

    code: str
    name: str
    english_name: str
    sector: str
    listed_on: date
    price: int
    """Typical price, won."""
    shares: int
    """Number of listed shares, mostly rounded."""
    face_value: int
    """Won."""
    market: str = "KOSPI"
    split_on: date | None = None
    split_into: int = 1
    """How many new shares came for an old one on ``split_on``."""


def _issuer(line: str) -> Issuer:
    code, name, english, sector, listed_on, price, shares, face, *rest = line.split("|")
    market = rest[0] if rest else "KOSPI"
    split_on, split_into = (date.fromisoformat(rest[1]), int(rest[2])) if len(rest) > 1 else (None, 1)
    return Issuer(
        code, name, english, sector, date.fromisoformat(listed_on), int(price), int(shares), int(face),
        market, split_on, split_into,
    )  # fmt: skip


WELL_KNOWN = tuple(
    _issuer(line)
    for line in """\
005930|삼성전자|Samsung Electronics|Electronics|1975-06-11|71000|5919637900|100|KOSPI|2018-05-04|50
000660|SK하이닉스|SK hynix|Semiconductors|1996-12-26|212000|728002365|5000
373220|LG에너지솔루션|LG Energy Solution|Batteries|2022-01-27|385000|234000000|500
207940|삼성바이오로직스|Samsung Biologics|Pharmaceuticals|2016-11-10|1010000|71174000|2500
005380|현대차|Hyundai Motor|Automobiles|1974-06-28|228000|204757766|5000
000270|기아|Kia|Automobiles|1973-07-21|104000|390000000|5000
068270|셀트리온|Celltrion|Pharmaceuticals|2018-02-09|178000|220000000|1000
035420|NAVER|NAVER|Internet|2002-10-29|231000|156000000|100|KOSPI|2018-10-12|5
035720|카카오|Kakao|Internet|2017-07-10|58700|442000000|100|KOSPI|2021-04-15|5
105560|KB금융|KB Financial Group|Finance|2008-10-10|112500|381000000|5000
055550|신한지주|Shinhan Financial Group|Finance|2001-09-10|67800|495000000|5000
086790|하나금융지주|Hana Financial Group|Finance|2005-12-12|84600|284000000|5000
005490|POSCO홀딩스|POSCO Holdings|Steel|1988-06-10|297000|81000000|5000
051910|LG화학|LG Chem|Chemicals|2001-04-25|286500|70592343|5000
006400|삼성SDI|Samsung SDI|Batteries|1979-02-27|214500|80580000|5000
028260|삼성물산|Samsung C&T|Trading|2014-12-18|171000|170000000|100
012330|현대모비스|Hyundai Mobis|Automobiles|1989-09-05|296000|92000000|5000
066570|LG전자|LG Electronics|Electronics|2002-04-22|84200|163647814|5000
003550|LG|LG|Holding companies|1970-02-13|76300|157000000|5000
032830|삼성생명|Samsung Life Insurance|Insurance|2010-05-12|143000|200000000|500
015760|한국전력|KEPCO|Utilities|1989-08-10|36750|641964077|5000
017670|SK텔레콤|SK Telecom|Telecommunication|1989-11-07|54600|214790053|100
030200|KT|KT|Telecommunication|1998-12-23|51300|252000000|5000
033780|KT&G|KT&G|Food|1999-10-08|137500|121000000|5000
034730|SK|SK|Holding companies|2009-11-11|206500|72500000|200
096770|SK이노베이션|SK Innovation|Energy|2007-07-25|109400|151000000|5000
009150|삼성전기|Samsung Electro-Mechanics|Electronics|1979-02-27|152300|74693696|5000
010130|고려아연|Korea Zinc|Steel|1990-07-28|874000|20700000|5000
036570|엔씨소프트|NCSOFT|Games|2003-05-22|203500|21540000|500
259960|크래프톤|KRAFTON|Games|2021-08-10|318000|47900000|100
323410|카카오뱅크|KakaoBank|Finance|2021-08-06|23850|476900000|5000
329180|HD현대중공업|HD Hyundai Heavy Industries|Shipbuilding|2021-09-17|412500|88770000|5000
247540|에코프로비엠|EcoPro BM|Batteries|2019-03-05|128900|97800000|500|KOSDAQ
086520|에코프로|EcoPro|Batteries|2007-07-20|57600|135700000|100|KOSDAQ
196170|알테오젠|Alteogen|Biotechnology|2014-12-12|389500|53300000|500|KOSDAQ
041510|에스엠|SM Entertainment|Media|2000-04-27|121300|22800000|500|KOSDAQ
035900|JYP Ent.|JYP Entertainment|Media|2001-08-30|73400|35500000|500|KOSDAQ
263750|펄어비스|Pearl Abyss|Games|2017-09-14|38150|64200000|100|KOSDAQ
293490|카카오게임즈|Kakao Games|Games|2020-09-10|16720|82600000|100|KOSDAQ
069500|KODEX 200|KODEX 200|ETF|2002-10-14|47300|190000000|0""".splitlines()
)
