"""The tables: every server against its own client and ours."""
import json
import subprocess
import time

from measure import (CLIENTS, OWN, RUNS, SECS, SERVERS, Server, head, held, many, pairs, row, text)


def unary():
    head('unary, 16-byte body; case: connections x calls outstanding on each')
    for server, client in pairs():
        s = Server(server)
        for conns, out in ((1, 1), (1, 100), (10, 10)):
            def f():
                return s.run(client, 'unary', conns=conns, out=out, secs=SECS)
            f()
            row('unary', f'{conns}x{out}', server, client, many(f), 'calls/s')
        s.stop()


def stream():
    head('streaming: server stream 1M x 16 B; bidi ping-pong; upload 1000 x 1 MB')
    for server, client in pairs():
        if server == 'vitro-stubs':
            continue
        s = Server(server)
        s.run(client, 'unary', secs=0.2)
        row('stream', 'server stream', server, client,
            many(lambda: s.run(client, 'sstream', n=1000000)), 'msg/s')
        row('stream', 'ping-pong', server, client,
            many(lambda: s.run(client, 'pingpong', n=10000)), 'round trips/s')
        row('stream', 'upload 1 MB', server, client,
            many(lambda: s.run(client, 'upload', n=1000, size=1000000)), 'GB/s', 1e-3)
        s.stop()


def tls():
    head('TLS 1.3: unary 16 bytes, 1x100; upload 1000 x 1 MB')
    for server, client in pairs():
        if server == 'vitro-stubs':
            continue
        s = Server(server, tls=True)
        s.run(client, 'unary', secs=0.2)
        row('tls', 'unary 1x100', server, client,
            many(lambda: s.run(client, 'unary', conns=1, out=100, secs=SECS)), 'calls/s')
        row('tls', 'upload 1 MB', server, client,
            many(lambda: s.run(client, 'upload', n=1000, size=1000000)), 'GB/s', 1e-3)
        s.stop()


def samecpu():
    head('server and client on one CPU: no wake-up across CPUs')
    for server in SERVERS:
        client = OWN[server]
        if client not in CLIENTS or server == 'vitro-stubs':
            continue
        s = Server(server)
        row('samecpu', 'unary 1x1', server, client,
            many(lambda: s.run(client, 'unary', cpu='0', secs=.5)), 'calls/s')
        row('samecpu', 'ping-pong', server, client,
            many(lambda: s.run(client, 'pingpong', cpu='0', n=5000)), 'round trips/s')
        s.stop()


def mem():
    print('\n### memory: server RSS, KiB; 1000 connections, 1000 open streams\n'
          '| server | idle | per connection | per TLS connection | per stream |\n'
          '|---|---|---|---|---|')
    for server in SERVERS:
        idle, connection = held(server, 'idleconn')
        _, secure = held(server, 'idleconn', tls=True)
        _, stream_ = held(server, 'idlestream')
        print(f'| {server} | {idle} | {connection:.2f} | {secure:.2f} | {stream_:.2f} |',
              flush=True)
    s = Server('raw')
    print('\n| client | RSS growth per connection, KiB |\n|---|---|')
    for client in CLIENTS:
        r = subprocess.run(s.command(client, 'idleconn', n=500), capture_output=True, text=True,
                           timeout=60)
        print(f'| {client} | {json.loads(r.stdout)["kb_per"]} |', flush=True)
    s.stop()


def first_reply(server, client):
    """Milliseconds from the start of a client's process to its end, with one call made."""
    began = time.perf_counter()
    subprocess.run(server.command(client, 'first'), check=True)
    return {'ms': (time.perf_counter() - began) * 1e3}


def cold():
    print('\n### cold start to first reply: a whole client process against the bare server, ms\n'
          '| client | plain | TLS |\n|---|---|---|')
    plain, secure = Server('raw'), Server('raw', tls=True)
    for client in CLIENTS:
        columns = []
        for server in (plain, secure):
            first_reply(server, client)
            took = sorted(first_reply(server, client)['ms'] for _ in range(5 * RUNS))
            columns.append(f'{text(took[len(took) // 2])} ({text(took[0])}–{text(took[-1])})')
        print(f'| {client} | {" | ".join(columns)} |', flush=True)
    plain.stop()
    secure.stop()


STAGES = {'unary': unary, 'stream': stream, 'tls': tls, 'samecpu': samecpu, 'mem': mem,
          'cold': cold}
