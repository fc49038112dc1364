"""How the walk over all addresses fills their paths, queries and bodies; and which addresses are open to strangers."""

from dataclasses import dataclass, field
from typing import Any

from tests import city


@dataclass(frozen=True)
class Way:
    """What an address is asked with. Parts of the path that are not named here are those of a case inside or outside
    (`number`, `photo_id`, `request_id`); `{number}` in a query is its number."""

    parts: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] | None = None
    body: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] | None = None


HERE = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}
BOX = {"bbox": "104.06,30.655,104.07,30.66"}
MATTER = HERE | {"kind": "matter", "class": city.REFUSE, "description": "路口垃圾"}
TILE = {"z": 14, "x": 12928, "y": 6726}
"""The tile that holds the small city."""

PIT = {
    "purpose": "other",
    "ground": {
        "type": "Polygon",
        "coordinates": [[[104.0622, 30.6571], [104.0624, 30.6571], [104.0624, 30.6573], [104.0622, 30.6571]]],
    },
    "starts": "2026-11-23",
    "ends": "2030-01-01",
}
"""Work in the western community that needs a permit."""

HAZARD = {
    "kind": "dam",
    "name_zh": "水坝",
    "holder": "示例单位",
    "geometry": {"type": "Point", "coordinates": city.IN_WEST},
    "radius_m": 50,
}

