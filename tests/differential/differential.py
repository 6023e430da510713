#!/usr/bin/env python3
"""Our decoder against tshark, field by field.

Captures: generated ones (generate.c), each lesson's own trace, what dumpcap sees on lo (the lesson,
the chat with Node's gRPC both ways; of TLS openssl s_client and grpc-js, with a key log), a trace of our own
over TLS with its secrets, and those of captures/. For each, `vitro inspect --json` and `tshark -T pdml` must
agree on every TLS record (packet, content types, length, handshake types, suites, extensions, ALPN, SNI,
alerts), every HTTP/2 frame
(packet, stream, type, flags, length), every header field (name, value, representation, index), every gRPC
message (compressed flag, length, type) and every protobuf field (name, number, wire type, value).

    differential.py              all captures; one line each
    differential.py FILE...      these captures
    differential.py --self-test  alters one thing of each kind: each must be found

A count of 0 that EXPECTED_ZERO does not name is a failure, and so is a count that differs from
what the generator says it wrote.
"""
import copy
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VITRO = os.path.join(ROOT, "build/bin/vitro")
GENERATE = os.path.join(ROOT, "build/debug/tests/differential/generate")
INTEROP_SERVER = os.path.join(ROOT, "build/debug/tests/interop/vitro-interop-server")
LESSON = os.path.join(ROOT, "build/lessons/08-unary/main")
PORT = 50051
COUNTS = ("records", "frames", "headers", "messages", "fields")
KINDS = ("records", "frames", "messages")
PROTOS = ("proto", "tests/proto")
TLS = os.path.join(ROOT, "tests/fixtures/tls/")

# What is compared of a record: numbers, and texts.
RECORD = ("tls.record.opaque_type", "tls.record.content_type", "tls.record.version", "tls.record.length",
          "tls.handshake.type", "tls.handshake.length", "tls.handshake.version", "tls.handshake.ciphersuite",
          "tls.handshake.extension.type", "tls.handshake.extension.len",
          "tls.handshake.extensions.supported_version", "tls.alert_message.level", "tls.alert_message.desc")
RECORD_TEXTS = ("tls.handshake.extensions_alpn_str", "tls.handshake.extensions_server_name")

# What a capture by that name cannot have in both. tshark hands nothing to gRPC on a stream whose
# :path it does not know; where a start is missing, only messages of other streams are compared.
EXPECTED_ZERO = {"mid-connection": ("messages", "fields"), "10-metadata-and-token": ("fields",)}
LATE = {"missing-start", "mid-connection"}
REORDERED = {"reorder"}
NO_NETWORK = {"01-first-bytes"}
NOT_COMPARED = {"hostile": "what tshark writes of it is no XML"}
# Behind a hole tshark tells nothing of that direction: it is compared up to this packet.
HOLES = {"hole": {(0, "s2c"): 10}}


def run(command, env, **more):
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        sys.exit("differential: %s: status %d: %s"
                 % (" ".join(command), done.returncode, done.stderr.decode()[-500:]))
    return done.stdout


def environment(home):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": home, "XDG_CONFIG_HOME": home}
    return env


# ---- Ours ---------------------------------------------------------------------------------------

def our_field(field):
    value = field.get("protobuf.field.value")
    if isinstance(value, dict):
        value = value["hex"]
    inner = [our_field(f) for f in field.get("fields", [])]
    return {"name": field.get("protobuf.field.name", ""), "number": field["protobuf.field.number"],
            "wiretype": field["protobuf.field.wiretype"], "value": canonical(value),
            "fields": inner}


def our_header(header):
    if header.get("unknown"):
        name = "<unknown>" if header["http2.header.name"].startswith("dyn[") \
            else header["http2.header.name"]
    else:
        name = header["http2.header.name"]
    value = header["http2.header.value"]
    return {"name": name, "value": value["hex"] if isinstance(value, dict) else value,
            "repr": header["http2.header.repr"], "index": header.get("http2.header.index", 0)}


