"""The example of docs/emergency.md does what it says."""

import re


def test_the_example_of_the_manual_says_what_it_gives(root):
    (block,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "emergency.md").read_text(), re.S)
    code, _hash, said = block.strip().rpartition("  # ")
    body, _newline, last = code.rpartition("\n")
    names: dict = {}
    exec(body, names)
    assert eval(last, names) == eval(said)
