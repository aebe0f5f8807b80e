"""A documented default that is not the signature's is found, and a true one is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import doc_defaults

FUNCTION = '''
LIMIT = 5

def f(a, b=1, *, rate=0.5, name=None, limit=LIMIT, **options):
    """Do.

    Parameters
    ----------
    {line}
        Words.

    Returns
    -------
    z : int, default=9
        Not a parameter.
    """
'''


def found(tmp_path: Path, text: str) -> list[str]:
    return doc_defaults.problems(write_package(tmp_path, {"_f.py": text}))


def test_the_package_states_no_wrong_default() -> None:
    assert doc_defaults.problems() == []


@pytest.mark.parametrize(
    "line",
    ["b : int, default=1", "rate : float, default=.5", "name : str, default=None", "limit : int, default=5", "a : int"],
)
def test_a_true_default_passes(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, FUNCTION.format(line=line)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("b : int, default=2", "says b has the default 2, but it is 1"),
        ("rate : float, default=None", "says rate has the default None, but it is 0.5"),
        ("limit : int, default=6", "says limit has the default 6, but it is LIMIT"),
        ("a : int, default=0", "says a has the default 0, but it has none"),
        ("c : int, default=0", "documents a default of 'c', which is no parameter"),
        ("a, b : int, default=1", "says a has the default 1, but it has none"),
    ],
)
def test_a_wrong_default_is_said(tmp_path: Path, line: str, said: str) -> None:
    (text,) = found(tmp_path, FUNCTION.format(line=line))
    assert said in text
    assert text.startswith("_f.py:4: f: ")


@pytest.mark.parametrize(
    "body",
    [
        "    def __init__(self, *, rate=1):\n        self.rate = rate",
        "    rate: float = 1",
        "    rate: float = field(default=1)",
    ],
)
def test_a_class_is_read_by_its_constructor_or_its_fields(tmp_path: Path, body: str) -> None:
    text = 'class Offer:\n    """Is.\n\n    Parameters\n    ----------\n    rate : float, default=2\n    """\n\n' + body
    (said,) = found(tmp_path, text)
    assert "says rate has the default 2, but it is 1" in said


def test_a_subclass_documents_the_fields_it_inherits(tmp_path: Path) -> None:
    files = {
        "_base.py": "UNKNOWN = 'unknown'\n\nclass Base:\n    cause: str = UNKNOWN\n    by: float = 0.3\n",
        "_drop.py": "from churnlib._base import UNKNOWN, Base\n\n"
        'class Drop(Base):\n    """Is.\n\n    Parameters\n    ----------\n    by : float, default=0.4\n'
        '    cause : str, default=\'unknown\'\n    """\n',
    }
    (said,) = doc_defaults.problems(write_package(tmp_path, files))
    assert said == "_drop.py:3: Drop: says by has the default 0.4, but it is 0.3"


def test_a_constructor_may_come_from_a_base_of_the_base(tmp_path: Path) -> None:
    heir = (
        "from churnlib._b import B\n\n"
        'class C(B):\n    """C.\n\n    Parameters\n    ----------\n    n : int, default={}\n    """\n'
    )
    files = {
        "_a.py": "class A:\n    def __init__(self, *, n=1):\n        self.n = n\n",
        "_b.py": "from churnlib._a import A\n\nclass B(A):\n    pass\n",
    }
    right = write_package(tmp_path / "right", files | {"_c.py": heir.format(1)})
    wrong = write_package(tmp_path / "wrong", files | {"_c.py": heir.format(2)})
    assert doc_defaults.problems(right) == []
    assert len(doc_defaults.problems(wrong)) == 1


def test_a_default_may_be_made_anew_each_time(tmp_path: Path) -> None:
    text = (
        'class Log:\n    """Is.\n\n    Parameters\n    ----------\n    names : dict, default={}\n'
        '    rows : list, default=None\n    """\n\n'
        "    names: dict = field(default_factory=dict)\n    rows: list = field(default_factory=list)\n"
    )
    (said,) = found(tmp_path, text)
    assert "says rows has the default None, but it is []" in said
