"""What schemathesis cannot make up by itself: what an export of a task looks like, and which directory is on this machine."""

import itertools
import json
import os
import re
import urllib.request

import schemathesis
from hypothesis import strategies as st


def ask(path: str) -> bytes:
    request = urllib.request.Request(os.environ["LOOM_URL"] + path)
    request.add_header("Authorization", "Bearer " + os.environ["LOOM_TOKEN"])
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


TASK = os.environ["LOOM_TASK"]
EXPORT = ask(f"/tasks/{TASK}/export").splitlines(keepends=True)
WORKSPACE = json.loads(ask(f"/tasks/{TASK}"))["workspace"]


@st.composite
def exports(draw) -> bytes:
    """An export of a task that is there, whole or with something done to it."""
    lines = list(EXPORT)
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["nothing", "drop", "twice", "cut", "other", "swap"])):
        case "drop":
            del lines[at]
        case "twice":
            lines.insert(at, lines[at])
        case "cut":
            lines[at:] = [lines[at][: draw(st.integers(0, len(lines[at])))]]
        case "other":
            lines[at] = draw(st.binary(max_size=200)) + b"\n"
        case "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
    return b"".join(lines)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
LINES = st.lists(JSON.map(json.dumps), min_size=1, max_size=5).map(lambda lines: "\n".join(lines).encode())
schemathesis.openapi.media_type("application/x-ndjson", exports() | LINES | st.binary(min_size=1, max_size=500))


# Two runs in a row ask the same service.
KEYS = (f"{os.getpid()}-{n}" for n in itertools.count())


@schemathesis.hook.apply_to(method="POST", path="/tasks")
def before_call(_context, case, _arguments):
    """No schema says whether a directory or a receiver can be used, whether a command can fail, nor which keys of requests are
    taken: that is left to the tests of the service. What is of another type, or empty, stays as it is."""
    body = case.body
    if isinstance(body, dict):
        if isinstance(body.get("workspace"), str):
            body["workspace"] = WORKSPACE
        if isinstance(body.get("callback_url"), str):
            body["callback_url"] = None
        if isinstance(body.get("checks"), list):
            body["checks"] = ["make check" if isinstance(one, str) and one.strip() else one for one in body["checks"]]
    key = (case.headers or {}).get("Idempotency-Key") or ""
    # A header that is wrong must stay so.
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if positive and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = next(KEYS)