def nothing():
    return {kind: [] for kind in KINDS}


def our_record(event):
    record = {"packet": event["pkt"]}
    for name in RECORD + RECORD_TEXTS:
        value = event.get(name, [])
        record[name] = value if isinstance(value, list) else [value]
    return record


def ours(path, env, keylog=None):
    """Per connection and direction: the records, the frames, the messages."""
    out = {}
    paths = {}
    more = ["--keylog", keylog] if keylog else []
    if keylog:
        more += ["-I", os.path.join(ROOT, "tests/proto"), "--proto", "grpc/testing/test.proto"]
    text = run([VITRO, "inspect", "--json", path] + more, env)
    for line in text.decode().splitlines():
        event = json.loads(line)
        kind = event["event"]
        if kind not in ("tls", "http2", "grpc", "protobuf"):
            continue
        side = out.setdefault((event["conn"], event["dir"]), nothing())
        if kind == "tls":
            side["records"].append(our_record(event))
        if kind == "http2" and event.get("http2.magic"):
            continue
        if kind == "http2" and event.get("cut"):
            continue
        if kind == "http2":
            side["frames"].append({
                "packet": event["pkt"], "stream": event["http2.streamid"], "type": event["http2.type"],
                "flags": event["http2.flags"], "length": event["http2.length"],
                "headers": [our_header(h) for h in event.get("headers", [])]})
        elif kind == "grpc" and not event.get("cut"):
            paths[event["n"]] = event.get("grpc.path")
            side["messages"].append({
                "packet": event["pkt"], "stream": event["http2.streamid"], "flag": event["grpc.compressed_flag"],
                "length": event["grpc.message_length"], "path": event.get("grpc.path", ""),
                "name": "", "fields": []})
        elif kind == "protobuf" and event["parent"] in paths:
            message = side["messages"][-1]
            if event["len"] and "fields" in event: # tshark shows none without bytes, or damaged ones
                message["name"] = event.get("protobuf.message.name", "")
            message["fields"] = [our_field(f) for f in event.get("fields", [])]
    return out


# ---- Theirs -------------------------------------------------------------------------------------

def child(element, name):
    for field in element.iter("field"):
        if field.get("name") == name:
            return field
    return None


def number(element, name):
    field = child(element, name)
    return int(field.get("show"), 0) if field is not None else None


def canonical(value):
    """Values as both sides can write them."""
    if value is None:
        return ""
    if value is True or value is False:
        return str(int(value))
    if isinstance(value, float):
        return "%.9g" % value
    return str(value)


VALUES = ("string", "int32", "int64", "uint32", "uint64", "bool", "double", "float")


def their_field(element):
    value = child(element, "protobuf.field.value")
    typed, inner = None, []
    for message in element:
        if (message.get("show") or "").startswith("Message:"):
            inner = their_fields(message)
    if value is not None:
        typed = "" if value.get("size") == "0" else (value.get("value") or "")
        for kind in VALUES:
            field = child(value, "protobuf.field.value." + kind)
            if field is not None:
                typed = field.get("show")
                if kind == "string":
                    typed = bytes.fromhex(field.get("value") or "").decode()
                elif kind in ("double", "float"):
                    typed = float(typed)
                elif kind == "bool":
                    typed = typed in ("1", "True", "true")
    return {"name": child(element, "protobuf.field.name").get("show"),
            "number": number(element, "protobuf.field.number"),
            "wiretype": number(element, "protobuf.field.wiretype"),
            "value": "" if inner else canonical(typed), "fields": inner}


def their_fields(message):
    return [their_field(f) for f in message if (f.get("show") or "").startswith("Field(")]


def their_header(element):
    index = child(element, "http2.header.index")
    value = child(element, "http2.header.value")
    return {"name": child(element, "http2.header.name").get("show"),
            "value": value.get("show") if value.get("size") != "0" else "",
            "repr": child(element, "http2.header.repr").get("show"),
            "index": int(index.get("show")) if index is not None else 0}