WAYS: dict[str, Way] = {
    **{
        f"admin.{section}_work{tail}": Way({"name": "0" * 16})
        for section in ("areas", "standards", "calendar", "metro", "construction", "hazards", "emergency", "alarms")
        for tail in ("", "_state", "_take")
    },
    **{f"admin.areas_{name}": Way({"name": "0" * 16}) for name in ("shapes", "faults")},
    **{
        f"admin.{name}": Way({"version": 1})
        for name in ("routing_set", "routing_export", "routing_import", "routing_dry_run", "activate_routing")
    },
    **{f"admin.{name}": Way({"version": 1}) for name in ("new_rule", "add_rule", "drop_routing")},
    **{f"admin.{name}": Way({"version": 1, "number": 1}) for name in ("rule", "change_rule", "remove_rule")},
    **{f"admin.{name}": Way({"standard_id": 1}) for name in ("standard", "standard_export", "activate_standard")},
    "admin.calendar_moves": Way({"which": 1}),
    "admin.beat": Way({"code": "W1"}),
    "admin.change_beat": Way({"code": "W1"}, form={"name": "西一", "cells": city.WEST}),
    "admin.end_beat": Way({"code": "W1"}),
    "admin.beat_cells": Way(query=BOX),
    "admin.notice_again": Way({"message": "0" * 8}),
    "admin.keep_for": Way({"kind": "tracks"}, form={"days": "30", "source": "本市规定"}),
    "admin.change_department": Way({"code": "510104-works"}, form={"name_zh": "市政所", "kind": "municipal_works"}),
    "admin.change_person": Way({"login": "works1"}, form={"name": "岗", "role": "inspector"}),
    "admin.department": Way({"code": "510104-works"}),
    **{f"admin.{name}": Way({"kind": "fire"}, form={}) for name in ("emergency_plan", "change_plan", "drop_plan")},
    **{f"admin.{name}": Way({"code": "P1"}) for name in ("resource", "change_resource", "use_resource")},
    "admin.end_session": Way({"session_id": 4711}),
    "admin.new_password": Way({"login": "works1"}),
    "admin.person": Way({"login": "works1"}),
    **{
        f"admin.person_{verb}": Way({"login": "works1"})
        for verb in ("deactivate", "activate", "unlock", "end-sessions", "second-factor-off")
    },
    "admin.revoke_key": Way({"key_id": 4711}),
    "basemaps.archive": Way({"name": "streets"}),
    "basemaps.tianditu": Way({"layer": "vec"} | TILE),
    "basemaps.tile": Way({"name": "streets"} | TILE),
    "beats.close": Way({"code": "W1"}),
    "beats.inspector": Way(query=HERE),
    "beats.lay_out": Way({"code": "W1"}, body={"name_zh": "西一", "cells": [city.WEST]}),
    "beats.one": Way({"code": "W1"}),
    "calendars.moved": Way({"which": 1}),
    "cases.act": Way({"action": "note"}, body={"note": "看过"}),
    "cases.ask": Way(body={"kind": "extension", "reason": "要更多时间"}),
    "cases.decide": Way(body={"decision": "grant", "note": "同意"}),
    "cases.join": Way(body={"description": "我也看见"}),
    "cases.report": Way(body=MATTER),
    "cases.review": Way(body={"decision": "grant", "note": "同意"}),
    "catalog.one_class": Way({"kind": "matter", "code": city.REFUSE}),
    **{f"construction.{name}": Way({"code": "CZ1"}) for name in ("one", "withdraw", "duty")},
    "construction.keep": Way(
        {"code": "CZ1"},
        body={
            "name_zh": "工地",
            "project": "一号线",
            "contractor": "施工单位",
            "first_day": "2026-06-10",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[104.061, 30.656], [104.063, 30.656], [104.063, 30.658], [104.061, 30.656]]],
            },
        },
    ),
    "works.effect": Way({"code": "CZ1"}),
    **{f"pages.construction_{name}": Way({"code": "CZ1"}) for name in ("zone", "effect", "edit", "withdraw")},
    "pages.construction_change": Way({"code": "CZ1"}, form={"name_zh": "工地"}),
    "construction.patrolled": Way({"code": "CZ1"}, body={"key": "p1"}),
    "components.change": Way({"code": "51010401037000001"}, body={"remark": "旧"}),
    "components.near": Way(query=HERE),
    **{f"metro.{name}": Way(query={"lon": 104.0622, "lat": 30.6571}) for name in ("zones",)},
    "metro.structure": Way({"code": "west"}),
    "admin.alarm_rule": Way({"key": "depth.road"}),
    "admin.change_alarm_rule": Way({"key": "depth.road"}),
    "admin.metro_operator": Way({"code": "1"}, form={"department": "510104-works"}),
    "admin.metro_export": Way({"ending": "geojson"}),
    "admin.construction_export": Way({"ending": "geojson"}),
    **{f"pages.metro_{name}": Way({"code": "west"}) for name in ("line", "structure")},
    **{
        f"pages.permit{tail}": Way({"number": "MP202600001", "file": 1, "action": "withdraw"}, form={})
        for tail in ("", "_act", "_add_file", "_apply_again", "_change_form", "_file", "_monitor")
    },
    "pages.permit_apply": Way(form={}),
    "pages.finding_settle": Way({"finding": 1}, form={"state": "stopped", "note": "已停工"}),
    "metro.settle": Way({"finding": 1}, body={"state": "stopped", "note": "已停工"}),
    **{f"permits.{name}": Way({"number": "MP202600001"}) for name in ("one",)},
    "permits.act": Way({"number": "MP202600001", "action": "withdraw"}),
    "permits.monitor": Way({"number": "MP202600001"}, body={"datastreams": []}),
    "permits.check": Way(body=PIT),
    "permits.apply": Way(body=PIT | {"project": "基坑", "applicant": "建设单位", "work": "excavation"}),
    "permits.apply_again": Way(
        {"number": "MP202600001"}, body=PIT | {"project": "基坑", "applicant": "建设单位", "work": "excavation"}
    ),
    "components.one": Way({"code": "51010401037000001"}),
    **{f"emergencies.{name}": Way({"number": "E20261122001"}) for name in ("one", "log", "reported", "near")},
    "emergencies.act": Way({"number": "E20261122001", "action": "note"}, body={"words": "看过"}),
    "emergencies.step": Way({"number": "E20261122001", "task": 1, "action": "start"}),
    "emergencies.message": Way({"number": "E20261122001", "seq": 1}),
    "emergencies.accept": Way({"proposal": 1}),
    **{f"pages.emergency{name}": Way({"number": "E20261122001"}) for name in ("", "_report")},
    "pages.emergency_act": Way({"number": "E20261122001", "action": "note"}, form={"words": "看过"}),
    "pages.emergency_task": Way({"number": "E20261122001", "task": 1, "action": "start"}, form={}),
    "pages.emergency_decide": Way({"proposal": 1, "decision": "decline"}, form={}),
    "pages.emergency_receive": Way(form={}),
    "pages.open_emergency": Way(form={"kind": "fire"}),
    "emergencies.decline": Way({"proposal": 1}),
    "emergencies.open_": Way(body=HERE | {"kind": "fire", "title": "火灾", "level": 4}),
    "grid.cell": Way(query=HERE),
    "grid.cell_by_code": Way({"code": f"{city.WEST}001"}),
    **{f"hazards.{name}": Way({"code": "HZ-01"}) for name in ("one", "grades", "around", "circles", "impact_sheet")},
    **{f"hazards.{name}": Way({"code": "HZ-01"}, body=HAZARD) for name in ("change", "look_at_persons")},
    "hazards.add": Way(body=HAZARD | {"code": "HZ-02"}),
    "heat.measured": Way(query={"level": "cell"}),
    "hotline.callers": Way(body={"phone": "13800001234"}),
    "hotline_pages.look": Way(form={}),
    "hotspots.found": Way({"run": 1}),
    "inspect.alike": Way(
        query={"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "kind": "matter", "class": city.REFUSE}
    ),
    "inspect.manifest": Way({"lang": "zh"}),
    "inspect.send": Way({"kind": "report"}),
    "inspect.shell": Way({"lang": "zh"}),
    "live.look": Way(body={"tab": "abcdef123456"}),
    "maps.areas": Way(query=BOX),
    "maps.cases": Way(query=BOX),
    "maps.cells": Way(query=BOX),
    "maps.found": Way(query={"q": "垃圾"}),
    "maps.names": Way(query=BOX),
    "pages.account_end_session": Way({"session_id": 4711}),
    "pages.account_end_others": Way(form={}),
    "pages.account_revoke_key": Way({"key_id": 4711}),
    "pages.act": Way({"action": "note"}, form={"note": "看过"}),
    "pages.answer": Way({"turn": "withdraw"}, form={}),
    **{f"pages.{name}": Way({"code": "HZ-01"}) for name in ("hazard", "hazard_impact", "hazard_edit")},
    **{f"pages.{name}": Way({"code": "HZ-01"}, form={}) for name in ("hazard_persons", "hazard_change")},
    "pages.hazard_add": Way(form={}),
    "pages.alarm": Way({"alarm_id": 1}),
    "pages.acknowledge_alarm": Way({"alarm_id": 1}, form={}),
    "pages.dismiss_alarm": Way({"alarm_id": 1}, form={"reason": "误报"}),
    **{f"alarms.{name}": Way({"alarm_id": 1}) for name in ("one", "acknowledge")},
    "alarms.dismiss": Way({"alarm_id": 1}, body={"reason": "误报"}),
    "pages.ask": Way(form={"kind": "extension", "reason": "要更多时间"}),
    "pages.export_file": Way({"name": "0" * 16}),
    "pages.export_state": Way({"name": "0" * 16}),
    "pages.city_map": Way({"name": "cases"}),
    "pages.department_bulk": Way(form={"action": "note", "note": "看过", "sent": "yes"}),
    "pages.department_search": Way(form={"q": "垃圾"}),
    "pages.desk_bulk": Way(form={"action": "note", "note": "看过", "sent": "yes"}),
    "pages.desk_search": Way(form={"q": "垃圾"}),
    **{f"pages.{name}": Way({"code": "W-1-depth"}) for name in ("sensor", "sensor_edit", "sensor_change")},
    "pages.sensor_watch": Way({"code": "W-1-depth"}, form={"rule": "depth.underpass"}),
    "pages.sensor_use": Way({"code": "W-1-depth"}, form={"active": "yes"}),
    "places.near": Way(query=HERE),
    "places.search": Way(query={"q": "西"}),
    "routing.activate": Way({"version": 1}),
    "routing.add_rule": Way({"version": 1}, body={"department": "510104-works", "class": "06"}),
    "routing.change_rule": Way({"version": 1, "number": 1}, body={"department": "510104-works", "class": "06"}),
    "routing.choice": Way(query={"kind": "matter", "class": city.REFUSE} | HERE),
    "routing.drop_draft": Way({"version": 1}),
    "routing.dry_run": Way({"version": 1}, query={"days": 3000}),
    "routing.export": Way({"version": 1}),
    "routing.one": Way({"version": 1}),
    "routing.remove_rule": Way({"version": 1, "number": 1}),
    "sensors.one": Way({"code": "W-1-depth"}),
    "sensors.register": Way(
        body=HERE
        | {
            "code": "W-2-depth",
            "station": "W-2",
            "name_zh": "站",
            "place": "road",
            "quantity": "depth",
            "interval_s": 60,
        }
    ),
    "sensors.series": Way({"code": "W-1-depth"}),
    "shifts.one_track": Way({"shift": 1}),
    "snapshots.own": Way({"name": "0" * 16}),
    "snapshots.state": Way({"name": "0" * 16}),
    **{
        f"sta.{name}": Way({"number": 1})
        for name in ("thing", "things_datastreams", "datastream", "datastreams_observations")
    },
    "sta.observed": Way(query={"$filter": "Datastream/id eq 1"}),
    **{f"sta.{name}": Way(body={"Datastream": {"@iot.id": 1}, "result": 0.1}) for name in ("observe", "create")},
    "sta.observe_one": Way({"number": 1}, body={"result": 0.1}),
    "tiles.described": Way({"layer": "cases"}),
    "tiles.tile": Way({"layer": "cases"} | TILE),
}

OPEN = {
    *(
        "accounts.login",
        "accounts.log_in",
        "accounts.log_out",
        "health.healthz",
        "health.readyz",
        "pages.language",
        "snapshots.drawn",
    ),
    *("accounts.second_form", "accounts.second", "accounts.password_form", "accounts.password"),
    *("accounts.enrol_form", "accounts.enrol", "accounts.service", "accounts.service_back"),
    *("inspect.app", "inspect.shell", "inspect.service_worker", "inspect.manifest"),
    *(
        "inspect.app",
        "inspect.authority",
        "inspect.install",
        "inspect.manifest",
        "inspect.service_worker",
        "inspect.shell",
    ),
    *("public.areas", "public.cell", "public.cells", "public.near", "public.places", "public.report"),
    *("public.home", "public.find", "public.report_form", "public.follow", "public.rate", "public.object_to_end"),
    *("pages.help_home", "pages.help_page", "accounts.log_in_as_post"),
    *("public_cases.follow", "public_cases.rate", "public_cases.object_to_end", "public_cases.report"),
}
"""The addresses that strangers may ask."""
