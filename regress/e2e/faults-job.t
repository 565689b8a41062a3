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


"""Jobs that fail, misbehave or take too much, each through the daemon: a clear
error, the right code, nothing lost, nothing left.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from faultlab import (  # noqa: E402
    LIMIT, Lab, ok, stat, state_of, text, until)
from labtest import finish, read  # noqa: E402

import grpc  # noqa: E402

CONF = '''
class "small" {
	cpu quota unlimited
	memory max 48M
	memory high 48M
}
class "high" {
	cpu quota unlimited
	memory max 96M
	memory high 32M
}
class "half" {
	cpu quota 50ms period 100ms
}
class "slow" {
	cpu quota unlimited
	io read 8M
}
'''
MIB = 1 << 20


def have(lab, controller):
    """Is that controller there? It is in the virtual machine."""
    parent = os.path.dirname(lab.env['CGROUP'])
    return controller in text(f'{parent}/cgroup.controllers').split()


def skip(name, controller):
    ok(True, f'{name} # SKIP controller {controller}')


# ---------------------------------------------------------- starts that fail

def make_tools(lab):
    d = f'{lab.work}/bin'
    os.mkdir(d)

    def put(name, data, mode=0o755):
        with open(f'{d}/{name}', 'wb') as f:
            f.write(data)
        os.chmod(f'{d}/{name}', mode)
    put('data', b'x', 0o644)
    put('script', b'#!/no/such/interpreter\n')
    put('junk', b'neither ELF nor script')
    # A program for SPARC: the header alone tells.
    put('sparc', b'\x7fELF\x01\x02\x01' + bytes(9) + bytes.fromhex(
        '0002000200000001000100000000003400000000000000000034002000010028'
        '00000000') + bytes(64))
    put('busy', read('/bin/true'))
    os.symlink('loop', f'{d}/loop')
    os.mkfifo(f'{d}/fifo', 0o755)
    os.mkdir(f'{lab.work}/closed', 0o700)
    return d


def test_starts(lab):
    d = make_tools(lab)
    cases = [
        ('a command that is nowhere in PATH', 'no-such-command', 2, 127),
        ('a path that does not exist', '/no/such/command', 2, 127),
        ('a script whose interpreter is missing', f'{d}/script', 2, 127),
        ('a directory', '/etc', 13, 126),
        ('no permission to execute', f'{d}/data', 13, 126),
        ('a fifo', f'{d}/fifo', 13, 126),
        ('neither program nor script', f'{d}/junk', 8, 126),
        ('a program for another machine', f'{d}/sparc', 8, 126),
        ('a link to itself', f'{d}/loop', 40, 126),
        ('a program that is being written', f'{d}/busy', 26, 126),
    ]
    with open(f'{d}/busy', 'r+b'):
        for name, command, error, code in cases:
            e = lab.refusal(lab.start, command)
            r = lab.thctl('run', command)
            good, why = start_failed(lab, e, 'exec', error)
            ok(good and r.returncode == code and
               os.strerror(error) in r.stderr and r.stdout == '',
               f'{name}: {os.strerror(error)}, and run exits with {code}',
               f'{why} {e and e.details()} {r}')
    dirs = [('missing', '/no/such/dir', 2), ('a file', '/etc/passwd', 20),
            ("not the job's to enter", f'{lab.work}/closed', 13)]
    for name, path, error in dirs:
        e = lab.refusal(lab.start, '/bin/true', working_directory=path)
        good, why = start_failed(lab, e, 'chdir', error)
        ok(good, f'working directory: {name}', f'{why} {e and e.details()}')
    lab.post('failed starts')


def start_failed(lab, e, stage, error):
    """Is this what a start that failed at that stage is answered with?"""
    if e is None:
        return False, 'it was started'
    if e.code() != grpc.StatusCode.FAILED_PRECONDITION:
        return False, e.code()
    if stage not in e.details() or os.strerror(error) not in e.details():
        return False, 'the text'
    details = dict(e.trailing_metadata())['grpc-status-details-bin']
    name = re.search(rb'users/tele-tester/jobs/[0-9a-f-]{36}', details)
    if name is None:
        return False, details
    st = lab.stub.GetJobStatus(lab.pb.GetJobStatusRequest(
        name=name.group().decode()), timeout=LIMIT)
    return (st.state == lab.pb.JOB_STATE_FAILED and
            st.reason == 'start-failed' and st.failed_stage == stage and
            st.failed_errno == error), st


# --------------------------------------------------------------------- ends

def test_ends(lab):
    for code in 0, 1, 124, 125, 126, 127, 255:
        r = lab.thctl('run', '--', 'sh', '-c', f'exit {code}')
        ok(r.returncode == code and r.stderr == '',
           f'run exits with the job\'s {code}', r)
    for sig in signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT:
        job = lab.sh(f'kill -{sig.value} $$')
        st = lab.wait(job)
        r = lab.thctl('run', '--', 'sh', '-c', f'kill -{sig.value} $$')
        ok(st.state == lab.pb.JOB_STATE_FAILED and st.reason == 'signal' and
           st.term_signal == sig and st.exit_code == 128 + sig and
           r.returncode == 128 + sig,
           f'death by {sig.name}: reason, signal and {128 + sig}',
           f'{st} {r}')
    job = lab.start('/bin/sleep', '1000')
    init = next(p for p in lab.procs(job)
                if ppid(p) == lab.helper(job))
    os.kill(init, signal.SIGKILL)
    st = lab.wait(job)
    ok(st.reason == 'signal' and st.term_signal == 9,
       "the death of a job's pid 1 is the job's, by SIGKILL", st)
    lab.post('ends')


def ppid(pid):
    fields = text(f'/proc/{pid}/stat').rpartition(') ')[2].split()
    return int(fields[1]) if fields else 0


# ------------------------------------------------------------------- output

def test_output(lab):
    job = lab.sh('echo first; exec >&- 2>&-; sleep 1000')
    stream = lab.watch(job)
    got = [next(stream).data]
    seen = []
    t = threading.Thread(target=lambda: seen.extend(stream))
    t.start()
    # Its streams are closed when the shell has become the sleep.
    closed = until(lambda: any('sleep\0' in text(f'/proc/{p}/cmdline')
                               for p in lab.procs(job)))
    running = lab.status(job).state == lab.pb.JOB_STATE_RUNNING
    ended_early = bool(seen)
    lab.stop(job)
    t.join(LIMIT)
    ok(closed and running and not ended_early and got == [b'first\n'] and
       seen[-1].end and seen[-1].state == lab.pb.JOB_STATE_STOPPED,
       'a watch of a job that has closed its output ends with the job', seen)

    job = lab.sh(r"printf '\000\377\376\300\200\000\n'; printf '\200' >&2")
    ok(sorted(lab.output(job)) == sorted(b'\0\xff\xfe\xc0\x80\0\n\x80'),
       'NUL bytes and invalid UTF-8 come through')
    test_large(lab)
    lab.post('output')


def test_large(lab):
    """100 MB to two watchers, one of which stalls until the other is done."""
    size = 100 * 1000 * 1000
    job = lab.start(lab.badjob, 'bytes', str(size), **{'class': 'free'})
    ctl = [lab.ctl, '--server', lab.local, 'watch', job.uid]
    with subprocess.Popen(ctl, stdout=subprocess.PIPE) as slow, \
            subprocess.Popen(ctl, stdout=subprocess.PIPE) as fast:
        head = slow.stdout.read(100000)
        quick = same(lab, size, fast.stdout)
        st = lab.wait(job)
        late = same(lab, size, slow.stdout, head)
    ok(quick and st.output_size == size,
       '100 MB arrive whole, though another watcher stalls', st)
    ok(late, 'and whole at the one that stalled')


def same(lab, size, f, head=b''):
    """Are these, to their end, the bytes that badjob makes?"""
    with subprocess.Popen([lab.badjob, 'bytes', str(size)],
                          stdout=subprocess.PIPE) as p:
        good = p.stdout.read(len(head)) == head
        while good and (data := p.stdout.read(MIB)):
            good = f.read(len(data)) == data
        p.stdout.close()
    return good and f.read(1) == b''


# ------------------------------------------------------ forks, memory, sets

def test_forks(lab):
    if not have(lab, 'pids'):
        skip('10 000 forks are held at 512', 'pids')
        return
    neighbour = lab.sh('while read -r line; do :; done </dev/zero')
    job = lab.start(lab.badjob, 'forks', '10000', **{'class': 'free'})
    told = lab.said(job, b'refused')
    said = lab.file(job).decode().split()
    st = lab.status(job)
    ok(told and said[0] == 'refused' and 9480 <= int(said[1]) <= 9500 and
       stat(st, 'pids.current') == 512 and stat(st, 'pids.events.max') > 0,
       '10 000 forks are held at 512', f'{said} {st}')
    t = time.monotonic()
    answer = lab.thctl('run', 'echo', 'here').stdout
    took = time.monotonic() - t
    ok(answer == 'here\n' and took < 5 and
       lab.status(neighbour).state == lab.pb.JOB_STATE_RUNNING,
       'meanwhile the host, the daemon and a neighbour go on', took)
    took, st = lab.stop(job)
    ok(took < 5 and st.state == lab.pb.JOB_STATE_STOPPED and
       not os.path.exists(lab.cgroup(job)),
       'stop ends them all in less than 5 s', f'{took:.1f} s {st}')
    lab.stop(neighbour)


def test_orphans(lab):
    job = lab.start(lab.badjob, 'orphans', '20000', **{'class': 'free'})
    st = lab.wait(job)
    ok(st.exit_code == 3 and lab.file(job) == b'left 0\n',
       '20 000 orphans are reaped, and the verdict is right',
       f'{st.exit_code} {lab.file(job)}')


def test_memory(lab):
    if not have(lab, 'memory'):
        skip('a job that takes more than its memory is killed', 'memory')
        return
    sibling = lab.sh('sleep 1000')
    jobs = [
        ('its own', lab.start(lab.badjob, 'grow', '200',
                              **{'class': 'small'})),
        ('files in /tmp', lab.sh('head -c 200000000 /dev/zero >/tmp/x',
                                 **{'class': 'small'})),
        ('files in /dev/shm', lab.sh(
            'exec head -c 200000000 /dev/zero >/dev/shm/x',
            **{'class': 'small'})),
    ]
    for name, job in jobs:
        st = lab.wait(job)
        ok(st.state == lab.pb.JOB_STATE_FAILED and st.reason == 'oom' and
           st.oom_killed and st.exit_code == 137 and
           stat(st, 'memory.peak') <= 48 * MIB,
           f'out of memory by {name}: reason oom', st)
    ok(lab.status(sibling).state == lab.pb.JOB_STATE_RUNNING and
       state_of(lab.helper(sibling)) == 'S', 'its siblings live on')
    lab.stop(sibling)
    job = lab.start(lab.badjob, 'grow', '48', **{'class': 'high'})
    until(lambda: (stat(lab.status(job), 'memory.events.high') or 0) > 0)
    st = lab.status(job)
    if st.state == lab.pb.JOB_STATE_RUNNING:
        _, st = lab.stop(job)
    ok(stat(st, 'memory.events.high') > 0 and not st.oom_killed and
       stat(st, 'memory.events.max') == 0,
       'memory high slows down and does not kill', st)
    lab.post('forks and memory')


def test_cpu(lab):
    if not have(lab, 'cpu'):
        skip('8 spinners get no more than their quota', 'cpu')
        return
    job = lab.start(lab.badjob, 'spin', '8', **{'class': 'half'})
    until(lambda: stat(lab.status(job), 'pids.current') == 9)
    t, used = time.monotonic(), stat(lab.status(job), 'cpu.stat.usage_usec')
    until(lambda: stat(lab.status(job), 'cpu.stat.usage_usec') - used >
          1500000)
    t = time.monotonic() - t
    used = stat(lab.status(job), 'cpu.stat.usage_usec') - used
    _, st = lab.stop(job)
    ok(used / 1e6 < 0.5 * 1.15 * t and
       stat(st, 'cpu.stat.nr_throttled') > 10,
       '8 spinners get no more than their quota, within 15 %',
       f'{used} us in {t:.2f} s')


def test_io(lab):
    if not have(lab, 'io'):
        skip('reading a disk is held at the rate of its class', 'io')
        return
    path = f'{lab.work}/large'
    with open(path, 'wb') as f:
        f.write(os.urandom(16 * MIB))
        os.fsync(f.fileno())
    job = lab.start('/bin/dd', f'if={path}', 'of=/dev/null', 'bs=256k',
                    'iflag=direct', **{'class': 'slow'})
    st = lab.wait(job)
    said = lab.file(job).decode()
    took = float(said.rpartition(' copied, ')[2].split()[0])
    ok(st.exit_code == 0 and 0.75 * 8 < 16 / took < 1.25 * 8,
       'reading a disk is held at the rate of its class, within 25 %',
       said, st)
    lab.post('limits')


# --------------------------------------------------------------------- stop

def test_stops(lab):
    grace = {'nanos': 200000000}
    stopped = lab.pb.JOB_STATE_STOPPED
    cases = [
        ('that ignores TERM', ['/bin/sh', '-c',
         "trap '' TERM; echo up; while :; do sleep 1000; done"]),
        ('that has stopped itself', ['/bin/sh', '-c',
                                     'echo up; kill -STOP $$']),
        ('of daemons that ignore every signal', [lab.badjob, 'tree', '5']),
        ('with children in other sessions', ['/bin/sh', '-c',
         'setsid sleep 1000 & setsid setsid sleep 1000 & echo up; wait']),
    ]
    for name, argv in cases:
        job = lab.start(*argv, stop_grace=grace)
        up = lab.said(job, b'up')
        took, st = lab.stop(job)
        ok(up and took < 5 and st.state == stopped and
           st.reason == 'stopped' and st.stopped_by == 'tele-tester' and
           not os.path.exists(lab.cgroup(job)),
           f'stop of a job {name}', f'{took:.1f} s {st}')
    test_traced(lab, grace)
    lab.post('stops')


def trace(pid, held, done):
    """Hold a process as a debugger does, until it is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    seize, interrupt = 0x4206, 0x4207
    if libc.ptrace(seize, pid, None, None) == 0 and \
            libc.ptrace(interrupt, pid, None, None) == 0:
        os.waitpid(pid, 0)
        held.set()
        os.waitpid(pid, 0)
    done.set()


