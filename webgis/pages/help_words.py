"""The help of each door, task by task: what its pages say, and which picture stands beside which task.

Tasks of the subjects beside the cases are in `help_subjects.py`.

Pictures are made by `python -m webgis.demo.screenshots --for help`, and lie in `static/help`.
"""

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.pages.help_subjects import SUBJECTS
from webgis.pages.help_task import Guide, Task

GUIDES = (
    Guide(
        "inspect",
        lazy_gettext("Inspector's phone"),
        "camera",
        lazy_gettext("Photo, place, class, sent: with network or without."),
        (
            Task(
                "report",
                lazy_gettext("Report what you see"),
                (
                    lazy_gettext(
                        "Press “Photograph and report” and take photos: the whole scene first, then close up."
                    ),
                    lazy_gettext(
                        "The pin stands where the phone is. Drag it to the exact place; cell and address follow."
                    ),
                    lazy_gettext("Choose the class: one used recently, or search by name, pinyin initials or code."),
                    lazy_gettext(
                        "If somebody has reported it already, it is shown: press “me too” instead of reporting it "
                        "again."
                    ),
                    lazy_gettext("Press “Send”."),
                ),
                "phone",
            ),
            Task(
                "outbox",
                lazy_gettext("Without network"),
                (
                    lazy_gettext(
                        "Report as always. It is kept on the phone and goes out by itself, in order, as soon as there "
                        "is network."
                    ),
                    lazy_gettext(
                        "“Sent and waiting” tells what has arrived. What was refused stays there with its reason: "
                        "press “Mend” and send it again."
                    ),
                    lazy_gettext(
                        "Under “Me” put the app on the home screen, so that the phone never clears what waits."
                    ),
                ),
                "phone",
            ),
            Task(
                "tasks",
                lazy_gettext("Confirm and verify"),
                (
                    lazy_gettext(
                        "“Tasks” lists where to look, the most urgent first, then the nearest. “The way there” opens "
                        "the map of your phone."
                    ),
                    lazy_gettext("On the spot choose what you find, take a photo, and press “Send”."),
                    lazy_gettext("If you are too far away you are asked why: go there, or give the reason."),
                ),
                "phone",
            ),
            Task(
                "beat",
                lazy_gettext("Shift and beat"),
                (
                    lazy_gettext(
                        "Press “Check in” when you begin. From then on your way is recorded while the app is open, "
                        "until you check out."
                    ),
                    lazy_gettext("“Beat” shows your cells on the map, and which of them nobody has visited today."),
                ),
                "phone",
            ),
            *SUBJECTS["inspect"],
        ),
    ),
    Guide(
        "desk",
        lazy_gettext("Desk"),
        "inbox",
        lazy_gettext("The queue is at the left, the case and what can be done with it at the right."),
        (
            Task(
                "file",
                lazy_gettext("File or reject a report"),
                (
                    lazy_gettext(
                        "Choose “To accept” and a case. The keys j and k go through the queue; n takes the next case, "
                        "so that nobody else works on it."
                    ),
                    lazy_gettext(
                        "Compare description, photos and place with the conditions of the standard; each says its "
                        "limit. Choose the one that holds and press “File”."
                    ),
                    lazy_gettext(
                        "If you do not know whether it is true, “Have it looked at first” sends an inspector. If it is"
                        " no case: “Do not file”, with the reason."
                    ),
                    lazy_gettext(
                        "Under “Perhaps the same” stand open cases nearby. If it is one of them, merge it there."
                    ),
                ),
                "desk",
            ),
            Task(
                "dispatch",
                lazy_gettext("Dispatch"),
                (
                    lazy_gettext(
                        "In “To dispatch” the department that the rules propose is chosen already, with the reason. "
                        "Keep it or choose another."
                    ),
                    lazy_gettext(
                        "Press “Dispatch”: the clock of the department starts. If several must work, “Split among "
                        "departments”."
                    ),
                ),
                "desk",
            ),
            Task(
                "close",
                lazy_gettext("Verify, close, decide"),
                (
                    lazy_gettext(
                        "What a department reports done waits in “To verify”: an inspector looks on the spot. What has"
                        " passed waits in “To close”."
                    ),
                    lazy_gettext(
                        "“Requests” holds what departments ask for: more time, a suspension, an appeal. Grant it, or "
                        "refuse it with a reason."
                    ),
                ),
                "desk",
            ),
            Task(
                "call",
                lazy_gettext("Take in a call"),
                (
                    lazy_gettext(
                        "Press “Take in a call” (key y). The telephone number shows earlier cases of this caller."
                    ),
                    lazy_gettext(
                        "Place, class and words are enough. The number is sealed, and shown whole only to those who "
                        "must call back."
                    ),
                ),
                "desk",
            ),
            Task(
                "quick",
                lazy_gettext("Faster"),
                (
                    lazy_gettext(
                        "The key ? shows all keys. Space marks cases; one step is then done with all of them."
                    ),
                    lazy_gettext(
                        "The search takes numbers, addresses, cells, components, telephone numbers and words."
                    ),
                ),
                None,
            ),
            *SUBJECTS["desk"],
        ),
    ),
    Guide(
        "department",
        lazy_gettext("Department"),
        "building-community",
        lazy_gettext("Your cases by the time that is left."),
        (
            Task(
                "handle",
                lazy_gettext("Receive and do the work"),
                (
                    lazy_gettext(
                        "Open a case in “To receive” and press “Receive”. Its limit has been running since it was "
                        "dispatched."
                    ),
                    lazy_gettext(
                        "“Assign a handler” gives it to one of your people; it then stands in their queue “Assigned to"
                        " me”."
                    ),
                    lazy_gettext(
                        "When it is done, photograph it from where it was photographed before, and press “Report it "
                        "done”. An inspector looks whether it is so."
                    ),
                ),
                "desk",
            ),
            Task(
                "ask",
                lazy_gettext("Not ours, or not in time"),
                (
                    lazy_gettext(
                        "If another department answers for it, press “Return” and say why, soon: the clock runs."
                    ),
                    lazy_gettext(
                        "“Ask for an extension” before the deadline, or “Ask for a suspension” when it cannot be "
                        "solved now. The dispatcher decides; the answer appears at the case."
                    ),
                    lazy_gettext(
                        "A case that was late through no fault of yours can be appealed against once it is closed."
                    ),
                ),
                "desk",
            ),
            *SUBJECTS["department"],
        ),
    ),
    Guide(
        "watch",
        lazy_gettext("Overview"),
        "chart-bar",
        lazy_gettext("Where is it bad, is it getting worse, who is late."),
        (
            Task(
                "figures",
                lazy_gettext("Read the figures"),
                (
                    lazy_gettext(
                        "Each figure stands beside that of the span before. Press a figure to see the cases behind it."
                    ),
                    lazy_gettext(
                        "Filter by span, area, class, department and source. The address of the page holds the "
                        "filters: send it to share what you see."
                    ),
                ),
                "desk",
            ),
            Task(
                "heat",
                lazy_gettext("Read the heat map"),
                (
                    lazy_gettext(
                        "Choose what is counted: cases, or cases by ground, people or hour of patrol; and by cell, "
                        "community, subdistrict or district."
                    ),
                    lazy_gettext(
                        "The bar below moves a window of time. Compared with another span only what is more than "
                        "chance has a colour."
                    ),
                ),
                "desk",
            ),
            Task(
                "screen",
                lazy_gettext("Take it along"),
                (
                    lazy_gettext("“Export XLSX” makes a table of what is shown, “Print” a page for paper or PDF."),
                    lazy_gettext(
                        "“Big screen” turns through figures and map by itself, large enough to be read from five "
                        "metres."
                    ),
                ),
                "desk",
            ),
            *SUBJECTS["watch"],
        ),
    ),
    Guide(
        "admin",
        lazy_gettext("Administration"),
        "adjustments-horizontal",
        lazy_gettext("What this city is, and who may do what in it."),
        (
            Task(
                "start",
                lazy_gettext("A city of your own"),
                (
                    lazy_gettext(
                        "Five steps lead from an empty database to the first case: boundaries, grid, people, standard,"
                        " go. Each can be left and gone on with later."
                    ),
                ),
                "desk",
            ),
            Task(
                "areas",
                lazy_gettext("Areas and grid"),
                (
                    lazy_gettext(
                        "A file of boundaries or surveyed cells is looked at first: you see what would change, and "
                        "every fault on a map. Only then you take it over."
                    ),
                    lazy_gettext(
                        "“Divide into cells” cuts communities into cells of about 100 m. Cells that end stay readable "
                        "with their history."
                    ),
                    lazy_gettext(
                        "“Beats” are the cells that one inspector patrols, with shifts: tasks find whoever is on duty "
                        "there."
                    ),
                ),
                "desk",
            ),
            Task(
                "calendar",
                lazy_gettext("Standards, calendar, routing"),
                (
                    lazy_gettext(
                        "A filing standard comes as a table. You see what differs from the one in force before you put"
                        " it in force."
                    ),
                    lazy_gettext(
                        "The calendar holds days off, make-up days and hours. When it changes, open deadlines are "
                        "reckoned anew, and you see which have moved."
                    ),
                    lazy_gettext("Routing rules are written as a draft, tried on past cases, and put in force whole."),
                ),
                "desk",
            ),
            Task(
                "people",
                lazy_gettext("People and departments"),
                (
                    lazy_gettext(
                        "“People” adds somebody with a role; a limit to an area is optional. Many at once come as a "
                        "table, checked row by row before anything is stored."
                    ),
                    lazy_gettext("The password for the first login is shown once; it is changed at the first login."),
                    lazy_gettext(
                        "Nobody is deleted: who leaves is deactivated, and what they did stays in the history."
                    ),
                ),
                "desk",
            ),
            Task(
                "told",
                lazy_gettext("Notices and retention"),
                (
                    lazy_gettext(
                        "“Notices” tells what was sent, what waits and what failed, and sends again; there you also "
                        "write what notices say."
                    ),
                    lazy_gettext(
                        "“Retention” says how long contacts, tracks and other data are kept, and by which rule. What "
                        "is removed is a line of the log."
                    ),
                ),
                None,
            ),
            Task(
                "log",
                lazy_gettext("Security and log"),
                (
                    lazy_gettext(
                        "“Security” shows the settings in force: passwords, second factor, the city's own login "
                        "service."
                    ),
                    lazy_gettext("“Log” holds every administrative act with before and after. Nobody can alter it."),
                ),
                "desk",
            ),
            *SUBJECTS["admin"],
        ),
    ),
    Guide(
        "public",
        lazy_gettext("For everyone"),
        "users",
        lazy_gettext("No account is needed."),
        (
            Task(
                "report",
                lazy_gettext("Report a problem"),
                (
                    lazy_gettext("Press “Report a problem”, take photos, and tap the map where it is."),
                    lazy_gettext(
                        "Choose what it is. A telephone number or e-mail address is optional; it is sealed, and erased"
                        " in time."
                    ),
                    lazy_gettext("You get a number and a link. Keep the link: it shows what becomes of your report."),
                ),
                "phone",
            ),
            Task(
                "follow",
                lazy_gettext("Follow your report"),
                (
                    lazy_gettext(
                        "Open the link, or paste it under “Follow a report”. You see each step, from reported to "
                        "closed."
                    ),
                    lazy_gettext("When it has ended, say whether you are satisfied. If it is not right, object once."),
                ),
                "phone",
            ),
            Task(
                "map",
                lazy_gettext("What goes on around you"),
                (
                    lazy_gettext(
                        "The map tells how many reports there are by place. Small numbers are added to those of the "
                        "area around them, so that nobody is recognised."
                    ),
                ),
                "phone",
            ),
        ),
    ),
)

BY_DOOR = {guide.door: guide for guide in GUIDES}

LIFE: tuple[tuple[str, LazyString], ...] = (
    ("inspector", lazy_gettext("An inspector, a caller or anybody reports what is wrong.")),
    ("acceptor", lazy_gettext("The acceptor files it by the standard, which gives the limit.")),
    ("dispatcher", lazy_gettext("The dispatcher sends it to the department that answers for it; the clock starts.")),
    ("department", lazy_gettext("The department does the work and reports it done, with photos.")),
    ("inspector", lazy_gettext("Another inspector looks on the spot. If it is not right, it goes back.")),
    ("acceptor", lazy_gettext("The acceptor closes the case. Its whole history stays.")),
)
"""The way of a case: who does what, in their order."""


def picture(guide: Guide, task: Task, lang: str) -> str:
    """The static file of a task's picture; `lang` is zh or en."""
    return f"help/{guide.door}-{task.name}-{lang}.webp"
