"""What happens to a case is told to whom it concerns, once, in their language, in digests, by real senders."""

import json
import re
import tomllib
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import text

from tests import ports
from tests.cases.channel_stories import ended, filed, later, taken
from tests.cases.life import Life
from webgis import jobs
from webgis.cases import (
    channel_commands,
    contacts,
    following,
    messages,
    notice_addresses,
    notice_words,
    notices,
    senders,
    workflow,
)
from webgis.db import Runtime
from webgis.errors import Invalid

DAY = {"days": 1}


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


def _told(life: Life, channel: str = "sms") -> list[dict]:
    """What the file sender has written."""
    file = life.settings.var_dir / "outbox" / f"{channel}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _addressed(life: Life, login: str, channel: str = "sms", **given) -> None:
    with life.runtime.transaction() as session:
        address = "13900001111" if channel == "sms" else f"{login}@example.com"
        notice_addresses.set_address(session, life.settings, login, channel, address, **given)


def _waiting(life: Life) -> list[str]:
    """Tasks that wait, besides the drawing of maps and thumbnails."""
    with life.runtime.transaction() as session:
        return [
            job["task"] for job in jobs.listed(session) if job["task"] not in ("maps.draw_cases", "cases.thumbnail")
        ]


# Whom


def test_a_step_writes_no_job_when_nobody_is_to_be_told(life):
    life.closed()
    receipt = taken(life, contacts.Caller())
    ended(life, receipt.number)
    assert _waiting(life) == []


def test_who_reported_what_was_merged_into_no_case_is_told_that_it_is_looked_at_again(life):
    parent, receipt = life.report().number, taken(life)
    life.do("acceptor1", receipt.number, "merge", into=parent)
    life.do("acceptor1", parent, "reject", reason="不属于城市管理")
    later(life.runtime, **DAY)
    assert f"案件{receipt.number}“暴露垃圾”已重新办理。" in _told(life)[-1]["body"]


def test_a_reporter_is_told_of_arrival_at_once_and_of_the_road_as_it_goes(life):
    receipt = taken(life)
    later(life.runtime)
    assert [one["to"] for one in _told(life)] == ["13800001234"] and receipt.number in _told(life)[0]["body"]
    ended(life, receipt.number)
    later(life.runtime, **DAY)
    (_arrived, road) = _told(life)
    for word in ("3条案件通知", "已立案", "已处置", "已结案"):
        assert word in road["body"]


def test_who_wants_no_notices_gets_none(life):
    taken(life, contacts.caller("张", "13800001234", None, channel="none"))
    later(life.runtime, **DAY)
    assert _told(life) == []


def test_who_took_a_call_is_not_told_how_it_goes(life):
    _addressed(life, "acceptor1", "email")
    number = life.report("acceptor1").number
    life.do("acceptor1", number, "reject", reason="重复来电")
    assert _waiting(life) == []


def test_departments_handlers_and_inspectors_are_told_what_is_theirs(life):
    for login in ("sanitation1", "works1", "inspector1", "inspector2"):
        _addressed(life, login, "email")
    number = life.filed()
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    life.do("sanitation1", number, "receive")
    life.do("sanitation1", number, "assign", handler="sanitation1")
    life.do("dispatcher1", number, "urge", note="市民多次来电")
    life.do("sanitation1", number, "resolve", note="已清理")
    life.do("acceptor1", number, "request_verification", inspector="inspector2")
    later(life.runtime, **DAY)
    life.do("inspector2", number, "verify", result="fail", note="未清理干净")
    later(life.runtime, **DAY)
    told: dict[str, str] = defaultdict(str)
    for one in _told(life, "email"):
        told[one["to"]] += one["subject"] + one["body"]
    assert set(told) == {"sanitation1@example.com", "inspector1@example.com", "inspector2@example.com"}
    department = told["sanitation1@example.com"]
    for word in ("已派遣给锦江区环卫所", "已分派给您", "督办", "市民多次来电", "退回重办", "未清理干净"):
        assert word in department
    assert department.count("未通过，已退回") == 1 and "请核查" in told["inspector2@example.com"]
    assert "已立案" in told["inspector1@example.com"], "the inspector reported it"


