"""The live process: connections handed over, told what their readers may see, caught up, and ended with their login."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from tests.cases.life import Life
from webgis import jobs
from webgis.accounts import operations as accounts
from webgis.cases import claims
from webgis.live import handover, presence, rounds, streams

PATIENCE_S = 60


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


class Listener:
    """A reader's end of a stream that was handed over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.last = reader, writer, ""
        self.passed: list[str] = []

    async def next(self, wanted: str) -> Any:
        """The data of the next event of this name; the names of those before it are `passed`."""
        self.passed = []
        name = ""
        async with asyncio.timeout(PATIENCE_S):
            while raw := await self.reader.readline():
                field, _colon, value = raw.decode().rstrip("\n").partition(": ")
                if field == "id":
                    self.last = value
                elif field == "event":
                    name = value
                elif field == "data" and name == wanted:
                    return json.loads(value)
                elif field == "data":
                    self.passed.append(name)
        raise AssertionError(f"the stream ended without {wanted}")

    async def head(self) -> str:
        """The status line; what follows is left to be read."""
        async with asyncio.timeout(PATIENCE_S):
            lines = [(await self.reader.readline()).decode().rstrip()]
            while lines[-1]:
                lines.append((await self.reader.readline()).decode().rstrip())
            await self.reader.readline()
            await self.reader.readline()
        return lines[0]

    async def ended(self) -> bool:
        """Wait for the end of the stream."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.reader.read(65536):
                pass
        return True


async def listen(
    life: Life, login: str, tab: str = "", since: str = "", counts: bool = False, key: str = ""
) -> Listener:
    """Have a connection handed over as the web does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader, writer = await asyncio.open_connection(*server.getsockname())
        web, _address = server.accept()
    told = {
        "actor": asdict(life.actor(login)),
        "login": {"key": key or "wg_none"},
        "tab": tab,
        "counts": counts,
        "since": since,
    }
    with web:
        assert await asyncio.to_thread(handover.give, life.settings, {"gunicorn.socket": web}, told)
    listener = Listener(reader, writer)
    assert await listener.head() == "HTTP/1.1 200 OK"
    return listener


