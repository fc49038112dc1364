"""The commands `webgis clock ...`: why a case is due when it is, the working calendar, what another would change."""

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path

import click
from rich.table import Table
from sqlalchemy import text

from webgis import jobs
from webgis.accounts import admin_log
from webgis.cases import backtest as backtests
from webgis.cases import calendar as calendars
from webgis.cases import calendar_file, clock_queries, recompute
from webgis.cases.calendar import Change
from webgis.cases.calendar_file import Day
from webgis.cases.table_commands import (
    FILE,
    OUT,
    SHOWN,
    console,
    faults_shown,
    json_option,
    language,
    print_json,
    print_table,
)
from webgis.cases.working_time import Period, shifts_text
from webgis.catalog import sheets
from webgis.catalog.standards import CURRENT, MINOR_DIGITS
from webgis.db import Runtime

LANGS = ("zh", "en")

lang_option = click.option("--lang", type=click.Choice(LANGS), help="Language; that of the setting locale if left out.")


@click.group()
def clock() -> None:
    """Deadlines: why a case is due when it is, the working calendar, and what another would change."""


@clock.command()
@click.argument("number")
@lang_option
@json_option
@click.pass_obj
def explain(runtime: Runtime, number: str, lang: str | None, as_json: bool) -> None:
    """Say how the deadline of case NUMBER comes about, with the entries of its clock."""
    with runtime.transaction() as session:
        facts = clock_queries.clock_of(session, runtime.settings, clock_queries.any_case(session, number))
    if as_json:
        print_json(facts)
        return
    zone = runtime.settings.zone
    table = Table("at", "entry", "what")
    for one in facts["ledger"]:
        at = datetime.fromisoformat(one["at"]).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            at, one["entry"], ", ".join(f"{value}" for key, value in one.items() if key not in ("at", "entry"))
        )
    if facts["ledger"]:
        console.print(table)
    console.print(facts[f"explanation_{lang or language(runtime.settings)}"], soft_wrap=True)


@clock.group()
def calendar() -> None:
    """The working calendar: days off, make-up days, shifts."""


@calendar.command()
@click.option("--year", type=int, help="Which year; this one if left out.")
@click.option("--all", "every", is_flag=True, help="Every day, not only days off in the week and work at the weekend.")
@json_option
@click.pass_obj
def show(runtime: Runtime, year: int | None, every: bool, as_json: bool) -> None:
    """Show the days of a year and the shifts of its periods."""
    settings = runtime.settings
    with runtime.transaction() as session:
        days = calendars.year(session, settings, year or datetime.now(settings.zone).year)
        periods = calendars.periods(session, settings)
    if as_json:
        facts = {"days": [clock_queries.day_facts(one) for one in days],
                 "periods": [clock_queries.period_facts(one) for one in periods]}  # fmt: skip
        print_json(facts)
        return
    table = Table("day", "weekday", "working", "Chinese", "English", "source")
    for one in days:
        if every or one.name_zh or one.name_en or one.source != "seed" or one.working == (one.day.weekday() > 4):
            shown = calendar_file.row(one, "en")
            table.add_row(*shown[:5], one.source)
    console.print(table)
    console.print(f"{sum(one.working for one in days)} working days of {len(days)}")
    console.print(f"shifts: {settings.working_hours}")
    for one in periods:
        console.print(f"from {one.since} to {one.until or 'further notice'}: {shifts_text(one.shifts)}")


@calendar.command("set")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("what", type=click.Choice(["work", "off"]))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last of several days.")
@click.option("--name", help="What the day is called in Chinese.")
@click.option("--name-en", help="What it is called in English.")
@click.pass_obj
@admin_log.recorded("calendar.set")
def set_day(runtime: Runtime, day, what: str, until, name: str | None, name_en: str | None) -> None:
    """Make DAY (and those --until another) a working day or a day off. Open deadlines are reckoned anew."""
    last = (until or day).date()
    count = (last - day.date()).days + 1
    if count < 1:
        raise click.UsageError("--until is a day from DAY on")
    days = [Day(day.date() + timedelta(days=n), what == "work", name, name_en) for n in range(count)]
    _changed(runtime, lambda session: calendars.set_days(session, runtime.settings, days))


