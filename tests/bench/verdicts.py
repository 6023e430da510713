"""What is promised, as ratios within one run: each prints whether its bar is met."""
import glob
import os
import statistics

from measure import (CLIENTS, OWN, PEERS, SECS, SERVERS, Server, head, held, interleaved, median,
                     row, text)
from stages import first_reply

TRACE = f'/dev/shm/vitro-bench-{os.getpid()}'
missed = []


def verdict(name, ratio, bar, at_least=False):
    met = ratio >= bar if at_least else ratio <= bar
    if not met:
        missed.append(name)
    print(f'{"met   " if met else "MISSED"} {name}: {ratio:.2f}x, bar '
          f'{"at least" if at_least else "at most"} {bar}x', flush=True)


def no_peers(what):
    if not PEERS:
        print(f'not run: {what}: no other implementation was built')
    return not PEERS


def load(server, client, **more):
    return lambda: server.run(client, 'unary', conns=1, out=100, secs=SECS, **more)


def verdict_unary():
    raw, ours = Server('raw'), Server('vitro')
    traced = Server('vitro', trace=f'{TRACE}-server')
    runs = interleaved({
        'bare': load(raw, 'raw'),
        'server': load(ours, 'raw'),
        'client': load(raw, 'vitro'),
        'traced server': load(traced, 'raw'),
        'traced client': load(raw, 'vitro', trace=f'{TRACE}-client'),
    })
    for s in (raw, ours, traced):
        s.stop()
    head('unary 16 bytes, 1x100, bare pair and with one side ours, in turn')
    row('verdict', '1x100', 'raw', 'raw', runs['bare'], 'calls/s')
    row('verdict', '1x100', 'vitro', 'raw', runs['server'], 'calls/s')
    row('verdict', '1x100', 'raw', 'vitro', runs['client'], 'calls/s')
    row('verdict', '1x100, trace on tmpfs', 'vitro', 'raw', runs['traced server'], 'calls/s')
    row('verdict', '1x100, trace on tmpfs', 'raw', 'vitro', runs['traced client'], 'calls/s')
    bare = median(runs['bare'], 'srv_us'), median(runs['bare'], 'cpu_us')
    print()
    verdict('server CPU per call / bare server', median(runs['server'], 'srv_us') / bare[0], 3.0)
    verdict('client CPU per call / bare client', median(runs['client'], 'cpu_us') / bare[1], 3.0)
    print(f'report server with trace / bare server: '
          f'{median(runs["traced server"], "srv_us") / bare[0]:.2f}x')
    print(f'report client with trace / bare client: '
          f'{median(runs["traced client"], "cpu_us") / bare[1]:.2f}x')


def verdict_tls():
    raw, ours = Server('raw', tls=True), Server('vitro', tls=True)
    runs = interleaved({
        'bare': load(raw, 'raw'),
        'server': load(ours, 'raw'),
        'client': load(raw, 'vitro'),
    })
    for s in (raw, ours):
        s.stop()
    head('the same under TLS 1.3')
    row('verdict', 'TLS 1x100', 'raw', 'raw', runs['bare'], 'calls/s')
    row('verdict', 'TLS 1x100', 'vitro', 'raw', runs['server'], 'calls/s')
    row('verdict', 'TLS 1x100', 'raw', 'vitro', runs['client'], 'calls/s')
    print()
    verdict('TLS: server CPU per call / bare server',
            median(runs['server'], 'srv_us') / median(runs['bare'], 'srv_us'), 3.0)
    verdict('TLS: client CPU per call / bare client',
            median(runs['client'], 'cpu_us') / median(runs['bare'], 'cpu_us'), 3.0)


def verdict_latency():
    raw, ours = Server('raw'), Server('vitro')
    runs = interleaved({
        'bare': lambda: raw.run('raw', 'unary', cpu='0', secs=.4),
        'ours': lambda: ours.run('vitro', 'unary', cpu='0', secs=.4),
    })
    raw.stop()
    ours.stop()
    head('one call at a time, both sides on CPU 0')
    row('verdict', '1x1', 'raw', 'raw', runs['bare'], 'calls/s')
    row('verdict', '1x1', 'vitro', 'vitro', runs['ours'], 'calls/s')
    print()
    verdict('p50 / bare p50', median(runs['ours'], 'p50') / median(runs['bare'], 'p50'), 1.5)


def verdict_rate(title, unit, scale, tls, mode, **arguments):
    """Ours with ours against each peer with its own client: at least the best one's rate."""
    names = ['vitro'] + PEERS
    servers = [Server(s, tls=tls) for s in names]
    runs = interleaved({s.name: (lambda s=s: s.run(OWN[s.name], mode, **arguments))
                        for s in servers})
    for s in servers:
        s.stop()
    head(title)
    for name in names:
        row('verdict', title, name, OWN[name], runs[name], unit, scale)
    print()
    if no_peers(title):
        return
    best = max(PEERS, key=lambda n: median(runs[n], 'rate'))
    verdict(f"{title}: rate / best peer's ({best})",
            median(runs['vitro'], 'rate') / median(runs[best], 'rate'), 1.0, at_least=True)


def verdict_stream():
    verdict_rate('server stream, 1M messages of 16 bytes', 'msg/s', 1.0, False, 'sstream',
                 n=1000000)


def verdict_upload():
    for tls in (False, True):
        verdict_rate('upload of 1 MB messages' + (', TLS' if tls else ''), 'GB/s', 1e-3, tls,
                     'upload', n=1000, size=1000000)


def verdict_memory():
    print('\n### server memory per idle connection, KiB of 1000\n| server | plain | TLS |\n|---|---|---|')
    per = {}
    for name in ['raw', 'vitro'] + PEERS:
        per[name] = [statistics.median(held(name, 'idleconn', tls=tls)[1] for _ in range(3))
                     for tls in (False, True)]
        print(f'| {name} | {per[name][0]:.2f} | {per[name][1]:.2f} |', flush=True)
    print()
    if no_peers('memory per idle connection'):
        return
    for at, kind in enumerate(('plain', 'TLS')):
        best = min(PEERS, key=lambda n: per[n][at])
        verdict(f"memory per idle connection, {kind} / best peer's ({best})",
                per['vitro'][at] / per[best][at], 1.0)


def verdict_cold():
    print('\n### cold start to first reply, whole client process, ms\n')
    for tls in (False, True):
        server = Server('raw', tls=tls)
        runs = interleaved({c: (lambda c=c: first_reply(server, c)) for c in CLIENTS})
        more = interleaved({c: (lambda c=c: first_reply(server, c)) for c in ('raw', 'vitro')})
        server.stop()
        for client in CLIENTS:
            both = runs[client] + more.get(client, [])
            print(f'{"TLS" if tls else "plain"} {client}: {text(median(both, "ms"))}')
        print()
        verdict(f'cold start to first reply{", TLS" if tls else ""} / bare client',
                median(runs['vitro'] + more['vitro'], 'ms') /
                median(runs['raw'] + more['raw'], 'ms'), 1.5)


ALL = {'unary': verdict_unary, 'tls': verdict_tls, 'latency': verdict_latency,
       'stream': verdict_stream, 'upload': verdict_upload, 'memory': verdict_memory,
       'cold': verdict_cold}


def verdicts(names=()):
    try:
        for name in names or ALL:
            ALL[name]()
    finally:
        for path in glob.glob(f'{TRACE}-*'):
            os.remove(path)
    return missed
