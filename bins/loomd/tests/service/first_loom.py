"""An agent of the first Loom, in Python: it does what that one's guide shows, by the same requests, and
reads of the answers what they read there. Only the token is new, and it is in one line.

    first_loom.py poll|stream|webhook|talk DIR
"""

import faulthandler
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

try:
    import httpx
except ImportError:
    import first_loom_httpx as httpx

URL = os.environ["LOOM_URL"]
TOKEN = {"Authorization": "Bearer " + os.environ["LOOM_TOKEN"]}
ENDED = ("completed", "failed", "cancelled")

client = httpx.Client(base_url=URL, headers=TOKEN)


def begin(directory, **more):
    request = {
        "goal": "write hello into out.txt",
        "workspace": directory,
        "context": {"constraints": ["in English"], "focus_dirs": ["."]},
        "approval_mode": "auto",
        **more,
    }
    answer = client.post("/tasks", json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()["task_id"]


def poll(task, until=lambda shown: shown["status"] in ENDED):
    while True:
        shown = client.get(f"/tasks/{task}").json()
        if until(shown):
            return shown
        assert shown["status"] not in ENDED, (shown["status"], shown.get("errors", []))
        print("status:", shown["status"], shown.get("progress", ""))
        time.sleep(0.02)


def named(path):
    """Each event of a stream with its name and its data."""
    with httpx.stream("GET", URL + path, headers=TOKEN) as stream:
        name = ""
        for line in stream.iter_lines():
            if not line.strip():
                continue
            if line.startswith("event: "):
                name = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


def answer(task, body):
    """Answers a question as soon as there is one: words for a task make it ask anew."""
    while True:
        poll(task, lambda shown: shown["questions"])
        answered = client.post(f"/tasks/{task}/approve", json=body)
        if answered.status_code == 200:
            return
        assert answered.status_code == 409, answered.text


def follow(task):
    for name, data in named(f"/tasks/{task}/stream"):
        assert data["task_id"] == task, data
        if name in ("task_completed", "task_failed", "task_cancelled"):
            return name
    raise AssertionError("the stream ended without the end of the task")


def receiver(told):
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    return HTTPServer(("127.0.0.1", 0), Receiver)


def webhook(directory):
    told = []
    server = receiver(told)
    task = begin(directory, callback_url=f"http://127.0.0.1:{server.server_port}/done")
    while not told:
        server.handle_request()
    [message] = told
    assert message["task_id"] == task and message["event_type"] == "task_completed", message
    assert message["timestamp"], message
    data = message["data"]
    assert data["status"] == "completed" and data["goal"] == "write hello into out.txt", data
    assert (data["subtasks_completed"], data["subtasks_failed"]) == (1, 0), data


def talk(directory):
    """Everything else that the guide shows."""
    assert client.get("/health").json()["status"] == "ok"
    assert any(model["name"] for model in client.get("/models").json())
    assert any(tool["name"] == "write_file" for tool in client.get("/tools").json())

    task = begin(directory, approval_mode="manual")
    poll(task, lambda shown: shown["status"] == "waiting_approval")
    assert task in [one["task_id"] for one in client.get("/tasks").json()]
    waiting = client.get("/tasks", params={"status": "waiting_approval"}).json()
    assert [one["goal"] for one in waiting] == ["write hello into out.txt"], waiting
    [step] = client.get(f"/tasks/{task}/subtasks").json()["subtasks"]

    tokens = []
    watching = threading.Thread(
        target=lambda: tokens.extend(named(f"/tasks/{task}/tokens")), daemon=True
    )
    watching.start()
    # Nothing is written before somebody answers, so nothing is missed once it is there.
    while "loom_streams 1\n" not in client.get("/metrics").text:
        time.sleep(0.02)
    steered = client.patch(f"/tasks/{task}", json={"instruction": "Only out.txt."})
    assert steered.status_code == 200, steered.text
    message = {"message": "Keep it short.", "role": "user"}
    assert client.post(f"/tasks/{task}/message", json=message).status_code == 200
    feedback = {"feedback": "A greeting would do.", "subtask_id": step["id"]}
    assert client.post(f"/tasks/{task}/feedback", json=feedback).status_code == 200
    said = [one["message"] for one in client.get(f"/tasks/{task}/conversation").json()]
    assert said[:2] == ["Only out.txt.", "Keep it short."], said
    assert said[2].endswith("A greeting would do.") and step["id"] in said[2], said

    other = {"subtask_id": "no-such-step", "approved": True}
    assert client.post(f"/tasks/{task}/approve", json=other).status_code == 409
    no = {"subtask_id": step["id"], "approved": False, "reason": "Once more."}
    answer(task, no)
    answer(task, {"subtask_id": step["id"], "approved": True})
    assert poll(task)["status"] == "completed"
    watching.join()
    words = [data for name, data in tokens if name == "token"]
    assert "".join(data["token"] for data in words).startswith("out.txt says hello."), tokens
    assert all(data["subtask_id"] == step["id"] and data["model"] for data in words), tokens
    assert tokens[-1][0] == "task_completed", tokens

    for end in (
        lambda task: client.delete(f"/tasks/{task}"),
        lambda task: client.post(f"/tasks/{task}/cancel"),
    ):
        task = begin(directory, approval_mode="manual")
        poll(task, lambda shown: shown["status"] == "waiting_approval")
        ended = end(task)
        assert ended.status_code == 200, ended.text
        assert poll(task)["status"] == "cancelled"


def main():
    # Where it waits in vain is said before the test gives up on it.
    faulthandler.dump_traceback_later(45, exit=True)
    how, directory = sys.argv[1:]
    if how == "poll":
        assert poll(begin(directory))["status"] == "completed"
    elif how == "stream":
        assert follow(begin(directory)) == "task_completed"
    elif how == "webhook":
        webhook(directory)
    elif how == "talk":
        talk(directory)
    else:
        sys.exit(__doc__)
    print("done")


if __name__ == "__main__":
    main()
