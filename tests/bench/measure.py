"""How it is measured: servers and clients of bench.proto, each pinned to a CPU, and rows of tables.

RUNS=5 and SECS=0.8 may be set in the environment. Each result is appended to
build/bench/results.jsonl.
"""
import atexit
import glob
import json
import os
import re
import resource
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(ROOT)
OUT, OURS = 'build/bench', 'build/release/tests/bench/vitro'
RUNS, SECS = int(os.environ.get('RUNS', 5)), float(os.environ.get('SECS', 0.8))
CA = 'tests/fixtures/tls/ca.pem'
CERTIFICATE = ['tests/fixtures/tls/server.pem', 'tests/fixtures/tls/server.key']

SERVERS = {
    'raw': [f'{OUT}/raw/server'],
    'vitro': [f'{OURS}/server'],
    'vitro-stubs': [f'{OURS}/server', 'stubs'],
    'cpp-sync': [f'{OUT}/cpp/server', 'sync'],
    'cpp-callback': [f'{OUT}/cpp/server', 'callback'],
    'cpp-cq': [f'{OUT}/cpp/server', 'cq'],
    'go': [f'{OUT}/go/server'],
    'tonic': [f'{OUT}/tonic/server'],
}
CLIENTS = {
    'raw': [f'{OUT}/raw/client'],
    'vitro': [f'{OURS}/client'],
    'cpp': [f'{OUT}/cpp/client'],
    'go': [f'{OUT}/go/client'],
    'tonic': [f'{OUT}/tonic/client'],
}
OWN = {'raw': 'raw', 'vitro': 'vitro', 'vitro-stubs': 'vitro', 'cpp-sync': 'cpp',
       'cpp-callback': 'cpp', 'cpp-cq': 'cpp', 'go': 'go', 'tonic': 'tonic'}
SERVERS = {k: v for k, v in SERVERS.items() if os.access(v[0], os.X_OK)}
CLIENTS = {k: v for k, v in CLIENTS.items() if os.access(v[0], os.X_OK)}
PEERS = [s for s in SERVERS if s not in ('raw', 'vitro', 'vitro-stubs') and OWN[s] in CLIENTS]

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
results = open(f'{OUT}/results.jsonl', 'a')
port = 21000 + os.getpid() % 1000 * 10


class Server:
    """A started server; stop() ends exactly that process."""

    def __init__(self, name, cpu='0', trace=None, tls=False):
        global port
        port += 1
        self.name, self.port, self.tls = name, port, tls
        command = SERVERS[name]
        env = dict(os.environ, VITRO_TRACE=f'file:{trace}') if trace else None
        self.process = subprocess.Popen(
            ['taskset', '-c', cpu, command[0], str(port)] + command[1:] +
            (CERTIFICATE if tls else []), env=env,
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
        if self.tls:
            arguments['ca'] = CA
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


def held(server, mode, n=1000, tls=False):
    """KiB that a server needs at rest, and that it grows by for each thing that is held open."""
    s = Server(server, tls=tls)
    idle = s.rss()
    s.run('raw', 'unary', secs=0.2, out=10)
    before = s.rss()
    p = subprocess.Popen(s.command('raw', mode, n=n, hold=60), stdout=subprocess.PIPE, text=True)
    if not p.stdout.readline():
        raise RuntimeError(f'{server}: {mode}: the client ended')
    grown = (s.rss() - before) / n
    p.kill()
    p.wait()
    s.stop()
    return idle, grown
