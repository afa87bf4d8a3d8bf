"""Adapters that must not stop an examination: each function does its worst, the next one is judged as if alone."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from refebm.cli import main
from refebm.crosscheck import child, examination
from refebm.crosscheck.questions import EXAMINED, questions
from refebm.crosscheck.template import template
from refebm.variants.arguments import types
from tests.sabotage import text_of

LEAVES_SOMETHING = {  # what a function does, and what must be said of it; `right` is the right answer
    "os._exit(0)": "ends its process, exit code 0",
    "sys.exit(4)": "raises SystemExit: 4",
    "raise KeyboardInterrupt": "raises KeyboardInterrupt",
    "os.fork(); return right": "",
    "while True: os.fork()": "forks in a copy of itself",
    "if os.fork() == 0: _mark(), time.sleep(1000)\n    return right": "",
    "if os.fork() == 0: os.setsid(), _mark(), time.sleep(1000)\n    return right": "",
    "vars(builtins).clear(); return right": "breaks Python itself",
    "ctypes.string_at(0)": "ends its process, signal 11",
    "[print('x' * 100_000, file=_nowhere) for _ in range(100)]; return right": "",
    "os.closerange(3, 100); return right": "closes the descriptor on which it answers",
    "sys.stdout.close(); return right": "closes standard output or standard error",
    "while True: _keep.append(np.empty(10**6))": "raises MemoryError",
    "time.sleep(10**6)": "hangs: no answer in 20 s",  # a long limit that takes no time of the processor
    "return _again(*given)": "raises RecursionError",
    "_keep or _keep.append(threading.Thread(target=_spin).start()); return right": "",
    "os.chdir('/'); return right": "",
    "sys.setrecursionlimit(60); return right": "",
    "signal.setitimer(signal.ITIMER_REAL, 0.3); return right": "",
    "np.sum = lambda *a, **k: 0.0; return right": "replaces numpy.sum, which others use",
    "warnings.simplefilter('error'); return right": "",
    "os.path.exists(__file__) and os.unlink(__file__); return right": "",
    "sys.stdout = sys.stderr = None; return right": "",
    "_write_everywhere(b'garbage [1]'); return right": "writes where the examiner listens",
    "_write_everywhere(pickle.dumps(_Bomb())); return right": "writes where the examiner listens",
}
RETURNS = {  # what comes back, and what is said of it
    "return (_ for _ in right)": "returned generator of dtype object, wanted real numbers",
    "return _coroutine()": "returned coroutine of dtype object, wanted real numbers",
    "return np.broadcast_to(0.0, (10**6, 10**6))": "returned shape (1000000, 1000000), which no question asks for",
    "return (np.broadcast_to(0.0, 10**6),) * 99": "returned 99000000 numbers, which no question asks for",
    "return 10**400": "dtype object, wanted real numbers",
    "return _Odd()": "returned _Odd, which NumPy cannot read: its text raises ZeroDivisionError",
    "raise ValueError('\\x1b[31m|<b>`x`\\u202e')": r"raises ValueError: \x1b[31m|<b>`x`\u202e",
    "raise KeyError('layers')": "raises KeyError: 'layers'",
    "raise NotImplementedError('not this')": "not this",
}
HELPERS = """
import builtins, ctypes, os, pickle, signal, sys, threading, time, warnings
import numpy as np
import refebm

_nowhere, _keep, _right = sys.stdout, [], {"__name__": "right"}
exec(TEXT, _right)
__all__ = [name for name in _right if name in EXPOSED]
globals().update({name: _right[name] for name in __all__})

def _mark():
    with open(os.environ["MARKS"], "a") as file:
        file.write(f"{os.getpid()}\\n")

def _spin():
    while True: pass

def _again(*given): return _again(*given)

async def _coroutine(): return 1

def _nested(depth): return {"a": _nested(depth - 1)} if depth else {}

def _write_everywhere(some):
    for descriptor in range(3, 50):
        try: os.write(descriptor, some + b"\\n")
        except OSError: pass

class _Bomb:
    def __reduce__(self): return os.system, (f"touch {os.environ['MARKS']}.bomb",)

class _Tensor: requires_grad = True

class _Odd:
    def __array__(self, *_, **__): raise _Mute()

class _Mute(Exception):
    def __str__(self): return str(1 / 0)