def test_traced(lab, grace):
    job = lab.sh('sleep 1000 & echo up; wait', stop_grace=grace)
    lab.said(job, b'up')
    until(lambda: len(lab.procs(job)) == 3)
    held, done = threading.Event(), threading.Event()
    t = threading.Thread(target=trace, args=(max(lab.procs(job)), held, done))
    t.start()
    good = held.wait(LIMIT)
    took, st = lab.stop(job)
    t.join(LIMIT)
    ok(good and took < 5 and st.state == lab.pb.JOB_STATE_STOPPED,
       'stop of a job with a child that is held by a debugger',
       f'{took:.1f} s {st}')


def test_many(lab):
    jobs = []

    def one(i):
        job = lab.sh(f'echo {i}; exit {i}')
        jobs.append((i, lab.wait(job).exit_code, lab.file(job)))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(LIMIT)
    ok(sorted(jobs) == [(i, i, b'%d\n' % i) for i in range(30)],
       '30 jobs at once, each with its own output and code', sorted(jobs))
    lab.post('30 jobs at once')


def main():
    lab = Lab(CONF)
    try:
        for test in (test_starts, test_ends, test_output, test_forks,
                     test_orphans, test_memory, test_cpu, test_io,
                     test_stops, test_many):
            t = time.monotonic()
            test(lab)
            print(f'# {test.__name__}: {time.monotonic() - t:.1f} s',
                  flush=True)
    finally:
        lab.close()
    finish()


main()