def their_frame(proto, packet):
    return {"packet": packet, "stream": number(proto, "http2.streamid"), "type": number(proto, "http2.type"),
            "flags": number(proto, "http2.flags"), "length": number(proto, "http2.length"),
            "headers": [their_header(h) for h in proto.iter("field")
                        if h.get("name") == "http2.header"]}


def their_message(proto, stream, packet):
    title = (proto.get("showname") or "").split(":", 1)[-1].strip()
    return {"packet": packet, "stream": stream, "flag": number(proto, "grpc.compressed_flag"),
            "length": number(proto, "grpc.message_length"), "path": title.split(",")[0],
            "name": "", "fields": []}


def their_records(proto, packet):
    for element in proto:
        if element.get("name") != "tls.record":
            continue
        record = {"packet": packet}
        for name in RECORD + RECORD_TEXTS:
            shown = [f.get("show") for f in element.iter("field") if f.get("name") == name]
            record[name] = shown if name in RECORD_TEXTS else [int(s, 0) for s in shown]
        yield record


def their_packet(packet, port, out, failed):
    here = int(child(packet, "num").get("show"))
    tcp = [p for p in packet if p.get("name") == "tcp"]
    if not tcp:
        return
    side = "s2c" if number(tcp[0], "tcp.srcport") == port else "c2s"
    key = (number(tcp[0], "tcp.stream"), side)
    side = out.setdefault(key, nothing())
    if any("failed assertion" in (f.get("showname") or "") for f in packet.iter("field")):
        failed.setdefault(key, here)
    stream = None
    for proto in packet:
        if proto.get("name") == "tls":
            side["records"] += their_records(proto, here)
        elif proto.get("name") == "http2" and child(proto, "http2.type") is not None:
            side["frames"].append(their_frame(proto, here))
            stream = side["frames"][-1]["stream"]
        elif proto.get("name") == "grpc":
            side["messages"].append(their_message(proto, stream, here))
        elif proto.get("name") == "protobuf" and side["messages"]:
            name = child(proto, "protobuf.message.name")
            side["messages"][-1]["name"] = name.get("show") if name is not None else ""
            for message in proto:
                if (message.get("show") or "").startswith("Message:"):
                    side["messages"][-1]["fields"] = their_fields(message)


NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]") # tshark writes them as they are


def theirs(path, env, port, keylog=None):
    """keylog: None for plain text, "" where the capture has the secrets."""
    more = ["-d", "tcp.port==%d,%s" % (port, "http2" if keylog is None else "tls")]
    for directory in PROTOS:
        more += ["-o", 'uat:protobuf_search_paths:"%s","TRUE"' % os.path.join(ROOT, directory)]
    if keylog:
        more += ["-o", "tls.keylog_file:" + keylog]
    text = run(["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE",
                "-o", "protobuf.preload_protos:TRUE", "-T", "pdml"] + more, env)
    text = NOT_XML.sub("?", text.decode(errors="replace"))
    out, failed = {}, {}
    for packet in ElementTree.fromstring(text):
        their_packet(packet, port, out, failed)
    return out, failed


def theirs_of_either(mine, path, env, port):
    """Connections in plain text and under TLS to one port: tshark is told of one kind at a time."""
    out, failed = theirs(path, env, port)
    sealed = [key for key, side in mine.items() if side["records"]]
    if sealed:
        opened, lost = theirs(path, env, port, "")
        for key in sealed:
            out[key] = opened.get(key, nothing())
            failed.pop(key, None)
            failed.update({key: lost[key]} if key in lost else {})
    return out, failed


# ---- Comparison ---------------------------------------------------------------------------------

def count_fields(fields):
    return sum(1 + count_fields(f["fields"]) for f in fields)


