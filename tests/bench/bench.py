#!/usr/bin/env python3
"""Runs servers and clients of bench.proto against each other and prints tables and verdicts.

usage: bench.py [STAGE ...]
stages: verdicts, or verdict:NAME for one of them; unary stream tls samecpu mem cold; default: all

Called by run.sh, which builds what is measured. The server runs on CPU 0, the client on CPU 1,
127.0.0.1 only. Trust ratios within one run and CPU-microseconds per call; rates depend on what
else the machine does.
"""
import shutil
import sys

from stages import STAGES
from verdicts import ALL, verdicts


def main():
    stages = {'verdicts': verdicts, **{f'verdict:{n}': lambda n=n: verdicts([n]) for n in ALL},
              **STAGES}
    wanted = sys.argv[1:] or ['verdicts', *STAGES]
    unknown = [s for s in wanted if s not in stages]
    if unknown or not shutil.which('taskset'):
        sys.exit(f'bench: no such stage: {unknown}' if unknown else 'bench: taskset is missing')
    missed = []
    for stage in wanted:
        missed = stages[stage]() or missed
    if missed:
        sys.exit('bench: bars missed: ' + '; '.join(missed))


if __name__ == '__main__':
    main()