"""
OF_GRADIENTS = {  # of functions whose gradient is asked for
    "negative_log_likelihood": ("_nested(900)", "returned gradients that are nested more than 32 deep"),
    "contrastive_divergence": ("dict.fromkeys(range(999), np.zeros(10**6))", "numbers, which no question asks for"),
}
NESTED = {f"return right, {tree}": said for tree, said in OF_GRADIENTS.values()}
WITHOUT = ("estimated_log_partition", "leapfrog", "smoothed_empirical", *OF_GRADIENTS)
FUNCTIONS = [name for name in EXAMINED if "." not in name and name not in WITHOUT]
FUNCTIONS = [name for name in FUNCTIONS if types(name)["return"] is not float]  # one number cannot be iterated over
HOSTILE = dict(zip(FUNCTIONS[::2], LEAVES_SOMETHING)) | dict(
    zip(FUNCTIONS[2 * len(LEAVES_SOMETHING) :], RETURNS, strict=False)
)
HOSTILE |= dict(zip(OF_GRADIENTS, NESTED))
NEIGHBOURS = [name for name in EXAMINED if name not in HOSTILE and "." not in name][: 2 * len(HOSTILE)]
SAID = LEAVES_SOMETHING | RETURNS | NESTED
assert len(HOSTILE) == len(SAID)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def defined(function: str, body: str) -> str:
    return (
        f"def {function}(*given):\n    right = _right[{function!r}](*given)\n"
        f"    x = next((one for one in given if isinstance(one, np.ndarray)), None)\n    {body}\n\n"
    )


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """Of one adapter whose functions are those of the table, and right ones between them."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "adapter.py"
    helpers = HELPERS.replace("TEXT", repr(text_of("numpy"))).replace("EXPOSED", repr([*HOSTILE, *NEIGHBOURS]))
    path.write_text(helpers + "".join(defined(*item) for item in HOSTILE.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examination, "MEMORY", 2**29)
        patch.setenv("MARKS", str(folder / "marks"))
        options = ["--json", str(folder / "r.json"), "--markdown", str(folder / "r.md"), "--timeout", "20"]
        assert main(["crosscheck", str(path), *options]) == 1
    text = (folder / "r.json").read_text()
    found = {finding["function"]: finding for finding in json.loads(text)["findings"]}
    return found | {"json": text, "markdown": (folder / "r.md").read_text(), "folder": folder}


def test_what_is_said_of_hostile_functions(findings):
    """In one test: split over processes, each would examine them all."""
    other = {}
    for function, deed in HOSTILE.items():
        said, finding = SAID[deed], findings[function]
        wanted = "unsupported" if said == "not this" else "failed" if said else "passed"
        if finding["status"] != wanted or said not in finding["diagnosis"]:
            other[deed] = finding["status"], finding["diagnosis"]
    assert not other


def test_all_others_pass(findings):
    others = {name: findings[name]["diagnosis"] for name in NEIGHBOURS}
    assert len(others) > 60
    assert {name: said for name, said in others.items() if findings[name]["status"] != "passed"} == {}


def test_a_busy_function_hangs_like_one_that_sleeps(tmp_path):
    (tmp_path / "adapter.py").write_text("def tweedie_mean(*_):\n    while True: pass\n")
    assert main(["crosscheck", str(tmp_path / "adapter.py"), "--json", str(tmp_path / "r.json"), "--timeout", "2"]) == 1
    findings = {one["function"]: one["diagnosis"] for one in json.loads((tmp_path / "r.json").read_text())["findings"]}
    assert findings["tweedie_mean"].startswith("hangs: no answer in 2 s")


def test_nothing_of_them_stays(findings):
    marks = (findings["folder"] / "marks").read_text().split()
    assert len(marks) > 5 and not [pid for pid in map(int, marks) if alive(pid)]
    assert not (findings["folder"] / "marks.bomb").exists()


def test_reports_tell_nothing_of_the_machine_and_are_no_markup(findings):
    for report in (findings["json"], findings["markdown"]):
        assert str(findings["folder"]) not in report and sys.prefix not in report and "adapter.py" in report
        assert "\x1b" not in report and "\u202e" not in report
    assert r"\\x1b\[31m\|&lt;b&gt;\`x\`\\u202e" in findings["markdown"]
    assert findings["markdown"].startswith("### refebm ") and '"refebm": ' in findings["json"]


FORGED = """
def tweedie_mean(model, y, sigma):
    import gc
    next(one for one in gc.get_objects() if type(one).__name__ == "Channel").send("end", "")
    return 0 * y
"""


def test_a_forged_end_is_no_lack_of_the_adapter(tmp_path, capsys):
    (tmp_path / "adapter.py").write_text(FORGED)
    options = ["--only", "tweedies_mean_is_bayes", "--cases", "2"]
    assert main(["verify", "--impl", str(tmp_path / "adapter.py"), *options]) == 1
    assert "writes where the examiner listens" in capsys.readouterr().out


LEFT_BEHIND = {  # what one function leaves, and what the next one needs, neither of which is wrong
    "denoising_autoencoder": "sys.modules['json'] = None; os.environ.clear(); os.umask(0o777); sys.path.clear()\n"
    "    sys.meta_path.clear(); sys.settrace(_nothing); np.set_printoptions(formatter={'all': _nothing}); return right",
    "tweedie_mean": "import json, wave; os.environ['PATH'], str(np.ones(2)), open(_file(), 'w').close()\n"
    "    open(_file()).close()\n"
    "    assert sys.gettrace() is None; return right",
    "tweedie_cov": "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); return right",
    "langevin_step": "open(os.devnull).close(); return right",
    "decaying_steps": "[_waiting() for _ in range(20)]; return right",
    "predicted_noise": "assert threading.active_count() < 64; return right",
    "denoised_point": "os.chdir = os.fstat = lambda *_: 1 / 0; return right",
    "score_of_noise": "os.fstat(0); return right",
    "score_of_denoiser": "return np.ma.masked_array(right)",
}


def test_what_is_left_behind_is_nobody_elses_fault(tmp_path):
    helpers = (
        "\nimport resource\ndef _nothing(*_): return None\ndef _file(): return f'{_folder}/{os.getpid()}'\n"
        "def _waiting(): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        f"_folder = {str(tmp_path)!r}\n"
    )
    text = template("numpy", list(LEFT_BEHIND), complete=True)
    path = tmp_path / "adapter.py"
    deeds = "".join(map(defined, LEFT_BEHIND, LEFT_BEHIND.values()))
    path.write_text(text + HELPERS.replace("TEXT", repr(text)).replace("EXPOSED", "dir(refebm)") + helpers + deeds)
    assert main(["crosscheck", str(path), "--json", str(tmp_path / "r.json")]) == 1
    findings = json.loads((tmp_path / "r.json").read_text())["findings"]
    said = {one["function"]: one["diagnosis"] for one in findings if one["status"] == "failed"}
    assert list(said) == ["denoised_point", "score_of_denoiser"], said
    assert "breaks what others use, which now raises ZeroDivisionError" in said["denoised_point"]
    assert "returned a masked array" in said["score_of_denoiser"]


def test_tables_that_are_emptied_are_told():
    """Growth is no change: some tables are filled as they are used."""
    tables = [("a.TABLE", table := {"x": 1, "y": [2]}, dict(table))]
    table["z"] = 3
    assert child._emptied(tables) == ""
    table["y"] = [2]
    assert child._emptied(tables) == "changes a.TABLE, which others use"
    own = {name: one for name, one, _ in child._tables()}
    assert own["refebm.crosscheck.questions.EXAMINED"] is EXAMINED


def test_an_end_that_the_adapter_forges_ends_nothing(monkeypatch, tmp_path):
    """Each process does one function and then says that all are done."""
    path, started = tmp_path / "adapter.py", []
    path.write_text("")

    def told(order, timeout, printed):
        started.append(order["names"])
        names = order["names"] or ["langevin_step", "tweedie_mean"]
        yield "names", [names, names]
        yield "begin", names[0]
        yield "part", None
        yield "done", None

    monkeypatch.setattr(examination, "told", told)
    work = list(examination.Work({"task": "answers", "source": str(path)}, None, EXAMINED, 1.0))
    assert [name for name, _, _ in work] == ["", "langevin_step", "tweedie_mean"] and len(started) == 2
    assert {trouble for name, _, trouble in work if name} == {examination.NOISE}


LOUD = r"""
import os, sys
print("loaded: \u00e9\tt\x1b[31m", flush=True)
def tweedie_mean(score, y, sigma):
    sys.stderr.write("s" * 3_000_000)
    raise ValueError("v" * 1_000_000)
def tweedie_cov(score, y, sigma):
    os.write(1, b"w\n" * 500_000)
    os._exit(0)
def langevin_step(score, x, eta, z):
    return "r" * 1_000_000
"""


def test_what_an_adapter_prints_is_cut_and_counted(tmp_path, capsys):
    (tmp_path / "adapter.py").write_text(LOUD)
    options = [word for name in ("json", "markdown") for word in (f"--{name}", str(tmp_path / name))]
    assert main(["crosscheck", str(tmp_path / "adapter.py"), *options]) == 1
    out, err = capsys.readouterr()
    loaded = "loaded: \u00e9\tt\x1b[31m\n"
    assert err.startswith("loaded: \u00e9\\tt\\x1b[31m\n" + "s" * 1000) and err.count("loaded: ") == 1
    more = int(err.splitlines()[-1].removeprefix("refebm: the adapter prints ").removesuffix(" bytes more"))
    asked = len(questions("tweedie_mean"))  # each process is loaded, and the first question asked twice more
    assert more == 2 * len(loaded.encode()) + 3_000_000 * (asked + 2) + 1_000_000 - 20_000
    assert (
        "raises ValueError: " + "v" * 300 + f" ... (999700 characters more) (in {asked} of {asked} questions)\n" in out
    )
    sizes = [len(err), len(out), *(len((tmp_path / name).read_text()) for name in ("json", "markdown"))]
    assert np.all(np.array(sizes) <= [20_100, 20_000, 100_000, 20_000])


class Nowhere:
    def write(self, text):
        raise OSError("full")


def test_standard_error_that_takes_nothing_stops_no_adapter(tmp_path, monkeypatch):
    (tmp_path / "adapter.py").write_text("def denoised_point(*_):\n    print('x' * 10**6)\n    return 0.0\n")
    for stream in (None, Nowhere()):
        monkeypatch.setattr(sys, "stderr", stream)
        answers = dict(examination.examine(str(tmp_path / "adapter.py")))["denoised_point"]
        assert len(answers) > 10 and not any(answer.problem for answer in answers.values())
