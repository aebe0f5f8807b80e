"""A policy that looks at the truth, and a world that knows of policies, are found."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import closed_loop_apart

POLICY = {"loop.py": ("Team",)}


def found(folder: Path, policy: str, world: str = "") -> list[str]:
    (folder / "loop.py").write_text(textwrap.dedent(policy), encoding="utf-8")
    package = write_package(folder, {"datasets/_retention_world.py": world, "policy/_plan.py": "", "_checks.py": ""})
    return closed_loop_apart.problems(POLICY, folder, package)


def test_policy_and_world_are_apart() -> None:
    assert closed_loop_apart.problems() == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return view.truth", "touches .truth, which a firm does not see"),
        ("return self.world.profit", "touches .profit, which a firm does not see"),
        ("view.step('none')", "touches .step, which a firm does not see"),
        ("return view._people", "touches the private ._people"),
        ("return self.x.__dict__", "touches the private .__dict__"),
        ("return RetentionWorld()", "names RetentionWorld of the world's room"),
        ("return churnlib.datasets", "touches .datasets, the world's room"),
        ("return changes(view)", "names changes of the world's room"),
        ("return solved(view)", "names solved from the private module churnlib.policy._solve._solve.solve"),
        ("return getattr(view, 'tr' + 'uth')", "uses getattr, by which anything could be reached"),
        ("import churnlib", "imports inside, where it cannot be followed"),
    ],
)
def test_each_way_to_the_truth_is_found(tmp_path: Path, line: str, said: str) -> None:
    policy = f"""
        import churnlib
        from churnlib.datasets import RetentionView, RetentionWorld
        from churnlib.datasets._retention_world_effects import changes
        from churnlib.policy._solve._solve import solve as solved

        class Team:
            def decide(self, view: RetentionView):
                {line}
        """
    assert found(tmp_path, policy) == [f"loop.py:9: Team {said}"]


def test_what_the_policy_uses_is_followed(tmp_path: Path) -> None:
    policy = """
        def judge(world):
            return world.truth

        def helper(view):
            return further(view)

        further = lambda view: view.truth

        class Team:
            def decide(self, view):
                return self._own + helper(view)
        """
    assert found(tmp_path, policy) == ["loop.py:8: further touches .truth, which a firm does not see"]


def test_a_policy_that_is_gone_is_missed(tmp_path: Path) -> None:
    assert found(tmp_path, "class Squad: ...") == ["loop.py: there is no policy 'Team' in it"]


def test_a_world_that_imports_from_policy_is_found(tmp_path: Path) -> None:
    world = "from churnlib import _checks\nfrom churnlib.policy import _plan\n"
    (said,) = found(tmp_path, "class Team: ...", world)
    assert said.startswith("churnlib.datasets._retention_world:2: imports churnlib.policy._plan, and the world must")
