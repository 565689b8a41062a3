#!/usr/bin/python3
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


"""Faults of the daemon's own: helpers killed or held, descriptors and process
numbers used up, configurations with errors, hosts without controllers,
signals, a clock that is set back. Jobs and the daemon come through.
"""

import glob
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from faultlab import (  # noqa: E402
    LIMIT, THD, VM, Lab, children, exe, ok, text, until)
from labtest import finish  # noqa: E402

import grpc  # noqa: E402

CODE = grpc.StatusCode
REFUSED = (CODE.RESOURCE_EXHAUSTED, CODE.UNAVAILABLE)


def skip(name, why):
    ok(True, f'{name} # SKIP {why}')


# ------------------------------------------------------- jobexec and cgroup

def next_helper(lab):
    """The jobexec that the next job will get: the oldest."""
    lab.settle()
    return lab.spares()[0]


def kill(lab, pid):
    """Kill a jobexec, and wait until it is reaped."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in children(lab.spawner()))


def lost(lab, st):
    return st.state == lab.pb.JOB_STATE_FAILED and st.reason == 'lost'


def test_helper(lab):
    """kill -9 of jobexec, at each moment of a job's life."""
    helper = next_helper(lab)
    os.kill(helper, signal.SIGSTOP)
    call = lab.stub.StartJob.future(
        lab.pb.StartJobRequest(command='/bin/true'), timeout=LIMIT)
    # It has been given the job when another one is made in its place.
    until(lambda: len(children(lab.spawner())) > 4)
    kill(lab, helper)
    e = call.exception()
    ok(e is not None and e.code() == CODE.FAILED_PRECONDITION and
       'the helper ended' in e.details(),
       'jobexec killed before the command runs: the start has failed', e)
    job = lab.sh('setsid sleep 1000 & sleep 1000')
    kill(lab, lab.helper(job))
    st = lab.wait(job, 10)
    ok(lost(lab, st) and not os.path.exists(lab.cgroup(job)),
       'killed while it runs: the tree is killed, FAILED, reason lost', st)
    job = lab.sh("trap '' TERM; echo up; while :; do sleep 1000; done")
    lab.said(job, b'up')
    call = lab.stub.StopJob.future(lab.pb.StopJobRequest(name=job.name),
                                   timeout=LIMIT)
    until(lambda: lab.status(job).stopping)
    kill(lab, lab.helper(job))
    call.result()
    st = lab.status(job)
    ok(lost(lab, st) and not os.path.exists(lab.cgroup(job)),
       'killed during a stop: the stop is answered, FAILED, reason lost', st)
    kill(lab, next_helper(lab))
    ok(lab.settle(), 'killed before it has a job: another one takes its place')
    test_random(lab)
    lab.post('deaths of jobexec')


def test_random(lab):
    seed = int.from_bytes(os.urandom(4), 'big')
    rnd = random.Random(seed)
    bad = []
    for _ in range(10):
        helper = next_helper(lab)
        call = lab.stub.StartJob.future(lab.pb.StartJobRequest(
            command='/bin/sleep', args=['1000']), timeout=LIMIT)
        delay = rnd.random() * 0.1
        time.sleep(delay)
        kill(lab, helper)
        e = call.exception()
        if e is None:
            st = lab.wait(call.result(), 10)
            if not lost(lab, st):
                bad.append((delay, st))
        elif e.code() not in (CODE.FAILED_PRECONDITION,
                              CODE.RESOURCE_EXHAUSTED):
            bad.append((delay, e.code(), e.details()))
    ok(not bad, 'killed at 10 random moments: never stuck, never RUNNING',
       f'seed {seed}', bad)


def test_cgroup(lab):
    job = lab.sh('sleep 1000')
    with open(f'{lab.cgroup(job)}/cgroup.kill', 'w', encoding='utf-8') as f:
        f.write('1')

    def gone():
        try:
            os.rmdir(lab.cgroup(job))
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True
    until(gone)
    st = lab.wait(job)
    ok(st.state == lab.pb.JOB_STATE_FAILED and st.reason == 'signal' and
       st.term_signal == 9, 'a cgroup killed and removed by hand', st)
    lab.post('a cgroup removed by hand')