def counts(sides):
    total = dict.fromkeys(COUNTS, 0)
    for side in sides.values():
        total["records"] += len(side["records"])
        total["frames"] += len(side["frames"])
        total["headers"] += sum(len(f["headers"]) for f in side["frames"])
        total["messages"] += len(side["messages"])
        total["fields"] += sum(count_fields(m["fields"]) for m in side["messages"])
    return total


def differ(a, b, where, out):
    """Every place where two trees of dicts and lists are not the same."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            differ(a.get(key), b.get(key), "%s.%s" % (where, key), out)
    elif isinstance(a, list) and isinstance(b, list):
        for i in range(max(len(a), len(b))):
            differ(a[i] if i < len(a) else None, b[i] if i < len(b) else None,
                   "%s[%d]" % (where, i), out)
    elif a != b:
        out.append("%s: ours %r, tshark %r" % (where, a, b))


def settle(sides, failed, packets=True):
    """Where tshark's dissector failed, its header table is wrong from there on: that direction is
    compared up to the packet. Where segments came in another order packets are not compared: a
    frame of ours is told with its last byte, theirs with the segment that completed it."""
    for key, side in sides.items():
        for kind in KINDS:
            side[kind] = [x for x in side[kind]
                          if key not in failed or x["packet"] < failed[key]]
            for x in side[kind] if not packets else ():
                del x["packet"]


def only_known_streams(mine, other):
    """Drop our messages of streams for which tshark had no path."""
    for key, side in mine.items():
        known = {m["stream"] for m in other.get(key, nothing())["messages"]}
        side["messages"] = [m for m in side["messages"] if m["stream"] in known]


def compare(name, mine, other, written=None, sealed=False):
    """Print the line of a capture; the number of failures."""
    other, failed = other
    if name not in LATE:
        failed = HOLES.get(name, {})
    settle(mine, failed, name not in REORDERED)
    settle(other, failed, name not in REORDERED)
    if name in LATE:
        only_known_streams(mine, other)
    differences = []
    for key in sorted(set(mine) | set(other)):
        differ(mine.get(key, nothing()), other.get(key, nothing()), "%s %s" % key, differences)
    a, b = counts(mine), counts(other)
    print("%-16s %s different %d" % (name, " ".join("%s %d=%d" % (c, a[c], b[c]) for c in COUNTS),
                                     len(differences)))
    if failed:
        print("    compared up to where tshark loses its way: %s"
              % ", ".join("%s packet %d" % (key[1], failed[key]) for key in sorted(failed)))
    for text in differences[:10]:
        print("    " + text)
    failures = len(differences)
    for c in COUNTS[0 if sealed else 1:]:
        if (a[c] == 0 or b[c] == 0) and c not in EXPECTED_ZERO.get(name, ()):
            print("    no %s at all" % c)
            failures += 1
        if written and written[c] != a[c]:
            print("    %s: the generator wrote %d" % (c, written[c]))
            failures += 1
    return failures


# ---- Captures -----------------------------------------------------------------------------------

def generated(directory, env):
    """path, what was written."""
    for line in run([GENERATE, directory], env).decode().splitlines():
        words = line.split()
        yield words[0], {words[i]: int(words[i + 1]) for i in range(1, len(words), 2)}


def lesson_traces(directory, env):
    """Of each lesson that has a network."""
    for program in sorted(glob.glob(os.path.join(ROOT, "build/lessons/[0-9]*/main"))):
        name = os.path.basename(os.path.dirname(program))
        if name not in NO_NETWORK:
            path = os.path.join(directory, name + ".pcapng")
            run([VITRO, "learn", name, "--plain"], dict(env, VITRO_TRACE="file:" + path))
            yield path


class Capture:
    """What dumpcap sees of TCP on loopback while the block runs."""

    def __init__(self, path, env, what="tcp"):
        self.path, self.env, self.what = path, env, what

    def __enter__(self):
        self.dump = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-f", self.what, "-w", self.path],
                                     env=self.env, stderr=subprocess.PIPE)
        for line in self.dump.stderr:
            if b"File:" in line or b"Capturing on" in line:
                break
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        time.sleep(1)
        self.dump.send_signal(signal.SIGINT)
        self.dump.wait()


def lesson_on_lo(directory, env):
    """What dumpcap sees of the lesson run on loopback, and the server's port."""
    path = os.path.join(directory, "all.pcapng")
    with Capture(path, env):
        text = run([VITRO, "learn", "08", "--plain", "--real"], env).decode()
    # Others may use lo at the same time: the lesson says between which ports it spoke.
    syn = re.search(r"> TCP SYN \S+:(\d+) to \S+:(\d+)", text)
    if not syn:
        sys.exit("differential: the lesson opened no connection on lo")
    own = os.path.join(directory, "lo.pcapng")
    run(["tshark", "-n", "-r", path, "-Y", "tcp.port==%s && tcp.port==%s" % syn.groups(),
         "-w", own], env)
    return own, int(syn.group(2))