@calendar.command("hours")
@click.argument("shifts", required=False)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day of the period.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day; for good if left out.")
@click.option("--remove", is_flag=True, help="Take away the period that begins --since.")
@click.pass_obj
@admin_log.recorded("calendar.hours")
def set_hours(runtime: Runtime, shifts: str | None, since, until, remove: bool) -> None:
    """Give a period of the year SHIFTS of its own, such as 08:30-12:00,14:30-18:00 in summer."""
    if remove == bool(shifts):
        raise click.UsageError("Give SHIFTS such as 08:30-12:00,14:30-18:00, or --remove")

    def change(session) -> Change:
        others = [one for one in calendars.periods(session, runtime.settings) if one.since != since.date()]
        if shifts:
            others.append(Period(since.date(), until.date() if until else None, calendars.read_shifts(shifts)))
        return calendars.set_hours(session, runtime.settings, others)

    _changed(runtime, change)


@calendar.command("seed")
@click.option("--year", "years", type=int, multiple=True, required=True, help="Which year; may be given several times.")
@click.option("--again", is_flag=True, help="Also days stored before, if nobody edited or imported them.")
@click.pass_obj
@admin_log.recorded("calendar.seed")
def seed_year(runtime: Runtime, years: tuple[int, ...], again: bool) -> None:
    """Store a year as the `holidays` package says; --again once it has learnt of the year's make-up days."""
    _changed(runtime, lambda session: calendars.seed(session, runtime.settings, years, again=again))


def _changed(runtime: Runtime, change) -> None:
    with runtime.transaction() as session:
        done: Change = change(session)
    jobs.hand_over_session(jobs.connect(runtime.settings), session)
    _show_change(done)


def _show_change(done: Change) -> None:
    if not done.written:
        console.print("The calendar says that already; nothing was changed.")
        return
    console.print(f"{done.written} written, {len(done.turned)} days turned; calendar version {done.version}")
    if done.turned:
        console.print(f"turned: {', '.join(day.isoformat() for day in done.turned[:SHOWN])}")
        console.print("Open deadlines are reckoned anew in a moment: webgis clock moves")


@calendar.command("import")
@click.argument("file", type=FILE)
@click.option("--check", is_flag=True, help="Only say which days and how many open deadlines would move.")
@json_option
@click.pass_obj
@admin_log.recorded("calendar.import")
def import_days(runtime: Runtime, file: Path, check: bool, as_json: bool) -> None:
    """Take over days from a CSV, TSV or XLSX FILE. Nothing is loaded when any row is at fault (exit code 2)."""
    with faults_shown(as_json), runtime.transaction() as session:
        done = calendars.import_file(session, runtime.settings, file)
        if check:
            moves = recompute.preview(session, runtime.settings)
            session.rollback()
            session.info.pop(calendars.CHANGED)
            _show_preview(done, moves, as_json)
            return
    jobs.hand_over_session(jobs.connect(runtime.settings), session)
    if as_json:
        print_json(clock_queries.import_facts(done))
        return
    console.print(f"{done.rows} days read from {file.name}")
    _show_change(done.change)
    for day, working in done.turned.items():
        console.print(f"  {day}: {'working day' if working else 'day off'} now")
    if done.ignored:
        console.print(f"columns not read: {', '.join(done.ignored)}")


def _show_preview(done: calendars.Import, moves: recompute.Preview, as_json: bool) -> None:
    """What a file would turn and move."""
    counts = {name: getattr(moves, name) for name in ("checked", "moved", "earlier", "later")}
    turned = {day.isoformat(): working for day, working in done.turned.items()}
    if as_json:
        print_json({"rows": done.rows, "turned": turned} | counts)
        return
    console.print(f"{done.rows} days read, {len(turned)} would be turned. Nothing was changed.")
    console.print(
        f"{moves.moved} of {moves.checked} open deadlines would move: {moves.earlier} earlier, {moves.later} later"
    )


@calendar.command("export")
@click.argument("file", type=OUT)
@click.option("--year", type=int, help="Which year; the next one if left out.")
@click.option("--headings", type=click.Choice(LANGS), help="Language of the table; that of the locale if left out.")
@click.pass_obj
def export(runtime: Runtime, file: Path, year: int | None, headings: str | None) -> None:
    """Write a year to a CSV, TSV or XLSX FILE: a template to fill in, which `import` reads back."""
    settings = runtime.settings
    with runtime.transaction() as session:
        days = calendars.year(session, settings, year or datetime.now(settings.zone).year + 1)
    count = calendars.template(file, days, headings or language(runtime.settings))
    console.print(f"{count} days written to {file}")


