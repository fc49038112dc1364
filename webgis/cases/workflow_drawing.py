"""The workflow as pictures (Mermaid state diagrams) and tables, made from the table itself, in English and Chinese."""

from collections.abc import Iterable

from webgis.cases import workflow
from webgis.cases.workflow import Step

BEGIN, END = "<!-- drawn by `webgis workflow draw`: do not edit by hand -->", "<!-- end of what is drawn -->"

STATES_ZH = {
    "reported": "已上报", "confirming": "核实中", "filed": "已立案", "dispatched": "已派遣", "handling": "处置中",
    "suspended": "已挂账", "split": "已拆分", "resolved": "已处置", "verifying": "核查中", "verified": "已核查",
    "closed": "已结案", "rejected": "不予立案", "merged": "已合并", "void": "已作废",
}  # fmt: skip
ACTIONS_ZH = {
    "report": "上报", "request_confirmation": "请求核实", "confirm": "核实", "file": "立案", "reject": "不予立案",
    "reclassify": "改类", "relocate": "改位置", "merge": "合并", "unmerge": "撤销合并", "void": "作废",
    "dispatch": "派遣", "split": "拆分", "return": "回退", "receive": "接收", "assign": "指派", "suspend": "挂账",
    "resume": "恢复", "resolve": "处置完成", "redo": "返工", "request_verification": "请求核查", "verify": "核查",
    "close": "结案", "force_close": "强制结案", "reopen": "重新打开", "urge": "督办", "note": "备注", "alarm": "报警",
}  # fmt: skip
ROLES_ZH = {
    "inspector": "采集员", "acceptor": "受理员", "dispatcher": "派遣员", "department": "部门人员",
    "manager": "监督管理人员", "administrator": "系统管理员", "system": "系统（设备账号）", "engine": "系统自动",
    "public": "公众",
}  # fmt: skip
SHAPES_ZH = {workflow.SINGLE: "单个案件", workflow.PARENT: "已拆分的案件", workflow.TASK: "拆分出的任务"}


def drawn() -> str:
    """The whole drawn part of docs/workflow.md, with its two marks."""
    moves = [step for step in workflow.STEPS if step.source != step.target]
    daily = [step for step in moves if step.source is None or step.action in workflow.ROADS]
    parts = [
        BEGIN,
        "### The daily road · 日常流程",
        diagram(step for step in daily if workflow.SINGLE in step.of),
        "### Out of the way · 其他流转",
        diagram(step for step in moves if step not in daily and workflow.SINGLE in step.of),
        "### Tasks of a case that was split · 拆分出的任务",
        diagram(step for step in moves if workflow.TASK in step.of),
        "### A case that was split · 已拆分的案件",
        diagram(step for step in moves if workflow.PARENT in step.of and workflow.SPLIT in (step.source, step.target)),
        "### Every row · 全部步骤",
        table(workflow.STEPS),
        END,
    ]
    return "\n\n".join(parts)


def diagram(steps: Iterable[Step]) -> str:
    """A Mermaid state diagram; actions between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        label = step.action + (f" ({step.when[1]})" if step.when else "")
        labels = arrows.setdefault((step.source or "[*]", step.target), [])
        if label not in labels:
            labels.append(label)
    named = dict.fromkeys(state for ends in arrows for state in ends if state != "[*]")
    lines = [f'    state "{state} {STATES_ZH[state]}" as {state}' for state in named]
    lines += [f"    {source} --> {target}: {', '.join(labels)}" for (source, target), labels in arrows.items()]
    lines += [f"    {state} --> [*]" for state in named if state in workflow.OUTCOMES]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def table(steps: Iterable[Step]) -> str:
    """Every row, those that differ only in their states as one."""
    rows: dict[tuple, list[Step]] = {}
    for step in steps:
        stays = step.source == step.target
        rows.setdefault((step.action, stays or step.target, step.who, step.needs, step.when, step.of), []).append(step)
    head = ["action · 动作", "from · 从", "to · 到", "by · 由", "needs · 必填", "may take · 可填", "of · 适用"]
    return "\n".join([_line(head), _line(["---"] * len(head)), *(_line(_cells(steps)) for steps in rows.values())])


def _cells(steps: list[Step]) -> list[str]:
    first = steps[0]
    sources = [f"`{step.source}`" if step.source else "–" for step in steps]
    if len(sources) == len(workflow.STATES):
        sources = ["every state · 任何状态"]
    elif [step.source for step in steps] == list(workflow.OPEN):
        sources = ["every open state · 任何未结状态"]
    needs = [need.replace("|", " or ") for need in first.needs]
    if first.when:
        needs[needs.index(first.when[0])] = f"{first.when[0]}={first.when[1]}"
    stays = first.source == first.target
    return [
        f"`{first.action}` {ACTIONS_ZH[first.action]}",
        " ".join(sources),
        "the same · 不变" if stays else f"`{first.target}` {STATES_ZH[first.target]}",
        ", ".join(f"{role} {ROLES_ZH[role]}" for role in first.who),
        ", ".join(needs) or "–",
        ", ".join(name for name in first.takes if name not in first.needs) or "–",
        "all · 全部" if first.of == workflow.ANY else ", ".join(f"{shape} {SHAPES_ZH[shape]}" for shape in first.of),
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
