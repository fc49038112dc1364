"""What the maps say in the browser, in the language of the reader: `static/maps/*.js` asks for these by name."""

from flask_babel import gettext as _


def words() -> dict[str, str]:
    """Every text of a map but the names of layers, states and data."""
    return _frame() | _filters() | _tools() | _popups()


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
    }
