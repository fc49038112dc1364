"""How names of places are written, heard and said in English, and what a search asks for. Pure: text in, text out.

The pinyin of a name is made once, at import; a search knows how signs sound from the names that are stored.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass

KINDS = ("road", "compound", "village", "building", "poi", "door")
"""What a place of the gazetteer is; `door` is a house number of a road or compound, or a block in one."""

LONGEST = 60
"""Characters of a search or a name that are looked at."""

_GENERIC = (
    ("大道", "Avenue"), ("大街", "Street"), ("路", "Road"), ("街", "Street"), ("巷", "Lane"), ("道", "Road"),
    ("里", "Lane"), ("胡同", "Hutong"), ("小区", "Residential Quarter"), ("花园", "Garden"), ("公寓", "Apartments"),
    ("广场", "Square"), ("大厦", "Tower"), ("中心", "Centre"), ("幼儿园", "Kindergarten"), ("小学", "Primary School"),
    ("中学", "Middle School"), ("大学", "University"), ("医院", "Hospital"), ("卫生站", "Clinic"), ("药房", "Pharmacy"),
    ("公园", "Park"), ("农贸市场", "Market"), ("市场", "Market"), ("超市", "Supermarket"), ("地铁站", "Metro Station"),
    ("公交站", "Bus Stop"), ("停车场", "Car Park"), ("派出所", "Police Station"), ("银行", "Bank"), ("酒店", "Hotel"),
    ("公厕", "Public Toilet"), ("村", "Village"),
)  # fmt: skip
_ENDINGS = sorted(_GENERIC, key=lambda pair: -len(pair[0]))
_DIRECTIONS = {"东": "East", "南": "South", "西": "West", "北": "North", "中": "Middle"}
_DIGITS = {sign: digit for digit, sign in enumerate("一二三四五六七八九", 1)}
_SECTION = re.compile(r"^(.+(?:路|道|街))([一二三四五六七八九])段$")

_OTHER_SOUNDS = {
    "长": "chang zhang", "朝": "chao zhao", "乐": "le yue", "行": "xing hang", "都": "du dou", "重": "chong zhong",
    "单": "shan dan", "解": "jie xie", "曾": "zeng ceng", "厦": "sha xia", "会": "hui kuai", "番": "fan pan",
    "堡": "bao pu", "盛": "sheng cheng", "泊": "bo po", "角": "jiao jue", "荥": "xing ying", "石": "shi dan",
    "绿": "lv lu", "六": "liu lu", "巷": "xiang hang", "车": "che ju", "传": "chuan zhuan", "曲": "qu",
    "大": "da dai", "什": "shi", "觉": "jue jiao", "省": "sheng xing", "率": "lv shuai", "女": "nv", "吕": "lv",
}  # fmt: skip
"""Signs of place names that sound in two ways, which dictionaries of words get wrong in names they do not know."""

_MOSTLY = "长朝重单曾都"
"""Those of them that sound as written first in nearly all names of places, though a dictionary says the other."""

MOST_SPELLINGS = 3
"""Spellings of one name at most: as the dictionary reads it, and with one sign read the other way."""


@dataclass(frozen=True)
class Spelling:
    """A name as searches meet it: `said` (folded), its `signs` apart, its `pinyin` joined, its `initials`."""

    said: str
    signs: str
    pinyin: str
    initials: str


@dataclass(frozen=True)
class Asked:
    """What a search asks for: the `words` of a name (folded) and perhaps the `number` of a door; `whole` is both."""

    words: str
    number: str | None
    whole: str


def folded(text: str) -> str:
    """A text as it is compared: one width of characters, small letters, no space, dot, dash or apostrophe."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("ü", "v")
    return "".join(sign for sign in plain if sign.isalnum())


def signs(said: str) -> str:
    """A folded text with each Chinese sign a word of its own, as `fn.signs` writes it for pg_trgm."""
    return re.sub(r"([^ -~])", r" \1 ", said)


def spellings(name: str) -> list[Spelling]:
    """The spellings of a name, the usual one first."""
    said = folded(name)
    usual = _sounds(said)
    return [
        Spelling(said, signs(said), "".join(one), "".join(sound[0] for sound in one))
        for one in dict.fromkeys([usual, *_otherwise(said, usual)])
    ][:MOST_SPELLINGS]


def sign_sounds(name: str) -> dict[str, str]:
    """Chinese sign -> how it sounds in this name."""
    said = folded(name)
    return {sign: sound for sign, sound in zip(said, _apart(said), strict=True) if sign > "~"}


@functools.cache
def common_sounds() -> dict[str, str]:
    """How the 6,763 common signs (GB 2312) sound by themselves, for what is typed and is in no stored name."""
    rows = (
        bytes((row, cell)).decode("gb2312", errors="ignore") for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)
    )
    return {sign: _apart(sign)[0] for sign in rows if sign}


def _sounds(said: str) -> tuple[str, ...]:
    """The syllables of a folded name; a digit or letter stands for itself."""
    return tuple(_apart(said))


