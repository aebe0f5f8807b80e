"""Break the source on purpose, one mistake at a time: each must be caught by the test named for it.

A mutation is a line of the source, what it becomes, and the test that must fail then. The
source is copied to a temporary folder and changed there, so that the working tree is never
touched. A mutation whose line is no longer found is an error as well: it guards nothing.

    python tools/mutants.py             all mutations
    python tools/mutants.py late        those whose name contains "late"
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PASSED, _FAILED = 0, 1  # how pytest ends


@dataclass(frozen=True)
class Mutation:
    """One mistake: where, what it changes, and the test that must notice."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS: tuple[Mutation, ...] = ()


def apply(mutation: Mutation, root: Path) -> None:
    """Change the one place in a copy of the source."""
    path = root / mutation.file
    text = path.read_text(encoding="utf-8")
    found = text.count(mutation.old)
    if found != 1:
        raise SystemExit(
            f"mutation {mutation.name!r}: its line stands {found} times in {mutation.file}, "
            f"expected once.\nFix: quote the line as it is now:\n    {mutation.old}"
        )
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def is_killed(mutation: Mutation) -> tuple[bool, str]:
    """Run the named test on the changed source; return whether it failed, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src")
        apply(mutation, Path(folder))
        # pytest puts its own `pythonpath` first, so that is where the changed source must stand.
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-n0",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-o",
            f"pythonpath={folder}/src {ROOT}",
            mutation.test,
        ]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode not in (_PASSED, _FAILED):
        raise SystemExit(
            f"mutation {mutation.name!r}: {mutation.test} did not run (pytest ended with "
            f"{run.returncode}).\nFix: name a test that exists.\n{run.stdout[-2000:]}"
        )
    return run.returncode == _FAILED, run.stdout[-2000:]


def main(arguments: Sequence[str]) -> int:
    """Apply the mutations whose names contain one of the arguments (all without arguments)."""
    chosen = [m for m in MUTATIONS if not arguments or any(a in m.name for a in arguments)]
    if not chosen:
        print(f"no mutation matches {', '.join(arguments)}")
        return 2
    survivors = 0
    for mutation in chosen:
        killed, output = is_killed(mutation)
        print(f"{'killed  ' if killed else 'SURVIVED'} {mutation.name}  ({mutation.test})", flush=True)
        if not killed:
            survivors += 1
            print(output)
    print(f"{len(chosen) - survivors} killed, {survivors} survived")
    return min(survivors, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