@clock.command("recompute")
@click.pass_obj
@admin_log.recorded("clock.recompute")
def recompute_now(runtime: Runtime) -> None:
    """Reckon all open deadlines anew now (a change of the calendar has it done by a job)."""
    done = None
    while done is None or done.next is not None:
        going_on = {} if done is None else {"report": done.id, "after": done.next}
        with runtime.transaction() as session:
            done = recompute.recompute(session, runtime.settings, **going_on)
    jobs.hand_over_session(jobs.connect(runtime.settings), session)
    console.print(f"recompute {done.id}: {done.checked} open cases looked at, {done.moved} moved")


@clock.command()
@click.argument("which", type=click.IntRange(1, 2**63 - 1), required=False)
@json_option
@click.pass_obj
def moves(runtime: Runtime, which: int | None, as_json: bool) -> None:
    """List the recomputes, or what recompute WHICH moved: case, old and new deadline (at most 1,000)."""
    with runtime.transaction() as session:
        rows = recompute.listed(session) if which is None else recompute.moved(session, which)
    if as_json:
        print_json([dict(row._mapping) for row in rows])
        return
    heads = ("recompute", "at", "calendar", "looked at", "moved")
    if which is not None:
        heads = ("case", "deadline was", "deadline is", "due was", "due is")
    print_table(heads, rows, "Nothing has moved.", runtime.settings.zone)


@clock.command()
@click.option("--standard", "file", type=FILE,
              help="Filing standard to try: CSV, TSV or XLSX, as `webgis catalog import` takes.")  # fmt: skip
@click.option("--codes", default=CURRENT, type=click.Choice(list(MINOR_DIGITS)), show_default=True,
              help="Class codes of that file.")  # fmt: skip
@click.option("--calendar", "days_file", type=FILE,
              help="Calendar days to try: a table as `webgis clock calendar import` takes.")  # fmt: skip
@click.option("--hours", help="Shifts to try, such as 08:30-12:00,14:30-18:00.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Cases reported from this day on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Cases reported until this day; today if left out.")
@click.option("--out", type=OUT, help="Write the table to CSV, TSV or XLSX.")
@json_option
@click.pass_obj
def backtest(runtime: Runtime, file, codes, days_file, hours, since, until, out: Path | None, as_json: bool) -> None:
    """Say what would have been late under another filing standard or calendar, by class and department.

    Nothing is stored and no case is touched.
    """
    if not (file or days_file or hours):
        raise click.UsageError("Say what to try: --standard FILE, --calendar FILE or --hours SHIFTS")
    settings = runtime.settings
    with runtime.transaction() as session:
        now = calendars.of_city(session, settings)
    days = calendars.read_file(days_file).days if days_file else ()
    tried = calendars.overlaid(now, days, calendars.read_shifts(hours) if hours else None)
    last = until.date() if until else datetime.now(settings.zone).date()
    with runtime.transaction() as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        report = backtests.backtest(
            session,
            calendar=tried if days or hours else now,
            since=_midnight(runtime, since.date()),
            until=_midnight(runtime, last + timedelta(days=1)),
            entries=backtests.read_standard(session, file, codes) if file else None,
        )
    if out:
        sheets.write(out, backtests.COLUMNS, backtests.rows(report))
    if as_json:
        print_json(report.facts())
    else:
        _show_report(report, out)


def _midnight(runtime: Runtime, day: date) -> datetime:
    return datetime.combine(day, time.min, runtime.settings.zone)


def _show_report(report: backtests.Report, out: Path | None) -> None:
    for title, lines in (("all", [report.total]), ("class", report.classes), ("department", report.departments)):
        table = Table(title, "name", "cases", "late", "late then", "only then", "no more")
        table.columns[0].no_wrap = True
        for line in lines[:SHOWN]:
            counts = list(asdict(line).values())[3:]
            table.add_row(line.key, line.name_zh, *(f"{count:,}" for count in counts))
        console.print(table)
        if len(lines) > SHOWN:
            console.print(f"and {len(lines) - SHOWN} more (--json or --out lists all)")
    unsure = [one for one in report.matches if one.how != "text"]
    console.print("late: as it was. late then: under what is tried; only then, no more: what that changes")
    console.print(f"conditions with the same words there: {len(report.matches) - len(unsure)} of {len(report.matches)}")
    for one in unsure[:SHOWN]:
        console.print(f"  {one.kind} {one.class_code} {one.text_zh} -> {one.other_text_zh or 'none, keeps its limit'}"
                      f" ({one.how})", soft_wrap=True)  # fmt: skip
    if out:
        console.print(f"written to {out}")