def serving(command, env):
    """A server that says on its first line where it listens, and that port."""
    server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    line = server.stdout.readline().decode()
    if not line.startswith("listening on "):
        sys.exit("differential: %s does not listen" % command[0])
    return server, int(line.rsplit(":", 1)[1])


def chat_on_lo(directory, env):
    """The chat between us and Node's gRPC, each one as the client: path, port."""
    ready = subprocess.run(["sh", os.path.join(ROOT, "tests/interop/prepare.sh")],
                           stdout=subprocess.PIPE)
    if ready.returncode != 0:
        print("chat with node: not run: %s" % ready.stdout.decode().strip())
        return
    node = os.path.join(ROOT, "build/interop/node/")
    ours, our_port = serving([VITRO, "serve", "--listen", "127.0.0.1:0"], env)
    theirs, their_port = serving(["node", node + "server.js", "127.0.0.1:0"], env)
    client = os.path.join(ROOT, "build/debug/tests/interop/chat_client")
    pairs = [("node-to-vitro", our_port, ["node", node + "client.js", "127.0.0.1:%d" % our_port]),
             ("vitro-to-node", their_port, [client, "ipv4:127.0.0.1:%d" % their_port])]
    try:
        for name, port, command in pairs:
            path = os.path.join(directory, name + ".pcapng")
            with Capture(path, env, "tcp port %d" % port):
                run(command, env)
            yield path, port
    finally:
        for server in (ours, theirs):
            server.terminate()
            server.wait()


# A client's preface, its SETTINGS, a call in literals without an index.
def literal(name, value):
    return b"\0" + b"".join(bytes([len(text)]) + text for text in (name, value))


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def a_call():
    block = b"".join(literal(name, value) for name, value in (
        (b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/chat.ChatService/SendMessage"),
        (b":authority", b"vitro.test"), (b"te", b"trailers"), (b"content-type", b"application/grpc")))
    return (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, block) +
            frame(0, 1, 1, b"\0\0\0\0\x04\x0a\x02me"))


def s_client(port, version, keylog, env):
    client = subprocess.Popen(["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" % port, version,
                               "-alpn", "h2", "-servername", "vitro.test", "-keylogfile", keylog],
                              env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    client.stdin.write(a_call())
    client.stdin.flush()
    seen = b""
    while b"msg_" not in seen: # in the reply
        more = os.read(client.stdout.fileno(), 65536)
        if not more:
            sys.exit("differential: openssl s_client got no reply")
        seen += more
    client.terminate() # at the end of its input alone it would go on
    client.wait()


# Both ends openssl's: options of the server; of each client in turn, and what is typed behind its
# call: R, for a second handshake. The session of the first client is there for the next.
CBC = "ECDHE-ECDSA-AES256-SHA384"
OPENSSL = (("cbc-sha1", ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), (((), b""),)),
           ("cbc-sha384", ("-tls1_2", "-cipher", CBC), (((), b""),)),
           ("cbc-mac-first", ("-tls1_2", "-cipher", CBC, "-no_etm"), (((), b""),)),
           ("two-handshakes", ("-tls1_2", "-client_renegotiation"), (((), b"R\n"),)),
           ("two-handshakes-cbc", ("-tls1_2", "-client_renegotiation", "-cipher", CBC), (((), b"R\n"),)),
           ("early-data", ("-early_data",), ((("-sess_out", "%s"), b""), (("-sess_in", "%s", "-early_data"), b""))),
           ("early-data-refused", (), ((("-sess_in", "%s", "-early_data"), b""),)))


