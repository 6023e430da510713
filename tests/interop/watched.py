#!/usr/bin/env python3
"""What `vitro watch --json` saw of the chat, as the lines that a client of it prints.

usage: watched.py < NDJSON        status 1 when something of it is missing or was not understood
"""
import json
import sys

NAMES = {"/chat.ChatService/GetNotifications": "notifications", "/chat.ChatService/Chat": "chat"}


def fields(event):
    return {f["protobuf.field.name"]: f.get("protobuf.field.value") for f in event["fields"]}


def line_of(event):
    """A response as the client prints it."""
    of = fields(event)
    name = event.get("protobuf.message.name")
    if name == "chat.MessageResponse":
        return f"reply: success={'true' if of['success'] else 'false'} messageId={of['messageId']}"
    if name == "chat.Notification":
        return f"notification: {of['id']} | {of['title']} | {of['content']}"
    if name == "chat.ChatMessage":
        return f"{of['userId']}: {of['text']}"
    if name == "chat.UploadResponse":
        return f"upload: fileCount={of['fileCount']} totalSize={of['totalSize']}"
    return f"not understood: {name}"


def main():
    paths, headers, first, problems, end = {}, {}, {}, [], None
    for text in sys.stdin:
        event = json.loads(text)
        kind, stream = event["event"], (event.get("conn"), event.get("http2.streamid"))
        if kind == "end":
            end = event
        if kind == "unknown" or "why" in event or event.get("gap"):
            problems.append(text.strip())
        if kind == "grpc" and "grpc.path" in event:
            paths[stream] = event["grpc.path"]
        if kind == "http2" and event["dir"] == "s2c" and event.get("http2.type") == 1:
            headers.setdefault(stream, float(event["ts"]))
            of = {h["http2.header.name"]: h["http2.header.value"] for h in event["headers"]}
            if of.get("grpc-status") == "0" and paths.get(stream) in NAMES:
                print(f"{NAMES[paths[stream]]}: end")
        if kind == "protobuf" and event["dir"] == "s2c":
            if paths.get(stream) == "/chat.ChatService/GetNotifications" and stream not in first:
                first[stream] = float(event["ts"])
                together = first[stream] - headers[stream] < 0.2
                print("notifications: headers", "with the first message" if together else "alone")
            print(line_of(event))
    if not end:
        problems.append("no end")
    elif end["missed"] or end["lost"] or end["unknown"]:
        problems.append(json.dumps(end))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
