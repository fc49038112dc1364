"""What the maps say in the browser, in the language of the reader: `static/maps/*.js` asks for these by name."""

from flask_babel import gettext as _

from webgis.maps import alarm_words, emergency_words, hazard_words, sensor_words, works_words


def words() -> dict[str, str]:
    """Every text of a map but the names of layers, states, kinds of structures of the metro (`drawing`), and data."""
    own = _frame() | _filters() | _tools() | _popups() | _heat()
    others = (works_words, emergency_words, hazard_words, alarm_words, sensor_words)
    return own | {name: word for one in others for name, word in one.on_maps().items()}


def _frame() -> dict[str, str]:
    return {
        "offline": _("No connection: the map shows what it had."),
        "empty": _("No cases here with these filters."),
        "closer": _("Zoom in to see: %(layers)s", layers="{layers}"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "close": _("Close"),
        "layers": _("Layers"),
        "maps": _("Maps"),
        "in_view": _("In this view"),
        "from_zoom": _("from zoom %(zoom)s", zoom="{zoom}"),
        "basemap": _("Basemap"),
        "no_basemap": _("Own areas only"),
        "theme": _("Dark map"),
        "full_screen": _("Full screen"),
        "print": _("Print"),
        "link": _("Copy the link to this view"),
        "link_copied": _("The link is copied."),
        "printed": _("Printed %(time)s", time="{time}"),
        "many_cases": _("Several cases"),
        "open_part": _("open"),
        "ended_part": _("ended"),
        "cases": _("cases"),
        "or_more": _("%(count)s or more", count="{count}"),
        "of_count": _("Cases"),
    }


def _filters() -> dict[str, str]:
    return {
        "filters": _("Filters"),
        "which": _("Which cases"),
        "open": _("Open"),
        "all": _("All"),
        "states": _("States"),
        "class": _("Class"),
        "every_class": _("Every class"),
        "department": _("Department"),
        "every_department": _("Every department"),
        "since": _("From"),
        "until": _("Until"),
        "day": _("Today"),
        "week": _("7 days"),
        "month": _("30 days"),
        "year": _("365 days"),
        "ever": _("All time"),
        "clear": _("Clear the filters"),
    }


def _tools() -> dict[str, str]:
    return {
        "search": _("Cell code, case number or address"),
        "nothing_found": _("Nothing found. Give a cell's code, a case number, or a name."),
        "locate": _("Where I am"),
        "locate_denied": _("The position is not known. Allow it in the browser."),
        "locate_secure": _("The position needs HTTPS. Ask your administrator."),
        "accuracy": _("accurate to %(m)s m", m="{m}"),
        "measure": _("Measure distance and area"),
        "measure_hint": _("Tap points on the map; tap the last one again to end."),
        "distance": _("Distance"),
        "area": _("Area"),
        "perimeter": _("Perimeter"),
        "select": _("Select cases by drawing"),
        "rectangle": _("Rectangle"),
        "polygon": _("Polygon"),
        "this_view": _("This view"),
        "rectangle_hint": _("Tap two opposite corners."),
        "polygon_hint": _("Tap the corners; tap the last one again to end."),
        "selected": _("Cases inside"),
        "newest": _("The newest"),
        "whole_list": _("Open them as a list"),
        "undo": _("Undo"),
        "again": _("Start anew"),
        "failed": _("This did not work. Try again."),
        "snapshot": _("Save as one file"),
        "snapshot_wait": _("Drawing… %(percent)s %%", percent="{percent}"),
        "snapshot_done": _("Open the file"),
        "snapshot_save": _("Save the file"),
    }


def _popups() -> dict[str, str]:
    return {
        "loading": _("Loading…"),
        "cell": _("Cell"),
        "county": _("District"),
        "subdistrict": _("Subdistrict"),
        "community": _("Community"),
        "component": _("Component"),
        "hot": _("Hot spot"),
        "cold": _("Cold spot"),
        "neither": _("Neither hot nor cold"),
        "beat": _("Beat"),
        "on_duty": _("on duty now"),
        "nobody": _("nobody"),
        "reported": _("Reported"),
        "deadline": _("Deadline"),
        "place": _("Place"),
        "to_list": _("Cases of this cell"),
        "state": _("State"),
        "code": _("Code"),
        "metro_line": _("Line"),
        "metro_reach": _("Reaches"),
        "metro_rough": _("Approximate: no outline is known here."),
        "metro_more": _("More about it"),
    }


def _heat() -> dict[str, str]:
    return {
        "heat": _("Heat"),
        "measured": _("Measured"),
        "unit_count": _("Number of cases"),
        "unit_per_km2": _("Cases per km²"),
        "unit_per_10000_people": _("Cases per 10,000 people"),
        "unit_per_patrol_hour": _("Cases per patrol hour"),
        "level": _("By place"),
        "by_zoom": _("As the zoom is"),
        "of_place": _("by square, closer by cell"),
        "of_cell": _("by cell"),
        "of_community": _("by community"),
        "of_subdistrict": _("by subdistrict"),
        "of_county": _("by district"),
        "compare": _("Compared with"),
        "compare_not": _("Nothing"),
        "compare_before": _("The span before"),
        "compare_year": _("A year earlier"),
        "compare_other": _("Other days"),
        "compared": _(
            "%(since)s to %(until)s, beside %(than_since)s to %(than_until)s; by the day",
            since="{since}", until="{until}", than_since="{than_since}", than_until="{than_until}",
        ),
        "more_2": _("At least twice as many"),
        "more_1": _("More cases"),
        "same": _("No more than chance"),
        "less_1": _("Fewer cases"),
        "less_2": _("Half or less"),
        "sure": _("more than chance"),
        "together": _("All together"),
        "a_day": _("A day"),
        "no_figure": _("No figure: what it is divided by is not known"),
        "counts_all": _("All cases are counted here: states and departments are left out of account."),
        "steps_kept": _("The steps stay the same while time moves, so that colours can be compared."),
        "time": _("Window of time"),
        "time_step": _("Width of the window"),
        "no_window": _("All at once"),
        "by_day": _("Day by day"),
        "by_week": _("Week by week"),
        "by_month": _("Month by month"),
        "window": _("Window"),
        "play": _("Play"),
        "pause": _("Pause"),
        "earlier": _("Earlier"),
        "later": _("Later"),
    }  # fmt: skip
