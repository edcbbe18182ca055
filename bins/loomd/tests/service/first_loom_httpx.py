"""What `first_loom.py` uses of httpx, for machines that do not have it: the same calls, and the same
five seconds after which it gives up on a service that says nothing."""

import contextlib
import json as texts
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 5
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Response:
    def __init__(self, status_code, text):
        self.status_code = status_code
        self.text = text

    def json(self):
        return texts.loads(self.text)


def send(method, url, headers, json=None, params=None):
    if params:
        url += "?" + urllib.parse.urlencode(params)
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    if json is not None:
        request.data = texts.dumps(json).encode()
        request.add_header("Content-Type", "application/json")
    return opener.open(request, timeout=TIMEOUT)


class Client:
    def __init__(self, base_url, headers=None):
        self.base_url = base_url
        self.headers = headers

    def request(self, method, path, **more):
        try:
            answer = send(method, self.base_url + path, self.headers, **more)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return Response(answer.status, answer.read().decode())

    def get(self, path, params=None):
        return self.request("GET", path, params=params)

    def post(self, path, json=None):
        return self.request("POST", path, json=json)

    def patch(self, path, json=None):
        return self.request("PATCH", path, json=json)

    def delete(self, path):
        return self.request("DELETE", path)


class Stream:
    def __init__(self, answer):
        self.answer = answer

    def iter_lines(self):
        for line in self.answer:
            yield line.decode().rstrip("\r\n")


@contextlib.contextmanager
def stream(method, url, headers=None):
    with send(method, url, headers) as answer:
        yield Stream(answer)