@functools.lru_cache(maxsize=4096)
def _apart(said: str) -> list[str]:
    # The dictionary takes 57 MB and most of a second: only those who import names load it.
    from pypinyin import lazy_pinyin

    heard = lazy_pinyin(said, errors=list)
    return [
        _OTHER_SOUNDS[sign].split()[0] if sign in _MOSTLY else folded(sound) or sound
        for sign, sound in zip(said, heard, strict=True)
    ]


def _otherwise(said: str, usual: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [
        (*usual[:at], sound, *usual[at + 1 :])
        for at, sign in enumerate(said)
        for sound in _OTHER_SOUNDS.get(sign, "").split()
        if sound != usual[at]
    ]


# House numbers

_NUMBER = r"(\d{1,5})(?:号|栋|幢|座|弄)?(?:(?:附|之|-|–|－|#)(\d{1,4})号?)?"
_MARKED = re.compile(rf"^(.+?)[\s,，]*(?:\bno\.?|\bnumber|#)\s*{_NUMBER}$", re.IGNORECASE)
_AFTER = re.compile(rf"^(.*?[^\d\s,，#])[\s,，]*{_NUMBER}$", re.IGNORECASE)
_BEFORE = re.compile(rf"^(?:no\.?|number|#)?\s*{_NUMBER}[\s,，]+(.*[^\d\s].*)$", re.IGNORECASE)
_ALONE = re.compile(rf"^(?:no\.?|#)?\s*{_NUMBER}$", re.IGNORECASE)


def number_key(given: str) -> str | None:
    """A house number as it is compared: 12, 12-3 for 12号附3号; None for what is none."""
    found = _ALONE.match(unicodedata.normalize("NFKC", given).strip())
    return _key(found[1], found[2]) if found else None


def split_number(text: str) -> tuple[str, str] | None:
    """Name and number of an address such as 春熙路12号附3号, chunxi lu 12 or No. 12, Chunxi Road; None without one."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if before := _BEFORE.match(plain):
        return before[3].strip(" ,，"), _key(before[1], before[2])
    if after := _MARKED.match(plain) or _AFTER.match(plain):
        return after[1].strip(" ,，"), _key(after[2], after[3])
    return None


def _key(number: str, branch: str | None) -> str:
    return str(int(number)) + (f"-{int(branch)}" if branch else "")


def number_words(number: str) -> str:
    """A house number as it is written: 12号, 12号附3号; one that says what it is (3栋) as it is."""
    key = number_key(number)
    if key is None or not number.strip()[-1].isdigit():
        return number.strip()
    main, _dash, branch = key.partition("-")
    return f"{main}号" + (f"附{branch}号" if branch else "")


_COUNTED = ("yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu")
_TO_PINYIN = {
    "avenue": "dadao", "ave": "dadao", "road": "lu", "rd": "lu", "street": "jie", "st": "jie", "lane": "xiang",
    "residential quarter": "xiaoqu", "quarter": "xiaoqu", "garden": "huayuan", "square": "guangchang",
    "tower": "dasha", "park": "gongyuan", "hospital": "yiyuan", "east": "dong", "south": "nan", "west": "xi",
    "north": "bei", "middle": "zhong", "primary school": "xiaoxue", "middle school": "zhongxue",
    "kindergarten": "youeryuan", "market": "shichang", "bank": "yinhang", "hotel": "jiudian",
    **{f"section {digit}": f"{sound}duan" for digit, sound in enumerate(_COUNTED, 1)},
}  # fmt: skip
_ENGLISH = re.compile(rf"\b({'|'.join(sorted(_TO_PINYIN, key=len, reverse=True))})\b\.?")
_PROVINCE = re.compile(r"^[^\d\sa-z]{2,3}省(?=.{2})")


def asked(text: str) -> Asked:
    """A search as typed -> what it asks for. English words for roads count as their pinyin."""
    plain = " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).lower().split())
    plain = _pinyin_words(_PROVINCE.sub("", plain))
    name, number = split_number(plain) or (plain, None)
    return Asked(folded(name), number, folded(plain))


def _pinyin_words(text: str) -> str:
    """English words for what a place is as pinyin, where a name stands before them: chunxi road is chunxi lu."""
    name, *_rest = _ENGLISH.split(text, maxsplit=1)
    return _ENGLISH.sub(lambda word: _TO_PINYIN[word[1]], text) if folded(name) else text


# In English


def english(name: str) -> str:
    """A Chinese name in English: pinyin for the stem, a word for what it is. 春熙路 is Chunxi Road."""
    if section := _SECTION.match(name):
        return f"{english(section[1])} Section {_DIGITS[section[2]]}"
    for ending, word in _ENDINGS:
        stem = name.removesuffix(ending)
        if stem and stem != name:
            way = _DIRECTIONS.get(stem[-1]) if len(stem) > 2 and word in ("Road", "Street", "Avenue") else None
            return f"{_capital(stem[:-1])} {way} {word}" if way else f"{_capital(stem)} {word}"
    return _capital(name)


def english_door(parent: str, number: str) -> str:
    """A door in English: No. 12, Chunxi Road; a block is a block."""
    key = number_key(number) or number
    return f"{'Block' if number.strip()[-1:] in ('栋', '幢', '座') else 'No.'} {key}, {parent}"


def _capital(name: str) -> str:
    joined = "".join(_apart(folded(name)))
    return joined[:1].upper() + joined[1:]
