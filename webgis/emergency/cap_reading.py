"""Reading a CAP 1.2 message: bytes in, what it says out, or a refusal that names the element. Pure.

Nothing is fetched and nothing is expanded: a document type, and with it every entity, is refused before it is read.
A signature is let pass and not verified.
"""

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from webgis.emergency.cap_model import ALERT, NAMESPACE, NEEDED_WITH, SIGNATURE, Element
from webgis.errors import Invalid

LARGEST = 512 * 1024
DEEPEST, MOST_NODES, MOST_FAULTS = 24, 20_000, 20
_MARK = "}"


@dataclass
class Node:
    """An element as it stands: namespace, name, text, what is in it."""

    space: str
    name: str
    text: str = ""
    inside: list["Node"] = field(default_factory=list)


def read(given: bytes) -> dict[str, Any]:
    """What a message says, by the names of CAP: repeated elements are lists. `Invalid` "emergency.bad-cap" names the
    first element at fault (`field`) and lists more (`errors`)."""
    root = _tree(given)
    if (root.space, root.name) != (NAMESPACE, "alert"):
        accepted = f"alert of {NAMESPACE}"
        raise refused("alert", f"{{{root.space[:100]}}}{root.name[:40]}", accepted)
    faults: list[dict[str, Any]] = []
    body = [node for node in root.inside if not (node.space == SIGNATURE and node.name == "Signature")]
    told = _content(Node(root.space, root.name, root.text, body), ALERT, "alert", faults)
    for name, value, needed in NEEDED_WITH if not faults else ():
        if told.get(name) == value and not (told.get(needed) or "").strip():
            faults.append(_fault(f"alert/{needed}", None, f"is needed where {name} is {value}"))
    if faults:
        first = faults[0]
        raise Invalid("emergency.bad-cap", f"{first['field']}: {first['accepted']}", **first, errors=faults)
    return told | {"signed": len(body) < len(root.inside)}


def refused(path: str, got: str | None, accepted: str) -> Invalid:
    """The refusal of an element: what it holds, what would be accepted."""
    one = _fault(path, got, accepted)
    return Invalid("emergency.bad-cap", f"{path}: {accepted}", **one, errors=[one])


def _fault(path: str, got: str | None, accepted: str) -> dict[str, Any]:
    return {"field": path, "got": got if got is None else got[:200], "accepted": accepted}


def _tree(given: bytes) -> Node:
    """The elements of a document, comments and processing instructions left out."""
    _require_text(given)
    top = Node("", "")
    open_, count = [top], 0

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_) > DEEPEST or count > MOST_NODES:
            raise refused("document", None, f"at most {MOST_NODES:,} elements, {DEEPEST} deep")
        space, _mark, local = name.rpartition(_MARK)
        node = Node(space, local)
        open_[-1].inside.append(node)
        open_.append(node)

    def text(words: str) -> None:
        open_[-1].text += words

    def no_type(*_about: Any) -> None:
        raise refused("document", "DOCTYPE", "no document type and no entities")

    reader = expat.ParserCreate(namespace_separator=_MARK)
    reader.buffer_text = True
    reader.StartElementHandler, reader.EndElementHandler = start, lambda _name: open_.pop()
    reader.CharacterDataHandler, reader.StartDoctypeDeclHandler = text, no_type
    try:
        reader.Parse(given, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise refused("document", str(error), "a well-formed XML document") from None
    return top.inside[0]


def _require_text(given: bytes) -> None:
    if len(given) > LARGEST:
        raise refused("document", f"{len(given):,} bytes", f"at most {LARGEST:,} bytes")
    try:
        if "\0" in given.decode():  # UTF-16 without a mark
            raise UnicodeError
    except UnicodeError:
        raise refused("document", None, "a document in UTF-8") from None


def _content(node: Node, model: tuple[Element, ...], path: str, faults: list[dict[str, Any]]) -> dict[str, Any]:
    """What stands in an element, held against its model: names, order, how often, and what each holds."""
    places = {element.name: place for place, element in enumerate(model)}
    found: dict[str, list[Any]] = {}
    reached = 0
    if node.text.strip():
        faults.append(_fault(path, node.text.strip(), "elements only, no text between them"))
    for child in node.inside:
        at = f"{path}/{child.name[:60]}"
        if len(faults) >= MOST_FAULTS:
            break
        if child.space != NAMESPACE or child.name not in places:
            faults.append(_fault(at, child.name, f"one of {', '.join(places)}"))
            continue
        if places[child.name] < reached:
            faults.append(_fault(at, child.name, f"the order {', '.join(places)}"))
        reached = max(reached, places[child.name])
        found.setdefault(child.name, []).append(_held(child, model[places[child.name]], at, faults))
    return _counted(found, model, path, faults)


def _held(child: Node, element: Element, at: str, faults: list[dict[str, Any]]) -> Any:
    if isinstance(element.holds, tuple):
        return _content(child, element.holds, at, faults)
    said = child.text.strip()
    accepted = element.holds(said)
    if child.inside:
        faults.append(_fault(f"{at}/{child.inside[0].name[:60]}", None, "text only, no elements"))
    elif accepted is not None:
        faults.append(_fault(at, said, accepted))
    return said


def _counted(found: dict[str, list[Any]], model: tuple[Element, ...], path: str, faults: list[dict]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for element in model:
        many = found.get(element.name, [])
        if not element.least <= len(many) <= element.most:
            accepted = f"{element.least} to {element.most} times" if element.most > 1 else "once"
            faults.append(_fault(f"{path}/{element.name}", f"{len(many)} times", accepted))
        elif element.most > 1:
            told[element.name] = many
        elif many:
            told[element.name] = many[0]
    return told
