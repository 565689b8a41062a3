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


"""For tests in Python: what the daemon's processes do and hold, seen from
outside, and whether all is as it was before.
"""

import os
import time
import uuid

from h2raw import Conn, NOT_FOUND, SERVICE, string
from labtest import ok


def soon(true, limit=30):
    """Does it become true within the time?"""
    end = time.monotonic() + limit
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def settled(value, quiet=0.5, limit=20):
    """The value, once it has not changed for a while."""
    end = time.monotonic() + limit
    last, since = value(), time.monotonic()
    while time.monotonic() < min(since + quiet, end):
        time.sleep(0.05)
        now = value()
        if now != last:
            last, since = now, time.monotonic()
    return last


def field(pid, name):
    """A line of /proc/PID/status, or None if there is no such process."""
    try:
        with open(f'/proc/{pid}/status') as f:
            for line in f:
                if line.startswith(name + ':'):
                    return line.split(':', 1)[1].strip()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def frontend(env):
    """The pid of the frontend the lab started with."""
    return env['FRONTEND_PIDS'].split()[0]


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return f.read().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def frontends(env):
    """The pids of all that live now."""
    found = []
    for pid in children(env['SUPERVISOR_PID']):
        try:
            exe = os.readlink(f'/proc/{pid}/exe')
        except OSError:
            continue
        if exe.removesuffix(' (deleted)').endswith('/frontend'):
            found.append(pid)
    return found


def same_frontend(env):
    return frontends(env) == [frontend(env)]


def rss_kib(env):
    return int(field(frontend(env), 'VmRSS').split()[0])


def switches(env):
    return int(field(frontend(env), 'voluntary_ctxt_switches'))


def fds(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def open_fds(env):
    return fds(frontend(env))


def cpu_ticks(pid):
    with open(f'/proc/{pid}/stat') as f:
        words = f.read().rsplit(')', 1)[1].split()
    return int(words[11]) + int(words[12])


def job_processes(env):
    """What still runs in the lab's cgroup."""
    found = []
    for folder, _, files in os.walk(env['CGROUP']):
        if 'cgroup.procs' in files:
            try:
                with open(f'{folder}/cgroup.procs') as f:
                    found += f.read().split()
            except OSError:
                pass
    return found


def zombies(env):
    found = []
    for pid in [env['SUPERVISOR_PID'], *children(env['SUPERVISOR_PID'])]:
        found += [p for p in children(pid)
                  if (field(p, 'State') or '').startswith('Z')]
    return found


def canary(env):
    """How long a stranger's connection and call take, in seconds."""
    missing = f'users/-/jobs/{uuid.uuid4()}'
    begin = time.monotonic()
    try:
        c = Conn(env)
        if c.call(1, SERVICE + 'GetJobStatus',
                  string(1, missing)) != NOT_FOUND:
            return 999
        c.sock.close()
    except OSError:
        return 999
    return time.monotonic() - begin


class Log:
    """The daemon's log, from here on."""

    def __init__(self, env):
        self.path = env['LOG']
        self.begin = os.path.getsize(self.path)

    def text(self):
        with open(self.path, errors='replace') as f:
            f.seek(self.begin)
            return f.read()

    def has(self, text, limit=30):
        return soon(lambda: text in self.text(), limit)


class Before:
    """What must be so again after each group of tests."""

    def __init__(self, env):
        self.env = env
        canary(env)
        self.frontend = frontends(env)
        self.fds = settled(self.count)

    def count(self):
        return [fds(p) for p in (self.env['SUPERVISOR_PID'], *self.frontend)]

    def wrong(self):
        """What is not as it was."""
        w = []
        if frontends(self.env) != self.frontend:
            return [f'frontends {frontends(self.env)}, not {self.frontend}']
        if not all(n <= was for n, was in zip(self.count(), self.fds)):
            w.append(f'descriptors {self.count()}, not {self.fds}')
        if job_processes(self.env):
            w.append(f'processes of jobs {job_processes(self.env)}')
        if zombies(self.env):
            w.append(f'zombies {zombies(self.env)}')
        return w

    def restarted(self):
        """A test has killed the frontend: the one that is there counts."""
        self.frontend = frontends(self.env)

    def after(self, name):
        soon(lambda: not self.wrong())
        wrong = self.wrong()
        # The best of a few, as the machine is not ours alone.
        took = min(canary(self.env) for _ in range(5))
        if took >= 1:
            wrong.append(f'a call takes {took:.1f} s')
        ok(not wrong, f'{name}: all is as before', '; '.join(wrong))
