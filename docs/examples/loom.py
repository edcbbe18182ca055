"""A client of Loom in Python, with nothing but the standard library.

    loom.py poll GOAL DIR      begins a task and asks now and then
    loom.py stream GOAL DIR    begins a task and is told of each event
    loom.py webhook PORT       receives what Loom reports
"""

import hashlib
import hmac
import http.server
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

ENDED = ("completed", "failed", "cancelled")
# Straight to the service, whatever proxy the environment names.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method, path, body=None, timeout=60, **headers):
    """One request. An answer that is no success is an exception with Loom's sentence."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["LOOM_URL"] + path, data, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["LOOM_TOKEN"])
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{problem['error']}: {problem.get('detail')}") from None


def begin(goal, directory):
    # With a key of its own the request may be sent again, and the same task answers.
    key = str(uuid.uuid4())
    answer = ask("POST", "/tasks", {"goal": goal, "workspace": directory}, Idempotency_Key=key)
    task = json.load(answer)["task_id"]
    print("task", task)
    return task


def poll(task):
    while True:
        shown = json.load(ask("GET", f"/tasks/{task}"))
        for question in shown["questions"]:
            print("asks:", question["reason"])
        if shown["status"] in ENDED:
            return shown["status"]
        time.sleep(1)


def events(task):
    """Each event once and in order, also when the service is restarted meanwhile."""
    last = 0
    while True:
        try:
            # Something comes every few seconds, if only a sign of life.
            answer = ask("GET", f"/tasks/{task}/stream?live=false", timeout=45, Last_Event_ID=str(last))
            if answer.status == 204:
                return
            data = []
            for line in answer:
                line = line.decode().rstrip("\r\n")
                if line.startswith("data:"):
                    data.append(line[5:].removeprefix(" "))
                elif not line and data:
                    record = json.loads("\n".join(data))
                    data = []
                    # Without `seq` it is the farewell of a service that stops.
                    if record.get("seq", 0) > last:
                        last = record["seq"]
                        yield record
        except OSError as error:
            print("cut:", error, file=sys.stderr)
        time.sleep(0.5)


def stream(task):
    for event in events(task):
        print(event["seq"], event["event_type"])
        if event["event_type"] in ("task_completed", "task_failed", "task_cancelled"):
            return event["event_type"].removeprefix("task_")
    return json.load(ask("GET", f"/tasks/{task}"))["status"]


class Receiver(http.server.BaseHTTPRequestHandler):
    seen = set()

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        if not self.is_from_loom(body):
            self.send_response(401)
            self.end_headers()
            return
        # First the answer, then the work: Loom waits for ten seconds and comes again.
        self.send_response(204)
        self.end_headers()
        delivery = self.headers["Loom-Delivery"]
        if delivery not in self.seen:
            self.seen.add(delivery)
            record = json.loads(body)
            print(record["event_type"], record["task_id"], flush=True)

    def is_from_loom(self, body):
        secret = os.environ["LOOM_WEBHOOK_SECRET"].encode()
        stamp = self.headers.get("Loom-Timestamp", "0")
        mine = "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        theirs = self.headers.get("Loom-Signature", "")
        recent = stamp.isdigit() and abs(time.time() - int(stamp)) < 300
        return recent and hmac.compare_digest(mine.encode(), theirs.encode())

    def log_message(self, *_):
        pass


def main():
    how, *rest = sys.argv[1:] or [""]
    if how == "webhook":
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(rest[0])), Receiver)
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
    elif how in ("poll", "stream"):
        task = begin(*rest)
        status = {"poll": poll, "stream": stream}[how](task)
        print(status)
        for file in json.load(ask("GET", f"/tasks/{task}/diff"))["files"]:
            print(file["patch"], end="")
        sys.exit(0 if status == "completed" else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