class Held(threading.Thread):
    """A job whose jobexec is held by SIGSTOP. Its stop takes half a minute to
    be given up, so it has an instance of its own, beside the others."""

    def __init__(self):
        super().__init__()
        self.lab = Lab()
        self.job = self.lab.sh('sleep 1000', stop_grace={'nanos': 100000000})
        self.helper = self.lab.helper(self.job)
        os.kill(self.helper, signal.SIGSTOP)
        self.error = None
        self.start()

    def run(self):
        t = time.monotonic()
        self.error = self.lab.refusal(self.lab.stop, self.job)
        self.took = time.monotonic() - t

    def check(self):
        lab = self.lab
        self.join(LIMIT)
        e = self.error
        ok(e is not None and e.code() == CODE.DEADLINE_EXCEEDED and
           'helper' in e.details() and 30 <= self.took < 40 and
           not lab.procs(self.job),
           'jobexec is stopped: the job is killed, and StopJob gives up '
           'on the helper in half a minute', e, self.took)
        os.kill(self.helper, signal.SIGCONT)
        st = lab.wait(self.job)
        ok(st.state == lab.pb.JOB_STATE_STOPPED,
           'when it goes on the job is STOPPED', st)
        lab.post('a jobexec that was stopped')


# -------------------------------------------------- descriptors and pids

def lowest(lab):
    """The lowest limit under which it can open nothing more."""
    lab.settle()
    used = {int(f) for f in os.listdir(f'/proc/{lab.sup}/fd')}
    return next(n for n in range(len(used) + 1) if n not in used)


def test_descriptors(lab):
    old = resource.prlimit(lab.sup, resource.RLIMIT_NOFILE)
    used = lowest(lab)
    bad, codes = [], []
    for room in 0, 1, 2, 3, 4, 6, 12:
        resource.prlimit(lab.sup, resource.RLIMIT_NOFILE,
                         (used + room, old[1]))
        e = lab.refusal(lab.start, '/bin/echo', 'x')
        codes.append(None if e is None else e.code())
        if e is not None and e.code() not in REFUSED:
            bad.append((room, e.code(), e.details()))
        resource.prlimit(lab.sup, resource.RLIMIT_NOFILE, old)
    ok(not bad and codes[0] in REFUSED and codes[-1] is None,
       'out of descriptors: a start is refused as such, or works', bad, codes)
    resource.prlimit(lab.sup, resource.RLIMIT_NOFILE, (lowest(lab), old[1]))
    job = lab.refusal(lab.start, '/bin/true')
    before = cpu(lab.sup)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(lab.env['SOCKET'])
        said = until(lambda: 'local socket: accept: ' in lab.log(), 20)
        t = time.monotonic()
        until(lambda: time.monotonic() - t > 1)
        busy = cpu(lab.sup) - before
    ok(job is not None and said and busy < 0.5,
       'and does not turn in circles over a connection it cannot accept',
       busy)
    resource.prlimit(lab.sup, resource.RLIMIT_NOFILE, old)
    ok(until(lambda: lab.thctl('run', 'true').returncode == 0),
       'with descriptors again it goes on')
    lab.post('an end of descriptors')


def cpu(pid):
    f = text(f'/proc/{pid}/stat').rpartition(') ')[2].split()
    return (int(f[11]) + int(f[12])) / os.sysconf('SC_CLK_TCK')


def put(path, value):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(str(value))


def test_pids(lab):
    name = 'out of pids: starts are refused, and go on when there are some'
    mount = os.path.dirname(lab.env['CGROUP'])
    if 'pids' not in text(f'{mount}/cgroup.controllers').split():
        skip(name, 'controller pids')
        return
    group = f'{mount}/th-pids-{os.getpid()}'
    home = mount + re.search(r'^0::(.*)$', text(f'/proc/{lab.sup}/cgroup'),
                             re.M).group(1)
    os.mkdir(group)
    spawner = lab.spawner()
    put(f'{group}/cgroup.procs', spawner)
    put(f'{group}/pids.max', 1)
    answers = [lab.refusal(lab.start, '/bin/true') for _ in range(6)]
    codes = [None if e is None else e.code() for e in answers]
    alive = lab.status(lab.canary).state
    put(f'{group}/pids.max', 'max')
    again = lab.refusal(lab.start, '/bin/true')
    for p in [spawner] + children(spawner):
        put(f'{home}/cgroup.procs', p)
    until(lambda: 'populated 0' in text(f'{group}/cgroup.events'))
    os.rmdir(group)
    ok(codes[:4] == 4 * [None] and
       codes[4:] == 2 * [CODE.RESOURCE_EXHAUSTED] and
       'Resource temporarily unavailable' in answers[5].details() and
       alive == lab.pb.JOB_STATE_COMPLETED and again is None, name, answers)
    lab.post('an end of pids')


# ----------------------------------------------------------- configuration

BROKEN = '''workers many
no such thing
class "x" {
	memory max 1x
}
'''


def broken_lines(path, base):
    """Where the errors are, one a line."""
    return [f'{path}:{base + n}: ' for n in (1, 2, 4)]


