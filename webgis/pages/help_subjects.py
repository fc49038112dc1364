"""The help of the subjects beside the cases, by door: alarms, hazard sources, emergencies, metro, construction zones.

They belong to the guides of `help_words.py`, each behind the tasks of its door.
"""

from flask_babel import lazy_gettext

from webgis.pages.help_task import Task

SUBJECTS: dict[str, tuple[Task, ...]] = {
    "inspect": (
        Task(
            "works",
            lazy_gettext("Construction zones"),
            (
                lazy_gettext(
                    "When you walk into a construction zone, or report in one, the phone says which and who builds "
                    "there, with or without network."
                ),
                lazy_gettext(
                    "Look at hoarding, dust and the width that is left of the road. Press “I have patrolled it”; what "
                    "is wrong you report as always, and it goes to the contractor."
                ),
            ),
            "phone",
        ),
    ),
    "desk": (
        Task(
            "alarms",
            lazy_gettext("Alarms of sensors"),
            (
                lazy_gettext(
                    "An alarm stands above the desk within seconds; its case is filed and dispatched by itself. Press "
                    "“Acknowledge”, or those further up are told."
                ),
                lazy_gettext(
                    "“Alarms” in the menu holds readings, thresholds and who has to be told by when. If the sensor is "
                    "at fault, “Dismiss the alarm” with the reason."
                ),
                lazy_gettext(
                    "A case cannot be closed while its alarm stands: the readings have to fall, and then somebody "
                    "looks on the spot."
                ),
            ),
            "desk",
        ),
        Task(
            "emergency",
            lazy_gettext("Command in an emergency"),
            (
                lazy_gettext(
                    "Open it from a case, an alarm or a hazard source, or under “Emergency command”. Kind and level "
                    "put the tasks of the plan on the board, each with a department and a time."
                ),
                lazy_gettext(
                    "Departments begin and finish their tasks; you add tasks, departments and cases, raise the level, "
                    "and see pumps, shelters and crews nearby by distance."
                ),
                lazy_gettext(
                    "When the board is done, close it and say how it went. The report is made from the log, which "
                    "nobody can alter."
                ),
            ),
            "desk",
        ),
    ),
    "department": (
        Task(
            "permits",
            lazy_gettext("Works beside the metro"),
            (
                lazy_gettext(
                    "Under “Metro” apply for a permit: draw the ground, and you see which protection zones it touches "
                    "and what they allow. Plans go with it as PDF or picture."
                ),
                lazy_gettext(
                    "The operator of the line decides: grant it with conditions, return it, or refuse it with the "
                    "reason. Readings of the site stand on the same page."
                ),
                lazy_gettext(
                    "“Construction zones” shows your works with their cases, phases and patrols, and the points of the "
                    "score card."
                ),
            ),
            "desk",
        ),
    ),
    "watch": (
        Task(
            "hazards",
            lazy_gettext("Hazard sources and what lies around"),
            (
                lazy_gettext(
                    "“Hazard sources” lists them by level; each page says line by line how the level comes about, and "
                    "how its sensors stand."
                ),
                lazy_gettext(
                    "“Impact sheet” counts people, schools, hospitals, components, open cases and crews within a "
                    "distance: one of the rings, any other, or one published for what is stored. It can be printed and "
                    "exported."
                ),
            ),
            "desk",
        ),
        Task(
            "rain",
            lazy_gettext("Rain and water on the roads"),
            (
                lazy_gettext(
                    "“Waterlogging” shows where water stands how deep, which roads are advised to be closed, and the "
                    "day's rain, depths and cases on one line of time."
                ),
                lazy_gettext(
                    "“Sensors” holds every reading from a day to a year, and says which sensors have fallen silent."
                ),
            ),
            "desk",
        ),
        Task(
            "works",
            lazy_gettext("What works do to the street"),
            (
                lazy_gettext(
                    "“Effect on the street” of a construction zone compares cases with the same weeks of the year "
                    "before and with places like it. What chance could do alone is not shown as an effect."
                ),
                lazy_gettext(
                    "The score card compares contractors; the map with its bar of days shows which works, closures and "
                    "diversions there are when."
                ),
            ),
            "desk",
        ),
    ),
    "admin": (
        Task(
            "subjects",
            lazy_gettext("Hazards, metro, emergency plans"),
            (
                lazy_gettext(
                    "Hazard sources, lines and structures of the metro and construction zones come as files: looked at "
                    "first, with each fault and what would change, then taken whole."
                ),
                lazy_gettext(
                    "Thresholds of sensors, who must be told of alarms, distances of protection zones, plans and "
                    "resources are tables of your city: change a figure, look what follows, put it in force."
                ),
                lazy_gettext(
                    "“Sensors” registers stations and sensors; under “API keys” machines get a key with which they "
                    "send readings."
                ),
            ),
            "desk",
        ),
    ),
}
"""Door -> its tasks."""