def wait_for(process, words):
    seen = b""
    while words not in seen:
        more = os.read(process.stdout.fileno(), 65536)
        if not more:
            sys.exit("differential: openssl never said %s, but %s" % (words, seen[-500:]))
        seen += more


def say(process, what):
    process.stdin.write(what)
    process.stdin.flush()


def openssl_client(server, port, options, typed, keylog, env):
    early = "-early_data" in options
    client = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-alpn", "h2",
                               "-keylogfile", keylog] + options, env=env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not early:
        say(client, a_call())
        wait_for(server, b"\x0a\x02me")
    say(server, frame(4, 0, 0, b"") + frame(1, 5, 1, b"\x88" + literal(b"grpc-status", b"0")))
    wait_for(client, b"grpc-status")
    if typed:
        say(client, typed)
        wait_for(client, b"RENEGOTIATING")
        say(client, frame(6, 0, 0, b"a secret"))
        wait_for(server, b"a secret")
    client.stdin.close()
    client.stdout.read()
    client.wait()


def openssl_captures(directory, env, keylog, pem):
    session, early = (os.path.join(directory, name) for name in ("session", "early"))
    with open(early, "wb") as out:
        out.write(a_call())
    for name, options, clients in OPENSSL:
        path = os.path.join(directory, "openssl-%s.pcapng" % name)
        server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-alpn", "h2", "-cert", pem[0],
                                   "-key", pem[1]] + list(options), env=env, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in server.stdout:
            if line.startswith(b"ACCEPT"):
                break
        port = int(line.split(b":")[-1])
        with Capture(path, env, "tcp port %d" % port):
            for asked, typed in clients:
                asked = [word % session if "%s" in word else word for word in asked]
                openssl_client(server, port, asked + ([early] if "-early_data" in asked else []), typed, keylog, env)
        server.terminate()
        server.wait()
        yield path, port, keylog


def tls_captures(directory, env):
    """Over TLS: path, port, key log; "" where the capture has the secrets itself."""
    pem = (TLS + "server.pem", TLS + "server.key")
    chat, port = serving([VITRO, "serve", "--listen", "127.0.0.1:0", "--tls-cert", pem[0],
                          "--tls-key", pem[1]], env)
    interop, interop_port = serving([INTEROP_SERVER, "--port=0", "--use_tls=true", "--tls_cert_file=" + pem[0],
                                     "--tls_key_file=" + pem[1]], env)
    path, keylog = (os.path.join(directory, name) for name in ("tls-trace.pcapng", "keys.txt"))
    try:
        run([VITRO, "call", ":%d" % port, "chat.ChatService/SendMessage", "--cacert", TLS + "ca.pem",
             "--authority", "vitro.test", "-d", '{"userId":"me","message":"hi"}'],
            dict(env, VITRO_TRACE="file:" + path))
        yield path, port, ""
        for version in ("-tls1_2", "-tls1_3"):
            path = os.path.join(directory, "openssl%s.pcapng" % version)
            with Capture(path, env, "tcp port %d" % port):
                s_client(port, version, keylog, env)
            yield path, port, keylog
        yield from openssl_captures(directory, env, keylog, pem)
        ready = subprocess.run(["sh", os.path.join(ROOT, "tests/interop/prepare.sh")], stdout=subprocess.PIPE)
        if ready.returncode != 0:
            print("grpc-js over TLS: not run: %s" % ready.stdout.decode().strip())
            return
        path = os.path.join(directory, "tls-grpc-js.pcapng")
        with Capture(path, env, "tcp port %d" % interop_port):
            run(["node", "--tls-keylog=" + keylog, os.path.join(ROOT, "tests/interop/grpc-js/client.js"),
                 "--server_host=127.0.0.1", "--server_port=%d" % interop_port, "--use_tls=true",
                 "--ca_file=" + TLS + "ca.pem", "--server_host_override=vitro.test", "--test_case=ping_pong"],
                dict(env, NODE_PATH=os.path.join(ROOT, "build/interop/node/node_modules")))
        yield path, interop_port, keylog
    finally:
        for server in (chat, interop):
            server.terminate()
            server.wait()


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def plain_captures(directory, env):
    """path, port, what was written or None."""
    for path, written in generated(directory, env):
        late = name_of(path) in LATE
        yield path, PORT, None if late else written
    if not os.path.exists(LESSON):
        sys.exit("differential: lesson 08-unary is not built: make build")
    for path in lesson_traces(directory, env):
        yield path, PORT, None
    path, port = lesson_on_lo(directory, env)
    yield path, port, None
    for path, port in chat_on_lo(directory, env):
        yield path, port, None
    for path in sorted(glob.glob(os.path.join(ROOT, "captures/*.pcapng"))):
        if name_of(path) in NOT_COMPARED:
            print("%-16s not compared: %s" % (name_of(path), NOT_COMPARED[name_of(path)]))
        else:
            yield path, PORT, None


