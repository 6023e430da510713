#!/usr/bin/env python3
"""Runs servers and clients of bench.proto against each other and prints tables and verdicts.

usage: bench.py [STAGE ...]     stages: verdicts unary stream samecpu mem    (default: all)

Called by run.sh, which builds what is measured. The server runs on CPU 0, the client on CPU 1,
127.0.0.1 only. RUNS=5 and SECS=0.8 may be set in the environment. Trust ratios within one run and
CPU-microseconds per call; rates depend on what else the machine does. Each result is appended to
build/bench/results.jsonl.
"""
import atexit
import glob
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(ROOT)
OUT, OURS = 'build/bench', 'build/release/tests/bench/vitro'
RUNS, SECS = int(os.environ.get('RUNS', 5)), float(os.environ.get('SECS', 0.8))
TRACE = f'/dev/shm/vitro-bench-{os.getpid()}'

SERVERS = {
    'raw': [f'{OUT}/raw/server'],
    'vitro': [f'{OURS}/server'],
    'vitro-stubs': [f'{OURS}/server', 'stubs'],
    'cpp-sync': [f'{OUT}/cpp/server', 'sync'],
    'cpp-callback': [f'{OUT}/cpp/server', 'callback'],
    'cpp-cq': [f'{OUT}/cpp/server', 'cq'],
    'go': [f'{OUT}/go/server'],
}
CLIENTS = {
    'raw': [f'{OUT}/raw/client'],
    'vitro': [f'{OURS}/client'],
    'cpp': [f'{OUT}/cpp/client'],
    'go': [f'{OUT}/go/client'],
}
OWN = {'raw': 'raw', 'vitro': 'vitro', 'vitro-stubs': 'vitro', 'cpp-sync': 'cpp',
       'cpp-callback': 'cpp', 'cpp-cq': 'cpp', 'go': 'go'}
SERVERS = {k: v for k, v in SERVERS.items() if os.access(v[0], os.X_OK)}
CLIENTS = {k: v for k, v in CLIENTS.items() if os.access(v[0], os.X_OK)}

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
results = open(f'{OUT}/results.jsonl', 'a')
port = 21000 + os.getpid() % 1000 * 10
missed = []


class Server:
    """A started server; stop() ends exactly that process."""

    def __init__(self, name, cpu='0', trace=None):
        global port
        port += 1
        self.name, self.port = name, port
        command = SERVERS[name]
        env = dict(os.environ, VITRO_TRACE=f'file:{trace}') if trace else None
        self.process = subprocess.Popen(
            ['taskset', '-c', cpu, command[0], str(port)] + command[1:], env=env,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        atexit.register(self.process.kill)
        if self.process.stdout.readline().strip() != 'ready':
            raise RuntimeError(f'{name}: the server does not start')

    def cpu(self):
        """Microseconds of CPU: exact for one thread, in ticks for many (some may have ended)."""
        paths = glob.glob(f'/proc/{self.process.pid}/task/*/schedstat')
        if len(paths) == 1:
            with open(paths[0]) as f:
                return int(f.read().split()[0]) / 1e3
        with open(f'/proc/{self.process.pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf('SC_CLK_TCK')

    def rss(self):
        with open(f'/proc/{self.process.pid}/status') as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])

    def command(self, client, mode, cpu='1', **arguments):
        return (['taskset', '-c', cpu] + CLIENTS[client] + [f'127.0.0.1:{self.port}', mode] +
                [f'{k}={v}' for k, v in arguments.items()])

    def run(self, client, mode, cpu='1', trace=None, **arguments):
        before = self.cpu()
        env = dict(os.environ, VITRO_TRACE=f'file:{trace}') if trace else None
        r = subprocess.run(self.command(client, mode, cpu, **arguments), capture_output=True,
                           text=True, timeout=60, env=env)
        if r.returncode or not r.stdout.strip():
            raise RuntimeError(f'{self.name}/{client} {mode}: {r.stderr[-200:]}')
        d = json.loads(r.stdout)
        d['srv_us'] = (self.cpu() - before) / d['n']
        return d

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def text(x):
    return f'{x:,.0f}' if x >= 1000 else f'{x:.1f}' if x >= 100 else f'{x:.3g}'


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def spread(runs, key, scale=1.0):
    v = [r[key] * scale for r in runs]
    return f'{text(statistics.median(v))} ({text(min(v))}–{text(max(v))})'


def head(title):
    print(f'\n### {title}\n| case | server | client | rate, median (min–max) | server CPU-µs/op | '
          'client CPU-µs/op | latency µs p50/p99 |\n|---|---|---|---|---|---|---|', flush=True)