def test_each_department_is_told_of_its_task_and_of_the_urging_of_the_whole(life):
    for login in ("sanitation1", "works1"):
        _addressed(life, login, "email", digest_minutes=0)
    number = life.filed()
    life.do("dispatcher1", number, "split", departments=["510104-sanitation", "510104-works"])
    life.do("manager1", number, "urge", note="主干道")
    later(life.runtime, seconds=10)
    tasks = {task.department_code: task.number for task in life.family(number)}
    for login, code in (("sanitation1", "510104-sanitation"), ("works1", "510104-works")):
        bodies = " ".join(one["subject"] + one["body"] for one in _told(life, "email") if one["to"].startswith(login))
        assert tasks[code] in bodies and "已派遣" in bodies and "督办" in bodies and number not in bodies


def test_a_department_is_told_what_became_of_its_request(life):
    _addressed(life, "sanitation1", "email")
    number = life.handled()
    asked = life.ask("sanitation1", number, "extension")
    life.answer("dispatcher1", asked.id, "decide", True, "属实")
    later(life.runtime, **DAY)
    body = _told(life, "email")[0]["body"]
    assert "延期申请已同意" in body and "属实" in body


def test_the_reporter_of_a_merged_report_goes_on_being_told_by_their_own_number(life):
    first, second = taken(life), taken(life, contacts.caller("别人", "13900001234", None))
    later(life.runtime, **DAY)
    life.do("acceptor1", second.number, "merge", into=first.number)
    later(life.runtime, **DAY)
    assert first.number in _told(life)[-1]["body"] and "合并" in _told(life)[-1]["body"]
    ended(life, first.number)
    with life.runtime.transaction() as session:
        following.object_to_end(session, life.settings, first.secret, "还在", at=life.now)
    later(life.runtime, **DAY)
    told = {one["to"]: one["body"] for one in _told(life)[-2:]}
    assert set(told) == {"13800001234", "13900001234"}
    for to, number in (("13800001234", first.number), ("13900001234", second.number)):
        assert number in told[to] and "已结案" in told[to] and "已重新办理" in told[to]


def test_a_deadline_that_comes_near_or_passes_is_told_once(life):
    _addressed(life, "sanitation1", "email", digest_minutes=0)
    number = life.handled()
    later(life.runtime, **DAY)
    before = len(_told(life, "email"))
    for moved in ("now() + interval '1 minute'", "now() - interval '1 minute'"):
        with life.runtime.transaction() as session:
            for table in ("case", "open_case"):
                column = ", deadline_at" if table == "case" else ""
                value = f", {moved}" if column else ""
                session.execute(text(f'UPDATE city."{table}" SET (due_at{column}) = ROW({moved}{value})'))
        for _ in range(2):
            with life.runtime.transaction() as session:
                jobs.enqueue(session, "cases.tell_due")
            later(life.runtime, minutes=1)
    subjects = [one["subject"] for one in _told(life, "email")[before:]]
    assert [subject.split()[0] for subject in subjects] == ["将超期", "已超期"] and number in subjects[0]


# In which words

