"""Cases that an alarm opened: the engine writes into their history what becomes of it; they do not end before it does.

What alarms are is not known here (`webgis.hazards`): a case holds the flag "alarm" while the one that opened it stands.
"""

from typing import Any

from webgis.cases.doing import Doing

FLAG = "alarm"


def alarm(doing: Doing) -> dict[str, Any]:
    """What became of the alarm, and whether it `stands`."""
    flags = {*doing.case.flags} - {FLAG}
    return {"flags": sorted(flags | ({FLAG} if doing.given["stands"] == "yes" else set()))}
