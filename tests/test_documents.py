"""The README and the documents say what is so: their code runs, their links lead."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_the_code_of_a_document_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in CODE.findall(path.read_text("utf-8")):
        exec(compile(block, name(path), "exec"), names)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_the_links_between_documents_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#]+)", path.read_text("utf-8"))
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("mark", ["demo", "test"])
def test_a_command_of_the_readme_starts_from_a_bare_python(mark):
    text = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(rf"^<!-- {mark} -->\n```bash\n(.*?)^```$", text, re.S | re.M)
    start, install, run = block.splitlines()
    assert start == "python3.11 -m venv .venv && . .venv/bin/activate"
    assert install.startswith("pip install -c tests/constraints.txt ")
    assert f"python -m {'pytest' if mark == 'test' else 'mmsk demo'}" in run
