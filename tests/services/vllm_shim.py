"""What answers like vLLM's server without computing: called as `vllm serve MODEL --port=…`.

It repeats the prompt. As with vLLM, a model without a chat template refuses to chat, and `/health`
and `/metrics` stand beside `/v1`.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = sys.argv[2]
OPTIONS = dict(word[2:].split("=", 1) for word in sys.argv[3:])
NO_TEMPLATE = "As of transformers v4.44, default chat template is no longer allowed."


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    num_requests = 0

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.is_known():
            self.answer(401, b'{"error": "Unauthorized"}')
        elif self.path == "/v1/models":
            self.answer(200, json.dumps({"data": [{"id": MODEL, "max_model_len": 2048}]}).encode())
        elif self.path == "/metrics":
            text = "# TYPE vllm:requests_total counter\nvllm:requests_total{model=%s} %d\n"
            self.answer(200, (text % (json.dumps(MODEL), Handler.num_requests)).encode())
        else:
            self.answer(200, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_known():
            self.answer(401, b'{"error": "Unauthorized"}')
        elif body["model"] != MODEL:
            self.answer(404, b'{"error": {"message": "The model does not exist."}}')
        elif "messages" in body and MODEL == "gpt2":
            self.answer(400, json.dumps({"error": {"message": NO_TEMPLATE}}).encode())
        else:
            Handler.num_requests += 1
            self.speak(body)

    def is_known(self) -> bool:
        return self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def speak(self, body: dict[str, Any]) -> None:
        is_chat = "messages" in body
        words = (body["messages"][-1]["content"] if is_chat else body["prompt"]).split()
        usage = {"prompt_tokens": len(words), "completion_tokens": len(words)}
        if not body.get("stream"):
            text = " ".join(words)
            message = {"role": "assistant", "content": text}
            said = {"message": message} if is_chat else {"text": text}
            choice = {"index": 0, "finish_reason": "stop", **said}
            whole = {"model": MODEL, "choices": [choice], "usage": usage}
            self.answer(200, json.dumps(whole).encode())
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in words:
            piece = {"delta": {"content": f"{word} "}} if is_chat else {"text": f"{word} "}
            self.event({"choices": [{"index": 0, "finish_reason": None, **piece}]})
        end: dict[str, Any] = {"delta": {}} if is_chat else {"text": ""}
        self.event({"choices": [{"index": 0, "finish_reason": "stop", **end}]})
        self.event({"choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, body: dict[str, Any]) -> None:
        self.chunk(b"data: " + json.dumps({"model": MODEL, **body}).encode() + b"\n\n")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")


if __name__ == "__main__":
    ThreadingHTTPServer((OPTIONS["host"], int(OPTIONS["port"])), Handler).serve_forever()
