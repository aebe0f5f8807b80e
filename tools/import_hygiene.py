"""Importing churnlib loads nothing heavy, writes nothing, and changes no global state.

    python -m tools.import_hygiene

Each question is asked in a fresh interpreter. `import churnlib` alone must not
even load pandas. All rooms together may load numpy, scipy, pandas, pyarrow,
scikit-learn and narwhals, and none of the packages that are optional or slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from tools.source import SOURCE, report

HEAVY = ("xgboost", "lifelines", "matplotlib", "duckdb", "pyspark", "polars", "tkinter", "IPython", "torch")
NOT_BY_THE_DOOR = ("numpy", "pandas", "scipy", "sklearn", "pyarrow", "narwhals")

_PROBE = """
import sys
sys.path.insert(0, {path!r})
import json, locale, logging, os, pkgutil, importlib, random, warnings
{before}
written, watching = [], True
def watch(event, args):
    if not watching:
        return
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        written.append(str(args[0]))
    elif event in {{"os.mkdir", "os.rename", "os.remove", "os.putenv", "os.unsetenv", "socket.connect"}}:
        written.append(f"{{event}} {{args[0]!r}}")
sys.addaudithook(watch)

def state():
    found = {{
        "os.environ": dict(os.environ),
        "the working folder": os.getcwd(),
        "the recursion limit": sys.getrecursionlimit(),
        "Python's random state": hash(random.getstate()),
        "the locale": locale.setlocale(locale.LC_ALL),
        "warnings.filters": [str(one) for one in warnings.filters],
        "the root logger": [logging.root.level, [str(one) for one in logging.root.handlers]],
        "sys.excepthook": repr(sys.excepthook),
    }}
    if "numpy" in sys.modules:
        import numpy
        found["numpy's error state"] = str(numpy.geterr())
        found["numpy's print options"] = str(numpy.get_printoptions())
        found["numpy's random state"] = hash(numpy.random.get_state()[1].tobytes())
    if "sklearn" in sys.modules:
        import sklearn
        found["scikit-learn's configuration"] = str(sklearn.get_config())
    if "pandas" in sys.modules:
        import pandas
        found["pandas' options"] = str([pandas.get_option(one) for one in
                                        ("display.max_rows", "display.precision", "mode.chained_assignment")
                                        if one != "mode.chained_assignment" or int(pandas.__version__[0]) < 3])
    return found

was = state()
loaded = set(sys.modules)
import {package}
if {rooms}:
    for info in pkgutil.walk_packages({package}.__path__, "{package}."):
        importlib.import_module(info.name)
now = state()
watching = False
print(json.dumps({{
    "loaded": sorted({{name.partition(".")[0] for name in set(sys.modules) - loaded}}),
    "written": written,
    "changed": [key for key in was if was[key] != now[key]],
}}))
"""

# These packages change filters and options of their own when they are first loaded; that is not ours to judge.
_OTHERS_FIRST = (
    "import numpy, pandas, pyarrow, pyarrow.parquet, scipy, scipy.optimize, scipy.sparse, scipy.special, scipy.stats, "
    "sklearn, sklearn.base, sklearn.metrics, sklearn.model_selection, sklearn.calibration, narwhals"
)


def probe(
    *, rooms: bool, before: str = "", path: str = str(SOURCE.parent), package: str = "churnlib"
) -> dict[str, list[str]]:
    """Import a package in a fresh interpreter, and return what it loaded, wrote and changed."""
    code = _PROBE.format(path=path, before=before, rooms=rooms, package=package)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=folder, check=False
        )
    if done.returncode:
        return {"loaded": [], "written": [], "changed": [], "failed": [done.stderr.strip().splitlines()[-1]]}
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def problems(path: str = str(SOURCE.parent), package: str = "churnlib", first: str = _OTHERS_FIRST) -> list[str]:
    """Say everything that importing does and should not, once the libraries that it may load have been loaded."""
    door = probe(rooms=False, path=path, package=package)
    rooms = probe(rooms=True, path=path, package=package)
    after_others = probe(rooms=True, before=first, path=path, package=package)
    found = [f"import {package} fails: {text}" for text in {*door.get("failed", []), *rooms.get("failed", [])}]
    found += [f"`import {package}` alone loads {name}" for name in door["loaded"] if name in NOT_BY_THE_DOOR]
    found += [f"importing the rooms loads {name}" for name in rooms["loaded"] if name in HEAVY]
    found += [f"importing the rooms writes {what}" for what in after_others["written"]]
    found += [f"importing the rooms changes {what}" for what in after_others["changed"]]
    return found


if __name__ == "__main__":
    sys.exit(
        report(
            "import_hygiene",
            problems(),
            "Import the package inside the function that needs it, and do the writing when the user calls.",
        )
    )