def run(life: Life, story: Callable[[], Awaitable[None]]) -> None:
    """Tell a story while the live process is there."""

    async def both() -> None:
        serving = asyncio.create_task(streams.serve(life.runtime))
        while not (life.settings.var_dir / handover.NAME).exists():
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0)
        telling = asyncio.create_task(story())
        await asyncio.wait([serving, telling], return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        telling.result()

    # In a thread of its own: where a browser test ran before, this one has a loop that runs already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, both()).result()


def test_a_change_is_told_to_those_who_may_see_the_case(life):
    number = life.filed()

    async def story() -> None:
        centre, own, other = [await listen(life, login) for login in ("dispatcher1", "sanitation1", "works1")]
        for one in (centre, own, other):
            await one.next("hello")
        await asyncio.to_thread(life.do, "dispatcher1", number, "dispatch", department="510104-sanitation")
        told = await centre.next("case")
        assert (told["number"], told["state"], told["was"]) == (number, "dispatched", "filed")
        assert await own.next("case") == told
        await asyncio.to_thread(life.do, "sanitation1", number, "return", reason="不属于我单位")
        assert await own.next("case") == {"number": number, "gone": True}
        again = await asyncio.to_thread(life.do, "dispatcher1", number, "dispatch", department="510104-works")
        assert (await other.next("case"))["version"] == again.version

    run(life, story)


def test_a_claim_is_told_to_those_who_may_see_the_case_and_so_is_its_end(life):
    number = life.filed()

    def do(what, login: str):
        with life.runtime.transaction() as session:
            more = (life.settings,) if what is not claims.release else ()
            return what(session, *more, life.actor(login), *((number,) if what is not claims.claim_next else ()))

    async def story() -> None:
        desk, elsewhere = await listen(life, "dispatcher2"), await listen(life, "works1")
        for one in (desk, elsewhere):
            await one.next("hello")
        claimed = await asyncio.to_thread(do, claims.claim_next, "dispatcher1")
        told = await desk.next("claim")
        assert (claimed.number, told["number"], told["by"]["name"]) == (number, number, "dispatcher1 岗")
        assert datetime.fromisoformat(told["until"]) == claimed.until
        heard = desk.last
        await asyncio.to_thread(do, claims.release, "dispatcher1")
        assert await desk.next("claim") == {"number": number, "by": None, "until": None}
        await asyncio.to_thread(do, claims.claim, "dispatcher2")
        again = await listen(life, "acceptor1", since=heard)
        assert [(await again.next("claim"))["by"] and "taken" for _ in range(2)] == [None, "taken"]
        await asyncio.to_thread(life.do, "dispatcher2", number, "dispatch", department="510104-works")
        await asyncio.to_thread(life.do, "works1", number, "receive")
        assert (await elsewhere.next("case"))["number"] == number
        assert "claim" not in elsewhere.passed

    run(life, story)


def test_who_comes_back_hears_what_they_missed_and_who_was_away_too_long_asks_again(life):
    async def story() -> None:
        first = await listen(life, "acceptor1")
        await first.next("hello")
        await asyncio.to_thread(life.report)
        await first.next("case")
        heard = first.last
        first.writer.close()
        missed = (await asyncio.to_thread(life.report)).number
        steady = await listen(life, "acceptor1", since=heard)
        assert (await steady.next("case"))["number"] == missed
        stranger = await listen(life, "acceptor1", since="another.7")
        assert await stranger.next("resync") == {}

    run(life, story)


def test_counts_are_told_at_first_and_when_they_change(life):
    async def story() -> None:
        desk = await listen(life, "acceptor1", counts=True)
        assert (await desk.next("counts"))["reported"] == [0, 0]
        await asyncio.to_thread(life.report)
        assert (await desk.next("counts"))["reported"][0] == 1

    run(life, story)


def test_two_at_one_case_see_each_other_and_nobody_else_does(life):
    number, redis = life.report().number, jobs.connect(life.settings)

    async def story() -> None:
        one, two, elsewhere = [
            await listen(life, login, tab=login) for login in ("acceptor1", "dispatcher1", "dispatcher2")
        ]
        for listener in (one, two, elsewhere):
            await listener.next("hello")

        async def look(login: str, tab: str, where: str | None) -> None:
            await asyncio.to_thread(presence.look, redis, life.settings, life.actor(login), tab, where)

        await look("acceptor1", "acceptor1", number)
        await look("dispatcher1", "dispatcher1", number)
        assert [person["name"] for person in (await two.next("presence"))["people"]] == ["acceptor1 岗"]
        alone = await one.next("presence")
        assert (alone if alone["people"] else await one.next("presence"))["people"][0]["name"] == "dispatcher1 岗"
        await look("dispatcher2", "acceptor1", number)  # a tab of somebody else's is not theirs
        await look("dispatcher1", "dispatcher1", None)
        looks = presence.looking(redis, life.settings, number)
        assert {one.name for one in looks} == {"acceptor1 岗", "dispatcher2 岗"}
        await asyncio.to_thread(life.report)
        for listener in (one, elsewhere):
            await listener.next("case")
            assert "presence" not in listener.passed

    run(life, story)


def test_a_stream_ends_with_the_key_or_login_by_which_it_was_opened(life, monkeypatch):
    monkeypatch.setattr(rounds, "RENEW_S", 0.05)
    with life.runtime.transaction() as session:
        key = accounts.make_key(session, "acceptor1")

    async def story() -> None:
        listener = await listen(life, "acceptor1", key=key)
        await listener.next("hello")
        await asyncio.to_thread(life.report)
        await listener.next("case")
        with life.runtime.transaction() as session:
            accounts.revoke_keys(session, "acceptor1")
        assert await listener.ended()

    run(life, story)


def test_what_a_round_does_not_expect_ends_the_process_and_is_raised(life):
    redis, channel = jobs.connect(life.settings), presence.channel(life.settings)

    async def failing() -> None:
        serving = asyncio.create_task(streams.serve(life.runtime))
        while not (life.settings.var_dir / handover.NAME).exists():
            await asyncio.sleep(0)
        listener = await listen(life, "acceptor1")
        while not await asyncio.to_thread(redis.publish, channel, "no news of ours"):
            assert not serving.done()
        with pytest.raises(ValueError, match="Expecting value"):
            await asyncio.wait_for(serving, PATIENCE_S)
        assert await listener.ended()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, failing()).result()


def test_without_a_live_process_nothing_is_handed_over(life):
    mine, other = socket.socketpair()
    with mine, other:
        assert not handover.give(life.settings, {"gunicorn.socket": mine}, {})
        assert not handover.give(life.settings, {}, {})
        mine.send(b"still mine")
        assert other.recv(20) == b"still mine"