# ---- The test of the test -----------------------------------------------------------------------

def alterations(mine):
    """A copy of ours with one thing altered, for each kind of thing."""
    def altered(change):
        other = copy.deepcopy(mine)
        change(other)
        return other

    def frame(sides, test):
        return next(f for s in sides.values() for f in s["frames"] if test(f))

    def message(sides):
        return next(m for s in sides.values() for m in s["messages"] if m["fields"])

    def header(sides):
        return frame(sides, lambda f: f["headers"])["headers"][0]

    def add(target, key, n):
        target[key] = target[key] + n

    yield "flag", altered(lambda s: add(frame(s, lambda f: f["type"] == 0), "flags", 1))
    yield "length", altered(lambda s: add(frame(s, lambda f: f["type"] == 1), "length", 1))
    yield "header value", altered(lambda s: add(header(s), "value", "x"))
    yield "representation", altered(lambda s: add(header(s), "repr", "x"))
    yield "index", altered(lambda s: add(header(s), "index", 1))
    yield "message length", altered(lambda s: add(message(s), "length", 1))
    yield "protobuf field", altered(lambda s: add(message(s)["fields"][0], "value", "0"))


def self_test(directory, env):
    missed = 0
    path = next(p for p, _ in generated(directory, env) if name_of(p) == "everything")
    mine, (other, failed) = ours(path, env), theirs(path, env, PORT)
    clean = []
    settle(mine, failed)
    settle(other, failed)
    differ(mine, other, "", clean)
    if clean:
        print("self-test: %d differences before anything was altered" % len(clean))
        missed += 1
    for what, changed in alterations(mine):
        found = []
        differ(changed, other, "", found)
        print("self-test: %s altered: %s" % (what, found[0] if found else "NOT FOUND"))
        missed += not found
    return missed


def main(arguments):
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        env = environment(directory)
        if "--self-test" in arguments:
            failures = self_test(directory, env)
        elif arguments:
            for path in arguments:
                mine = ours(path, env)
                failures += compare(name_of(path), mine, theirs_of_either(mine, path, env, PORT))
        else:
            for path, port, written in plain_captures(directory, env):
                mine = ours(path, env)
                failures += compare(name_of(path), mine, theirs_of_either(mine, path, env, port),
                                    written)
            for path, port, keylog in tls_captures(directory, env):
                failures += compare(name_of(path), ours(path, env, keylog),
                                    theirs(path, env, port, keylog), sealed=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