WORDS = {"number": "5101042026112200042", "into": "5101042026112200017", "deadline": "2026-11-23 10:30"}
WORDS |= {"class_name": "暴露垃圾", "department": "环卫所", "place": "春熙路", "link": None, "city": "成都市"}
WORDS |= {"objection_days": 15, "kind": "extension", "granted": True, "zone": "牛王庙站施工管控区"}
WORDS |= {"exercise": True, "title": "下穿隧道积水", "level": "II", "kind_zh": "城市内涝", "kind_en": "Waterlogging"}
WORDS |= {"department_zh": "环卫所", "department_en": "Sanitation", "lead_zh": "应急局", "lead_en": "Emergency"}
WORDS |= {"place_zh": "春熙路", "place_en": "Chunxi Road", "tasks_zh": "- 抽排", "tasks_en": "- Pump", "count": 2}
WORDS |= {"was": "IV", "renamed": True, "other_lead": True, "redrawn": True}
WORDS |= {"alarm_zh": "北下穿：积水达到“封闭”", "alarm_en": "North underpass: water, closed"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("event", notices.AUDIENCE)
def test_every_event_is_said_in_both_languages_with_a_reason_and_without(event, language):
    for reason in ("现场未发现问题", ""):
        said = notice_words.say(event, language, WORDS | {"reason": reason})
        assert WORDS["number"] in said.subject and WORDS["number"] in said.text and WORDS["number"] in said.sms
        assert "\n" not in said.subject + said.sms and "{" not in said.text


def test_both_languages_have_the_same_texts_and_every_event_has_one():
    given = {
        language: tomllib.loads((notice_words.TEMPLATES / f"notices_{language}.toml").read_text())
        for language in ("zh", "en")
    }
    zh, en = ({(event, part) for event in file for part in file[event]} for file in given.values())
    assert zh == en
    assert given["zh"].keys() - {"parts", "digest"} == notices.AUDIENCE.keys()
    assert {*notices.OF_ACTION.values(), *notices.AT_ONCE} <= notices.AUDIENCE.keys()
    assert notices.OF_ACTION.keys() <= set(workflow.ACTIONS)


def test_what_people_typed_is_no_template(life):
    receipt = taken(life, contacts.caller(None, None, "a@example.com", language="en"))
    later(life.runtime)
    life.do("acceptor1", receipt.number, "reject", reason="{{ 7919 * 6841 }} {% raw %} <b>\r\nBcc: x@example.com")
    later(life.runtime, **DAY)
    (_arrived, said) = _told(life, "email")
    assert "{{ 7919 * 6841 }}" in said["body"] and "has not been filed" in said["subject"]
    assert str(7919 * 6841) not in said["body"], "a number of two digits could stand in the link to follow"


def test_the_document_lists_every_event_and_every_value(root):
    document = (root / "docs" / "channels.md").read_text(encoding="utf-8")
    assert {f"`{event}`" for event in notices.AUDIENCE} <= set(re.findall(r"`\w+`", document))
    assert {f"`{value}`" for value in WORDS} <= set(re.findall(r"`\w+`", document))


# Digests


def test_what_comes_together_is_one_message_and_what_comes_later_another(life):
    _addressed(life, "sanitation1", "email")
    numbers = [life.filed(description=f"第 {place} 处") for place in range(7)]
    for number in numbers:
        life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    later(life.runtime, seconds=5)
    assert _told(life, "email") == []
    later(life.runtime, minutes=10)
    (digest,) = _told(life, "email")
    assert digest["subject"] == "7 条案件通知" and all(number in digest["body"] for number in numbers)
    life.do("dispatcher1", numbers[0], "urge")
    later(life.runtime, seconds=5)
    assert len(_told(life, "email")) == 2, "an urging waits for no digest"


def test_a_long_digest_by_short_message_counts_what_it_leaves_out(life):
    _addressed(life, "sanitation1", "sms", language="en")
    for _ in range(7):
        life.do("dispatcher1", life.filed(), "dispatch", department="510104-sanitation")
    later(life.runtime, **DAY)
    (digest,) = _told(life)
    lines = digest["body"].splitlines()
    assert len(lines) == 7 and lines[0].startswith("7 notices") and lines[-1].startswith("2 more")


def test_a_notice_has_the_link_of_its_reader(city_runtime):
    runtime = Runtime(city_runtime.settings.model_copy(update={"public_url": "https://city.example"}))
    life = Life(runtime)
    _addressed(life, "sanitation1", "email")
    receipt = taken(life)
    filed(life, receipt.number)
    life.do("dispatcher1", receipt.number, "dispatch", department="510104-sanitation")
    later(runtime, **DAY)
    assert f"https://city.example/follow/{receipt.secret}" in _told(life)[0]["body"]
    assert f"https://city.example/cases/{receipt.number}" in _told(life, "email")[0]["body"]
    runtime.engine.dispose()


# By real senders


class Mailbox:
    """A mail server that keeps what it takes; `answers` are given to the next letters instead of taking them."""

    def __init__(self) -> None:
        self.letters, self.answers, self.refusals, self.seen = [], [], [], 0

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.refusals:
            return self.refusals.pop(0).format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        self.seen += 1
        if self.answers:
            return self.answers.pop(0)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


class Server(Controller):
    def factory(self):
        return SMTP(self.handler, enable_SMTPUTF8=True)


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.port = ports.unused()
    server = Server(box, hostname="127.0.0.1", port=box.port)
    server.start()
    yield box
    server.stop()


@pytest.fixture
def mailed(city_runtime, mailbox):
    """A life whose e-mail goes to the mail server."""
    url = SecretStr(f"smtp://127.0.0.1:{mailbox.port}")
    changes = {"smtp_url": url, "mail_from": "城管 <no-reply@city.example>"}
    runtime = Runtime(city_runtime.settings.model_copy(update=changes))
    yield Life(runtime)
    runtime.engine.dispose()


MAIL = contacts.caller("张晓明", None, "zhang@example.com")


def test_a_letter_goes_by_smtp_with_everything_a_letter_has(mailed, mailbox):
    receipt = taken(mailed, MAIL)
    later(mailed.runtime)
    (letter,) = mailbox.letters
    assert letter["To"] == "zhang@example.com" and "no-reply@city.example" in letter["From"]
    assert letter["Subject"] == f"已收到您的上报 {receipt.number}" and letter["Auto-Submitted"] == "auto-generated"
    assert "暴露垃圾" in letter.get_content() and letter["Content-Language"] == "zh-CN"
    assert letter["Message-ID"].endswith("@city.example>") and letter["Date"]


def test_a_mail_server_that_fails_is_asked_again_and_nothing_is_sent_twice(mailed, mailbox):
    mailbox.answers = ["451 try later", "452 no space"]
    taken(mailed, MAIL)
    for _ in range(2):
        later(mailed.runtime)
        assert mailbox.letters == [] and _waiting(mailed) == ["cases.send_message"]
        later(mailed.runtime, **DAY)
    assert len(mailbox.letters) == 1 and mailbox.seen == 3
    with mailed.runtime.transaction() as session:
        (message,) = messages.listed(session)
        assert message["sent_at"] and not messages.send(session, mailed.settings, str(message["id"]))
    later(mailed.runtime, **DAY)
    assert len(mailbox.letters) == 1 and _waiting(mailed) == []


def test_a_mail_server_that_is_away_is_asked_again(mailed, mailbox):
    away = mailed.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1")})
    taken(mailed, MAIL)
    runtime = Runtime(away)
    later(runtime)
    assert _waiting(mailed) == ["cases.send_message"]
    runtime.engine.dispose()
    later(mailed.runtime, **DAY)
    assert len(mailbox.letters) == 1


def test_a_recipient_who_is_refused_for_good_is_not_tried_again(mailed, mailbox):
    mailbox.answers = ["550 no such user"]
    taken(mailed, MAIL)
    later(mailed.runtime)
    later(mailed.runtime, **DAY)
    assert mailbox.seen == 1 and _waiting(mailed) == []
    listed = CliRunner().invoke(channel_commands.notices, ["list", "--unsent"], obj=mailed.runtime)
    (shown,) = [json.loads(line) for line in listed.output.splitlines()]
    assert shown["error"].startswith("550") and "zhang@example.com" not in listed.output


def test_a_message_that_eight_workers_take_at_once_is_sent_once(mailed, mailbox):
    taken(mailed, MAIL)
    with mailed.runtime.transaction() as session:
        contact = session.scalar(text("SELECT id FROM city.contact"))
        case = session.scalar(text('SELECT id FROM city."case"'))
        notices.keep(session, mailed.settings, case, "received", {}, str(uuid.uuid4()))

    def bundle(_):
        with mailed.runtime.transaction() as session:
            return messages.bundle(session, contact, None)

    def send(_):
        with mailed.runtime.transaction() as session:
            return messages.send(session, mailed.settings, message)

    with ThreadPoolExecutor(8) as pool:
        (message,) = [made for made in pool.map(bundle, range(8)) if made]
        assert sorted(pool.map(send, range(8))) == [False] * 7 + [True]
    assert len(mailbox.letters) == 1


def test_what_a_mail_server_says_is_kept_without_the_address(mailed, mailbox):
    mailbox.refusals = ["450 <{}> is greylisted", "550 <{}> is unknown"]
    taken(mailed, MAIL)
    later(mailed.runtime)
    with mailed.runtime.transaction() as session:
        (job,) = [one for one in jobs.listed(session) if one["task"] == "cases.send_message"]
        assert job["error"] == "NotNow: 450 <<the recipient>> is greylisted"
    later(mailed.runtime, **DAY)
    with mailed.runtime.transaction() as session:
        assert messages.listed(session)[0]["error"] == "550 <<the recipient>> is unknown"


def test_a_password_is_not_sent_in_the_clear(mailbox):
    message = senders.Outgoing("id", "email", "a@example.com", "s", "b", "zh")
    with pytest.raises(Exception, match="STARTTLS"):
        senders.Smtp(f"smtp://user:secret@127.0.0.1:{mailbox.port}", "x@example.com").send(message)
    assert mailbox.seen == 0


def test_the_file_sender_writes_a_message_once(tmp_path):
    message = senders.Outgoing("id", "sms", "13800001234", None, "b", "zh")
    sender = senders.File(tmp_path / "out" / "sms.jsonl")
    sender.send(message)
    sender.send(message)
    assert len((tmp_path / "out" / "sms.jsonl").read_text().splitlines()) == 1


class Gateway:
    """A city's own way to send short messages."""

    sent: list = []

    def __init__(self, settings) -> None:
        self.city = settings.city_code

    def send(self, message: senders.Outgoing) -> None:
        self.sent.append((self.city, message.to))


def test_a_city_may_bring_its_own_gateway(settings):
    named = settings.model_copy(update={"sms_sender": f"{__name__}:Gateway"})
    senders.of(named, "sms").send(senders.Outgoing("id", "sms", "13800001234", None, "b", "zh"))
    assert Gateway.sent == [("5101", "13800001234")]
    for wrong in ("nowhere:Gateway", f"{__name__}:Nothing", "nothing"):
        with pytest.raises(Invalid) as refused:
            senders.of(settings.model_copy(update={"sms_sender": wrong}), "sms")
        assert refused.value.facts["field"] == "sms_sender"


def test_a_contact_that_was_erased_is_sent_nothing(life):
    taken(life)
    with life.runtime.transaction() as session:
        nothing = "name = NULL, phone = NULL, email = NULL, phone_hash = NULL"
        session.execute(text(f"UPDATE city.contact SET {nothing}, erased_at = now()"))
    later(life.runtime, **DAY)
    assert _told(life) == []


# One's own addresses


def test_people_set_read_and_drop_their_own_addresses(api):
    works = api("works1")
    given = {"channel": "email", "address": "works@example.com", "language": "en", "digest_minutes": 0}
    assert works.post("/api/v1/notices/addresses", given).json["addresses"] == [given]
    changed = given | {"digest_minutes": 30}
    assert works.post("/api/v1/notices/addresses", changed).json["addresses"] == [changed]
    assert api("sanitation1").get("/api/v1/notices/addresses").json == {"addresses": []}
    assert works.post("/api/v1/notices/addresses/drop", {"channel": "email"}).json == {"addresses": []}


@pytest.mark.parametrize(("channel", "address"), [("sms", "028-86540000"), ("sms", "x"), ("email", "nobody")])
def test_an_address_that_cannot_be_used_is_refused(api, channel, address):
    refused = api("works1").post("/api/v1/notices/addresses", {"channel": channel, "address": address})
    assert (refused.status_code, refused.json["field"]) == (422, "address")
