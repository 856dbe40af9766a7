"""A real HTTP server that speaks OpenAI's protocol as a test wants it, and misbehaves on purpose."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "some-model"
Answer = Callable[[dict[str, Any]], "Sent"]


@dataclass(frozen=True)
class Sent:
    """What goes back: ``cut`` sends so many bytes of the body and hangs up, ``seconds`` waits before anything."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    seconds: float = 0.0


@dataclass
class ChatServer:
    """The server's script, and what it was asked. ``most_at_once`` is the most requests that it had at one time."""

    answer: Answer
    entry: dict[str, Any] = field(default_factory=lambda: {"id": MODEL, "object": "model", "owned_by": "somebody"})
    root: Callable[[str, dict[str, Any]], dict[str, Any] | None] = lambda path, body: None
    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    most_at_once: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def take(self, body: dict[str, Any]) -> Sent:
        with self._lock:
            self.asked.append(body)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            sent = self.answer(body)
            self.closing.wait(sent.seconds)
            return sent
        finally:
            with self._lock:
                self._now -= 1

    @property
    def cases(self) -> list[dict[str, Any]]:
        """What it was asked after the probes."""
        return [body for body in self.asked if not is_probe(body)]


def is_probe(body: dict[str, Any]) -> bool:
    return "1 + 1" in str(body["messages"][-1]["content"])


def said(text: str | None, finish: str = "stop", **changes: Any) -> Sent:
    """Return a whole chat completion; ``message`` and ``choice`` add to those parts, other names to the document."""
    message = {"role": "assistant", "content": text, **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish, **changes.pop("choice", {})}
    document = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    return Sent(body=json.dumps(document | changes).encode())


def refused(status: int, message: str = "", code: str = "", **headers: str) -> Sent:
    return Sent(status, json.dumps({"error": {"message": message, "code": code}}).encode(), headers)


@contextmanager
def serving(answer: Answer, **settings: Any) -> Iterator[ChatServer]:
    """Serve on a free port of this machine."""
    script = ChatServer(answer, **settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script.keys.add(str(self.headers["Authorization"]))
            if self.path == "/v1/models":
                self.send(Sent(body=json.dumps({"object": "list", "data": [script.entry]}).encode()))
            else:
                self.send_root({})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/chat/completions":
                self.send(script.take(body))
            else:
                self.send_root(body)

        def send_root(self, body: dict[str, Any]) -> None:
            found = script.root(self.path, body)
            self.send(refused(404) if found is None else Sent(body=json.dumps(found).encode()))

        def send(self, sent: Sent) -> None:
            body = sent.body if sent.cut is None else sent.body[: sent.cut]
            try:
                self.send_response(sent.status)
                for name, value in {"Content-Type": "application/json", **sent.headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(sent.body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client has given up
            if sent.cut is not None:
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            script.closing.set()
            server.shutdown()
            thread.join()