def test_reload(lab):
    conf = lab.env['CONF']
    good = text(conf)
    put(conf, good + BROKEN)
    want = broken_lines(conf, good.count('\n'))
    r = subprocess.run([THD, '-d', '-f', conf], timeout=LIMIT, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    ok(r.returncode == 1 and all(w in r.stdout for w in want) and
       r.stdout.count('\n') == 3,
       'a start with three errors names the three lines, and exits 1', r)
    os.kill(lab.sup, signal.SIGHUP)
    said = until(lambda: 'errors, the old configuration stays' in lab.log())
    ok(said and all(f'\n{w}' in lab.log() for w in want),
       'a reload with errors puts the three into the log, and keeps the old',
       lab.log()[-800:])
    lab.post('a reload with errors')
    put(conf, good)
    test_storm(lab)


def test_storm(lab):
    before = lab.log().count('configuration reloaded')
    job = lab.sh('sleep 1000')
    for _ in range(300):
        os.kill(lab.sup, signal.SIGHUP)
    running = lab.status(job).state == lab.pb.JOB_STATE_RUNNING
    until(lambda: lab.log().count('configuration reloaded') > before)
    lab.stop(job)
    os.kill(lab.sup, signal.SIGHUP)
    after = lab.log().count('configuration reloaded')
    ok(running and after > before and until(
        lambda: lab.log().count('configuration reloaded') > before),
       'a storm of SIGHUP is taken as a few reloads', after - before)
    lab.post('a storm of SIGHUP')


class Other:
    """A thd beside the lab's, with a configuration of its own."""

    def __init__(self, lab, name, *changes):
        self.lab = lab
        self.dir = f'{lab.work}/{name}'
        os.mkdir(self.dir)
        conf = text(lab.env['CONF']).replace(f'{lab.dir}/state',
                                             f'{self.dir}/state')
        conf = conf.replace(f'{lab.dir}/run', f'{self.dir}/run')
        conf = re.sub(r'(?m)^listen.*$', f'listen on 127.0.0.1 port {port()}',
                      conf)
        for pattern, new in changes:
            conf = re.sub(pattern, new, conf)
        self.conf = f'{self.dir}/thd.conf'
        put(self.conf, conf)

    def run(self, *before, argv=('-d',)):
        """Until it ends, or with -d is ready."""
        with open(f'{self.dir}/log', 'w', encoding='utf-8') as log:
            self.thd = subprocess.Popen(
                [*before, THD, *argv, '-f', self.conf], stdout=log,
                stderr=subprocess.STDOUT)
        until(lambda: self.thd.poll() is not None or
              'thd: ready' in self.log())
        return self.thd.poll()

    def log(self):
        return text(f'{self.dir}/log')

    def pid(self):
        return int(text(f'{self.dir}/run/thd.pid') or 0)

    def thctl(self, *args):
        return self.lab.thctl(*args, local=f'unix:{self.dir}/run/thd.sock')

    def end(self):
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        if self.thd.poll() is None:
            self.thd.wait(LIMIT)
        until(lambda: exe(pid) != 'thd')


def port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def own_dev(folder):
    """A shell that lays a /dev of its own over the host's, with our log."""
    return ('/usr/bin/unshare', '-m', 'sh', '-c', f'''
d={folder}/dev
mkdir $d
mount -t tmpfs -o mode=755 none $d
for f in null zero full random urandom tty; do
	: >$d/$f && mount --bind /dev/$f $d/$f
done
mkdir $d/shm $d/pts $d/mqueue
: >$d/log && mount --bind {folder}/syslog $d/log
mount --rbind $d /dev
exec "$@"''', 'sh')


def holders(path):
    """Of a file, by /proc."""
    found = []
    for fd in glob.glob('/proc/[0-9]*/fd/*'):
        try:
            if os.readlink(fd) == path:
                found.append(fd)
        except OSError:
            pass
    return found


def test_background(lab):
    other = Other(lab, 'background')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(f'{other.dir}/syslog')
        s.settimeout(LIMIT)
        other.run(*own_dev(other.dir), argv=())
        code = other.thd.wait(LIMIT)
        good = text(other.conf)
        put(other.conf, good + BROKEN)
        os.kill(other.pid(), signal.SIGHUP)
        lines = []
        while not any('the old configuration stays' in x for x in lines):
            lines.append(s.recv(4096).decode())
        want = broken_lines(other.conf, good.count('\n'))
        ok(code == 0 and all(any(w in x for x in lines) for w in want),
           'in background the errors of a reload go to syslog', code, lines)
        ok(other.thctl('run', 'echo', 'x').stdout == 'x\n',
           'and the old configuration serves on')
        ok(until(lambda: not holders(f'{other.dir}/log')),
           'nobody holds the standard error of who started it',
           holders(f'{other.dir}/log'))
        other.end()


# --------------------------------------------- what the host does not have

def test_controllers(lab):
    top = f"{os.path.dirname(lab.env['CGROUP'])}/th-none-{os.getpid()}"
    base = ('(?m)^cgroup.*$', f'cgroup "{top}/sub/thd"')
    os.makedirs(f'{top}/sub')
    other = Other(lab, 'strict', base, ('limits best-effort', 'limits strict'))
    code = other.run()
    ok(code == 1 and 'no cpu io memory pids controller' in other.log() and
       other.log().count('\n') == 1,
       'missing controllers: one message names them, exit 1', code,
       other.log())
    other = Other(lab, 'effort', base)
    code = other.run()
    r = other.thctl('run', 'echo', 'x')
    job = other.thctl('start', 'true').stdout.strip()
    other.thctl('wait', job)
    st = other.thctl('status', job).stdout
    ok(code is None and r.stdout == 'x\n' and sorted(re.findall(
        r'(?m)^limits_missing (.*)$', st)) == ['cpu', 'io', 'memory', 'pids'],
       'with limits best-effort jobs run, and their status names them',
       code, other.log(), r, st)
    other.end()
    for d in f'{top}/sub/thd', f'{top}/sub', top:
        os.rmdir(d)
    other = Other(lab, 'none', ('(?m)^cgroup.*\n', ''))
    code = other.run('/usr/bin/unshare', '-m', 'sh', '-c', '''
awk '/ - cgroup2 / { print $5 }' /proc/self/mountinfo | sort -r |
    while read -r m; do umount -l "$m"; done
exec "$@"''', 'sh')
    ok(code == 1 and 'no cgroup v2 file system is mounted' in other.log() and
       other.log().count('\n') == 1,
       'no cgroup v2 at all: one message, exit 1', code, other.log())
    lab.post('missing controllers')


# ------------------------------------------------------------ signals, clock

def test_term(lab):
    other = Other(lab, 'kill', ('(?m)^cgroup "(.*)"$', r'cgroup "\1-kill"'),
                  (r'\Z', 'on stop kill\n'))
    other.run()
    job = other.thctl('start', '--', 'sleep', '1000').stdout.strip()
    group = f"{lab.env['CGROUP']}-kill"
    there = os.path.exists(f'{group}/{job}')
    other.end()
    ok(there and os.listdir(f'{other.dir}/state/jobs') == [job] and
       not os.path.exists(f'{group}/{job}') and other.thd.returncode == 0,
       'SIGTERM with "on stop kill" stops the jobs, then the daemon',
       other.log())
    os.rmdir(group)
    gate = f'{lab.work}/gate'
    job = lab.sh('while [ ! -e "$0" ]; do sleep 0.05; done; echo after', gate)
    helper = lab.helper(job)
    os.kill(lab.sup, signal.SIGTERM)
    ended = until(lambda: exe(lab.sup) == '')
    put(gate, '')
    done = until(lambda: exe(helper) == '')
    ok(ended and done and lab.file(job) == b'after\n' and
       lab.file(job, 'exit').strip(b'\0') != b'',
       'SIGTERM with "on stop keep": a job goes on to its end, its output and '
       'its exit are in its files', lab.file(job))
    lab.up()
    lab.post('a restart')


def test_clock(lab):
    name = 'a clock that is set back: no duration is negative'
    if not VM:
        skip(name, 'the clock is the host\'s')
        return
    jobs = [lab.sh('echo up; sleep 1000') for _ in range(3)]
    for j in jobs:
        lab.said(j, b'up')
    at, mono = time.time(), time.monotonic()
    time.clock_settime(time.CLOCK_REALTIME, at - 3600)
    try:
        os.kill(lab.helper(jobs[0]), signal.SIGKILL)
        lab.stop(jobs[1])
        put(f'{lab.cgroup(jobs[2])}/cgroup.kill', 1)
        ends = [lab.wait(j) for j in jobs]
        new = lab.wait(lab.sh('exit 3'))
    finally:
        time.clock_settime(time.CLOCK_REALTIME,
                           at + time.monotonic() - mono)
    ok([st.reason for st in ends] == ['lost', 'stopped', 'signal'] and
       all(st.end_time.ToNanoseconds() >= st.start_time.ToNanoseconds()
           for st in ends + [new]) and new.exit_code == 3, name, *ends)
    lab.post('a clock that was set back')


def run_all(lab):
    lab.canary = lab.start('/bin/true')
    for test in (test_helper, test_cgroup, test_descriptors, test_pids,
                 test_reload, test_background, test_controllers, test_term,
                 test_clock):
        t = time.monotonic()
        test(lab)
        print(f'# {test.__name__}: {time.monotonic() - t:.1f} s', flush=True)


def main():
    held = Held()
    lab = None
    try:
        lab = Lab()
        run_all(lab)
        held.check()
    finally:
        if lab is not None:
            lab.close()
        held.lab.close()
    finish()


main()