def row(stage, case, server, client, runs, unit, scale=1.0):
    if not runs:
        return
    json.dump({'stage': stage, 'case': case, 'server': server, 'client': client, 'runs': runs},
              results)
    results.write('\n')
    results.flush()
    latency = ''
    if median(runs, 'p50'):
        latency = f'{text(median(runs, "p50"))}/{text(median(runs, "p99"))}'
    print(f'| {case} | {server} | {client} | {spread(runs, "rate", scale)} {unit} | '
          f'{spread(runs, "srv_us")} | {spread(runs, "cpu_us")} | {latency} |', flush=True)


def many(f):
    runs = []
    for _ in range(RUNS):
        try:
            runs.append(f())
        except (RuntimeError, subprocess.TimeoutExpired) as e:
            print('!', str(e)[:200], flush=True)
    return runs


def interleaved(cases):
    """Each case once, then each again: what disturbs the machine disturbs all alike."""
    runs = {name: [] for name in cases}
    for f in cases.values():
        f()
    for _ in range(RUNS):
        for name, f in cases.items():
            runs[name].append(f())
    return runs


def pairs():
    for server in SERVERS:
        for client in dict.fromkeys((OWN[server], 'raw', 'vitro')):
            if client in CLIENTS and (server != 'vitro-stubs' or client == 'raw'):
                yield server, client


# ---- stages ---------------------------------------------------------------------------------------


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


def held(server, mode):
    s = Server(server)
    idle = s.rss()
    s.run('raw', 'unary', secs=0.2, out=10)
    before = s.rss()
    p = subprocess.Popen(s.command('raw', mode, n=1000, hold=2), stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    time.sleep(.3)
    grown = (s.rss() - before) / 1000
    p.kill()
    p.wait()
    s.stop()
    return idle, grown


def mem():
    print('\n### memory: server RSS, KiB; 1000 connections, 1000 open streams\n'
          '| server | idle | per connection | per stream |\n|---|---|---|---|')
    for server in SERVERS:
        idle, connection = held(server, 'idleconn')
        _, stream_ = held(server, 'idlestream')
        print(f'| {server} | {idle} | {connection:.2f} | {stream_:.2f} |', flush=True)
    s = Server('raw')
    print('\n| client | RSS growth per connection, KiB |\n|---|---|')
    for client in CLIENTS:
        r = subprocess.run(s.command(client, 'idleconn', n=500), capture_output=True, text=True,
                           timeout=60)
        print(f'| {client} | {json.loads(r.stdout)["kb_per"]} |', flush=True)
    s.stop()


# ---- verdicts -------------------------------------------------------------------------------------


def verdict(name, ratio, bar, at_least=False):
    met = ratio >= bar if at_least else ratio <= bar
    if not met:
        missed.append(name)
    print(f'{"met   " if met else "MISSED"} {name}: {ratio:.2f}x, bar '
          f'{"at least" if at_least else "at most"} {bar}x', flush=True)


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


def verdict_stream():
    names = [s for s in SERVERS if s == 'vitro' or (s.startswith('cpp') and 'cpp' in CLIENTS)]
    servers = [Server(s) for s in names]
    runs = interleaved({s.name: (lambda s=s: s.run(OWN[s.name], 'sstream', n=1000000))
                        for s in servers})
    for s in servers:
        s.stop()
    head('server stream, 1M messages of 16 bytes')
    for name in names:
        row('verdict', 'server stream', name, OWN[name], runs[name], 'msg/s')
    print()
    if names == ['vitro']:
        print('not run: server stream against grpc C++: it was not built')
        return
    best = max(median(runs[n], 'rate') for n in names if n != 'vitro')
    verdict("server stream rate / grpc C++'s best", median(runs['vitro'], 'rate') / best, 1.0,
            at_least=True)


def verdicts():
    verdict_unary()
    verdict_latency()
    verdict_stream()


STAGES = {'verdicts': verdicts, 'unary': unary, 'stream': stream, 'samecpu': samecpu, 'mem': mem}


def remove_traces():
    for path in glob.glob(f'{TRACE}-*'):
        os.remove(path)


def main():
    wanted = sys.argv[1:] or list(STAGES)
    unknown = [s for s in wanted if s not in STAGES]
    if unknown or not shutil.which('taskset'):
        sys.exit(f'bench: no such stage: {unknown}' if unknown else 'bench: taskset is missing')
    atexit.register(remove_traces)
    for stage in wanted:
        STAGES[stage]()
    if missed:
        sys.exit('bench: bars missed: ' + '; '.join(missed))


if __name__ == '__main__':
    main()
