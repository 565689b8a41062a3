# Copyright (c) 2026 The Telehandler developers
#
# Permission to use, copy, modify, and distribute this software for any
# purpose with or without fee is hereby granted, provided that the above
# copyright notice and this permission notice appear in all copies.
#
# THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
# WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
# MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
# ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
# WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
# ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
# OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.

"""What the benchmarks share: the machine, the processes that are looked at,
the tools, and the table.
"""

import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('BUILD', f'{TOP}/build'))
TOOLS = f'{BUILD}/bench'
LIMIT = 300     # seconds that one tool may take

sys.path.insert(0, f'{TOP}/regress/lib')
from labtest import lab  # noqa: E402


def values(line):
    """A line of KEY=VALUE as numbers."""
    return {k: float(v) for k, v in
            (word.split('=', 1) for word in line.split())}


def tool(*args, cwd=None):
    """Run one of our tools; what it has counted."""
    out = subprocess.run([f'{TOOLS}/{args[0]}', *map(str, args[1:])],
                         check=True, stdout=subprocess.PIPE, text=True,
                         cwd=cwd, timeout=LIMIT).stdout
    return values(out)


class Server:
    """A tool that serves until it is told to end; its first line is its
    port."""

    def __init__(self, *args):
        self.proc = subprocess.Popen([f'{TOOLS}/{args[0]}',
                                      *map(str, args[1:])],
                                     stdout=subprocess.PIPE, text=True)
        line = self.proc.stdout.readline()
        if not line.startswith('port='):
            self.close()
            raise RuntimeError(f'{args[0]} did not start')
        self.port = int(line.split('=')[1])

    def pids(self):
        return [self.proc.pid]

    def close(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


class Daemon:
    """A throw-away instance; up() restarts it."""

    def __init__(self, work):
        self.dir = f'{work}/lab'
        self.env = None

    def up(self):
        self.env = lab('up', self.dir, '--quiet')

    def down(self):
        lab('down', self.dir)

    def frontends(self):
        return [int(p) for p in self.env['FRONTEND_PIDS'].split()]

    def supervisor(self):
        return int(self.env['SUPERVISOR_PID'])

    def pids(self):
        return self.frontends() + [self.supervisor()]

    def args(self):
        """How the load generator reaches it."""
        return ['-p', self.env['PORT'], '-c', self.env['CERTDIR']]

    def load(self, *args):
        return tool('load', *self.args(), *args)

    def spawn(self, count, *command):
        """Start jobs; their names."""
        return subprocess.run([f'{TOOLS}/load', *self.args(), 'spawn',
                               str(count), *command], check=True, text=True,
                              stdout=subprocess.PIPE,
                              timeout=LIMIT).stdout.split()


# ------------------------------------------------------------------- /proc

def cpu(pids):
    """Seconds of CPU that all threads of these processes have used."""
    total = 0
    for pid in pids:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0])
    return total / 1e9


def field(path, key):
    """A number of a file with lines "key: number"."""
    with open(path) as f:
        for line in f:
            if line.startswith(key + ':'):
                return int(line.split()[1])
    raise RuntimeError(f'{path} has no {key}')


def status(pid, key):
    return field(f'/proc/{pid}/status', key)


def rollup(pid, key):
    return field(f'/proc/{pid}/smaps_rollup', key)


def descendants(pid):
    found = []
    with open(f'/proc/{pid}/task/{pid}/children') as f:
        for child in map(int, f.read().split()):
            found += [child] + descendants(child)
    return found


def program(pid):
    return os.path.basename(os.readlink(f'/proc/{pid}/exe'))


def jobexecs(daemon):
    """All jobexec processes, spares and pid 1 of jobs among them."""
    return [p for p in descendants(daemon.supervisor())
            if program(p) == 'jobexec']


# ------------------------------------------------------------------- table

def number(x):
    if x == 0 or x >= 100:
        return f'{x:.0f}'
    return f'{x:.2f}' if x >= 1 else f'{x:.3f}'


class Table:
    """Lines of the result. Both sides are lists, one value a round."""

    FORMAT = '{:<33} {:<27} {:<31} {:>6}  {:<12} {}'

    def __init__(self):
        self.missed = 0
        self.lines = 0

    def line(self, *cells):
        print(self.FORMAT.format(*cells).rstrip(), flush=True)

    def head(self):
        self.line('what', 'ours: median [min max]', 'peer: median [min max]',
                  'ratio', 'budget', '')

    @staticmethod
    def side(name, seen, unit):
        text = f'{number(statistics.median(seen))} {unit}'
        if len(seen) > 1:
            text += f' [{number(min(seen))} {number(max(seen))}]'
        return f'{name} {text}'.strip()

    def verdict(self, good):
        self.missed += not good
        return 'OK' if good else 'MISSED'

    def against(self, what, unit, ours, name, peer, least=None, most=None):
        """Ratio of each round, and their median, against the budget."""
        ratio = statistics.median(a / b for a, b in zip(ours, peer))
        budget, verdict = '-', ''
        if least is not None:
            budget, verdict = f'>= {least}', self.verdict(ratio >= least)
        elif most is not None:
            budget, verdict = f'<= {most}', self.verdict(ratio <= most)
        self.line(what, self.side('', ours, unit),
                  self.side(name, peer, unit), f'{ratio:.2f}', budget, verdict)

    def limit(self, what, unit, ours, most=None, least=None, name='',
              peer=None):
        """Our own number against the budget."""
        seen = statistics.median(ours)
        if least is not None:
            budget, verdict = f'>= {least}', self.verdict(seen >= least)
        else:
            budget, verdict = f'<= {most}', self.verdict(seen <= most)
        self.line(what, self.side('', ours, unit),
                  self.side(name, peer, unit) if peer else '-', '',
                  f'{budget} {unit}', verdict)


def machine():
    """Where and what: the numbers mean nothing without."""
    def git(*args):
        return subprocess.run(['git', '-C', TOP, *args], text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    dirty = '+' if git('status', '--porcelain', '-uno') else ''
    load = ' '.join(f'{x:.2f}' for x in os.getloadavg())
    return (f'{os.cpu_count()} cores, Linux {platform.release()}, '
            f'commit {git("rev-parse", "--short", "HEAD")}{dirty}, '
            f'load before {load}')
