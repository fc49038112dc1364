"""What an audit can find, and what is said of it in English and in Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WORDS = {
    "removed": ("events {seq} to {until} were removed", "第 {seq} 至 {until} 条办理记录被删除"),
    "misnumbered": ("event {seq} stands twice", "第 {seq} 条办理记录重复"),
    "altered": (
        "event {seq} was altered, or the one before it was replaced: its hash is not that of what it says",
        "第 {seq} 条办理记录被改动，或其前一条被替换：散列值与内容不符",
    ),
    "tail_removed": (
        "events {seq} to {until}, the last of the case, were removed",
        "末尾第 {seq} 至 {until} 条办理记录被删除",
    ),
    "tail_added": (
        "events {seq} to {until} were added at the end without a step of the case",
        "末尾第 {seq} 至 {until} 条办理记录系插入，案件并无此步骤",
    ),
    "all_removed": ("the whole history, events 1 to {until}, was removed", "全部办理记录（第 1 至 {until} 条）被删除"),
    "head_differs": (
        "the case does not end with event {seq} as it stands: the event was replaced, or the case altered",
        "案件记载的末条散列值与第 {seq} 条办理记录不符：记录被替换，或案件被改动",
    ),
    "state_differs": (
        "the case says {case}, its last event, {seq}, says {history}: the case was altered",
        "案件状态为 {case}，而末条（第 {seq} 条）办理记录为 {history}：案件被改动",
    ),
    "case_altered": (
        "its row is not as its last event, {seq}, left it: the case was altered without a step",
        "案件记录与末条（第 {seq} 条）办理记录之后的内容不符：案件未经办理步骤而被改动",
    ),
    "case_was_altered": (
        "when event {seq} was written, the row of the case was not as the event before had left it: it had been altered"
        " without a step",
        "写入第 {seq} 条办理记录时，案件记录已与前一条之后的内容不符：此前案件未经办理步骤而被改动",
    ),
    "case_removed": ("the case was removed", "案件被删除"),
    "number_not_given": (
        "this number was never given: the case was inserted, or the counter altered",
        "该编号从未发出：案件系插入，或计数器被改动",
    ),
    "anchored_removed": (
        "event {seq}, which the anchor of {day} holds, was removed",
        "{day} 锚定的第 {seq} 条办理记录被删除",
    ),
    "anchored_altered": (
        "events {seq} to {until} are not those that were anchored on {day}: at least one was altered, and the hashes"
        " were computed anew",
        "第 {seq} 至 {until} 条办理记录与 {day} 的锚定不符：至少一条被改动，且散列值被重新计算",
    ),
    "inserted": (
        "event {seq} says that it was recorded at {recorded_at}, but the anchor of {day} does not hold it: it was added"
        " later",
        "第 {seq} 条办理记录自称记于 {recorded_at}，但 {day} 的锚定中没有：系事后插入",
    ),
    "request_removed": (
        "the request {request}, whose last turn is event {seq}, was removed",
        "第 {seq} 条办理记录所载的申请 {request} 被删除",
    ),
    "request_altered": (
        "the request {request} is not as event {seq}, its last turn, left it: it was altered",
        "申请 {request} 与其末次办理（第 {seq} 条办理记录）之后的内容不符：申请被改动",
    ),
    "request_added": (
        "no event tells of the request {request}: it was inserted",
        "没有办理记录提及申请 {request}：系插入",
    ),
    "photo_removed": (
        "the photo {sha256} of event {seq} was removed",
        "第 {seq} 条办理记录的照片 {sha256} 被删除",
    ),
    "photo_added": (
        "the photo {sha256} was added to event {seq} afterwards",
        "第 {seq} 条办理记录的照片 {sha256} 系事后添加",
    ),
    "photo_altered": (
        "the photo {sha256} of event {seq} has another time, place or case than the event says",
        "第 {seq} 条办理记录的照片 {sha256} 的拍摄时间、位置或所属案件与记录不符",
    ),
    "file_removed": (
        "the file of the photo {sha256} of event {seq} is gone",
        "第 {seq} 条办理记录的照片 {sha256} 的文件缺失",
    ),
    "file_altered": (
        "the file of the photo {sha256} of event {seq} was altered: its content has another hash",
        "第 {seq} 条办理记录的照片 {sha256} 的文件被改动：内容散列值不符",
    ),
    "anchor_removed": ("the anchor of {day} was removed", "{day} 的锚定被删除"),
    "anchor_added": (
        "the anchor of {day} is not in the file of anchors: it was inserted",
        "锚定文件中没有 {day} 的锚定：系插入",
    ),
    "anchor_altered": (
        "the anchor of {day} is not that of its leaves: they, or it, were altered",
        "{day} 的锚定与其明细不符：锚定或明细被改动",
    ),
    "anchor_unchained": (
        "the anchor of {day} does not follow the one before it",
        "{day} 的锚定与前一个锚定不相接",
    ),
    "anchor_rewritten": (
        "the anchor of {day} is not the one that was published: history was rewritten and all hashes computed anew",
        "{day} 的锚定与已公布的不同：历史被改写，全部散列值被重新计算",
    ),
    "file_unchained": (
        "the file of anchors itself is altered at {day}",
        "锚定文件本身在 {day} 处被改动",
    ),
}
"""What each finding says, in English and in Chinese."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written: case and event, where it is about one, and what (a key of WORDS)."""

    number: str | None
    seq: int | None
    what: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def words(self, lang: str) -> str:
        """One sentence for people; `lang` is "zh" or "en"."""
        said = WORDS[self.what][lang == "zh"].format(seq=self.seq, **self.details)
        if self.number is None:
            return said
        return f"案件 {self.number}：{said}" if lang == "zh" else f"case {self.number}: {said}"

    def as_facts(self) -> dict[str, Any]:
        """As JSON, with both sentences."""
        own = {"number": self.number, "event": self.seq, "what": self.what, **self.details}
        return own | {"en": self.words("en"), "zh": self.words("zh")}
