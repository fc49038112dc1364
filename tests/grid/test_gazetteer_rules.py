"""How names are spelled, numbers split off, and searches read."""

import pytest

from webgis.grid import gazetteer_rules as rules


@pytest.mark.parametrize(
    ("typed", "words", "number"),
    [
        ("春熙路", "春熙路", None),
        ("春熙路12号", "春熙路", "12"),
        ("春熙路 12", "春熙路", "12"),
        ("春熙路１２号", "春熙路", "12"),
        ("春熙路12号附3号", "春熙路", "12-3"),
        ("春熙路12-3", "春熙路", "12-3"),
        ("锦绣花园3栋", "锦绣花园", "3"),
        ("chunxi lu 12", "chunxilu", "12"),
        ("Chunxi Lu, No. 12", "chunxilu", "12"),
        ("cxl12", "cxl", "12"),
        ("No. 12, Chunxi Road", "chunxilu", "12"),
        ("Chunxi East Road Section 2", "chunxidongluerduan", None),
        ("road", "road", None),
        ("339电视塔", "339电视塔", None),
        ("四川省成都市春熙路", "成都市春熙路", None),
        ("510104017001002", "510104017001002", None),
        ("  ", "", None),
        ("12", "12", None),
    ],
)
def test_a_search_is_a_name_and_perhaps_a_number(typed, words, number):
    asked = rules.asked(typed)
    assert (asked.words, asked.number) == (words, number)


def test_a_name_is_spelled_by_signs_pinyin_and_initials():
    (spelling,) = rules.spellings("春熙路")
    assert spelling == rules.Spelling("春熙路", " 春  熙  路 ", "chunxilu", "cxl")


def test_a_sign_that_sounds_in_two_ways_is_spelled_in_both():
    assert {one.pinyin for one in rules.spellings("长顺街")} == {"zhangshunjie", "changshunjie"}


def test_letters_and_digits_of_a_name_stand_for_themselves():
    assert rules.spellings("IFS国际金融中心")[0].pinyin == "ifsguojijinrongzhongxin"
    assert rules.sign_sounds("2号线") == {"号": "hao", "线": "xian"}


@pytest.mark.parametrize(
    ("name", "english"),
    [
        ("春熙路", "Chunxi Road"),
        ("人民南路二段", "Renmin South Road Section 2"),
        ("天府大道", "Tianfu Avenue"),
        ("锦绣花园", "Jinxiu Garden"),
        ("水井坊小学", "Shuijingfang Primary School"),
        ("路", "Lu"),
    ],
)
def test_a_name_has_an_english_one(name, english):
    assert rules.english(name) == english


@pytest.mark.parametrize(
    ("given", "key"),
    [("12", "12"), ("12号", "12"), ("12号附3号", "12-3"), ("０12号", "12"), ("3栋", "3"), ("甲", None), ("", None)],
)
def test_a_number_is_compared_by_its_digits(given, key):
    assert rules.number_key(given) == key
