"""Stands in for Python where xdist starts a worker: has one forked, which takes its pipes over."""

import json
import os
import signal
import socket
import sys

place, *arguments = sys.argv[1:]
call = socket.socket(socket.AF_UNIX)
call.connect(place)
request = {
    "arguments": arguments,
    "folder": os.getcwd(),  # noqa: PTH109 (pathlib takes long to import)
    "environment": dict(os.environ),
    "alone": False,
}
socket.send_fds(call, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
answers = call.makefile("r")
worker = int(answers.readline())
signal.signal(signal.SIGINT, lambda *_: os.kill(worker, signal.SIGINT))
os.close(0)
os.close(1)
answers.readline()  # comes at the worker's end, with or without an answer
