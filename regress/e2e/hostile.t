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


"""Children that break each rule of the protocol between the processes. Each
time the supervisor must live, say what was wrong, kill that child and start it
again; jobs and the other frontend go on, and nothing is left behind.
"""

import atexit
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
import hostile  # noqa: E402
from hostile import (  # noqa: E402
    LIMIT, VERSION, exited, failed, many, raw, started, text, u8, u32, u64,
    until)
from labtest import finish, lab, ok, ok_bytes, read  # noqa: E402

BUILD = os.environ['BUILD']
FIRST_CONN = 0x1122334455667788
SPARES = 4  # jobexecs that wait for a job
REFUSED = 'ended for breaking the protocol'

real_jobexecs = False
raw_workers = set()  # whose next stand-in is not set up
plan_lock = threading.Lock()


def plan(name, worker):
    with plan_lock:
        if name == 'jobexec':
            return 'real' if real_jobexecs else 'new'
        if worker == 0:
            return 'real'
        return 'new' if worker in raw_workers else 'live'


# ----------------------------------------------------- looking at thd

def log_size():
    return os.path.getsize(env['LOG'])


def log_since(mark):
    """Without what was permitted: there may be thousands of these."""
    lines = read(env['LOG'])[mark:].decode(errors='replace').splitlines()
    return '\n'.join(line for line in lines if ': permitted, ' not in line)


def fds():
    return len(os.listdir(f"/proc/{env['SUPERVISOR_PID']}/fd"))


def rss():
    status = read(f"/proc/{env['SUPERVISOR_PID']}/status").decode()
    return int(re.search(r'VmRSS:\s+(\d+)', status)[1])


def thctl(*args, **kw):
    certs = env['CERTDIR']
    return subprocess.Popen(
        [f'{BUILD}/bin/thctl', '--server', f"{env['ADDRESS']}:{env['PORT']}",
         '--ca', f'{certs}/ca.pem', '--cert', f'{certs}/tele-tester.pem',
         '--key', f'{certs}/tele-tester-key.pem', *args],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def thctl_run(*args):
    p = thctl(*args)
    out, _ = p.communicate(timeout=2 * LIMIT)
    return p.returncode, out


def serving():
    """Does the good frontend answer, and does the good job go on?"""
    code, out = thctl_run('status', good_job)
    return code == 0 and 'RUNNING' in out


# ---------------------------------------------------- hostile frontends

def name():
    return text(f'users/tele-tester/jobs/{good_job}')


def with_peer(c, conn=None):
    c.conn = conn or FIRST_CONN + c.worker
    c.peer(c.conn)
    c.expect('PEER_ACK')
    return c


def is_type(number, payload=b''):
    return lambda c: c.send(number, payload)


def with_fds(count):
    def act(c):
        fd = os.open('/dev/null', os.O_RDWR)
        c.send('LOG', u8(6) + text('with descriptors'), [fd] * count)
        os.close(fd)
    return act


def twice_outstanding(c):
    with_peer(c)
    for _ in range(2):
        c.send('JOB_WAIT', u64(c.conn) + name(), ident=5)


def after_down(c):
    with_peer(c)
    c.send('PEER_DOWN', u64(c.conn))
    c.send('JOB_STATUS', u64(c.conn) + name(), ident=5)


def of_another(kind):
    def act(c):
        other = with_peer(live[BYSTANDER], FIRST_CONN + 1000 + c.worker)
        c.send(kind, u64(other.conn) +
               (b'' if kind == 'PEER_DOWN' else name()), ident=5)
    return act


def list_count(c):
    with_peer(c)
    c.send('JOB_START', u64(c.conn) + text('') + text('/bin/true') + u32(2) +
           raw(b'one\0') + u32(0) + raw(b'') + text('') + text('') + u32(0) + u32(0) +
           raw(b''))


def peer_up(conn, identity, fingerprint=bytes(32)):
    return lambda c: c.send('PEER_UP', u64(conn) + text(identity) +
                            raw(fingerprint) + u64(4102444800))


def ack(difference):
    return lambda c: c.send('CFG_ACK', u32(c.generation + difference) +
                            u8(1) + text(''))


NOW = 'is not allowed now'
OTHER = f'speaks version {VERSION + 1} of the protocol, not {VERSION}'
FRONTEND = [
    # What it does, what the log must say, how.
    ('an unknown type', 'unknown type', is_type(999)),
    ('type 0', 'unknown type', is_type(0)),
    ('a message of jobexec', 'type not allowed on this channel',
     is_type('EXEC_EXIT', bytes(45))),
    ('a reply', 'type not allowed on this channel', is_type('RESULT')),
    ('a payload too short', 'malformed payload',
     is_type('PEER_DOWN', bytes(7))),
    ('bytes left over', 'malformed payload', is_type('PEER_DOWN', bytes(9))),
    ('a string longer than the payload', 'malformed payload',
     is_type('LOG', u8(6) + u32(1000) + b'text\0')),
    ('a string over its limit', 'malformed payload',
     is_type('LOG', u8(6) + text('x' * 1025))),
    ('a string with a NUL within', 'malformed payload',
     is_type('LOG', u8(6) + text(b'a\0b'))),
    ('a string without its NUL', 'malformed payload',
     is_type('LOG', u8(6) + u32(1) + b'ab')),
    ('a header with another length', 'receive: Protocol error',
     lambda c: c.datagram(hostile.struct.pack('=HHII', 3, 0, 99, 0))),
    ('flags in the header', 'receive: Protocol error',
     lambda c: c.datagram(hostile.struct.pack('=HHII', 3, 1, 12, 0))),
    ('half a header', 'receive: Protocol error',
     lambda c: c.datagram(bytes(5))),
    ('a message over 160 KiB', 'receive: Protocol error',
     is_type('LOG', bytes(hostile.IMSG_MAX))),
    ('1 surplus descriptor', 'wrong number of descriptors', with_fds(1)),
    ('4 surplus descriptors', 'wrong number of descriptors', with_fds(4)),
    ('5 surplus descriptors', 'receive: Protocol error', with_fds(5)),
    ('253 surplus descriptors', 'receive: Protocol error', with_fds(253)),
    ('SETUP_DONE twice', NOW, is_type('SETUP_DONE', u32(VERSION))),
    ('an answer to a configuration that it was not sent',
     'CFG_ACK of what it was not sent', ack(1)),
    ('a second answer to its configuration',
     'CFG_ACK of what it was not sent', ack(0)),
    ('a request id that is outstanding', 'request id 5 is outstanding',
     twice_outstanding),
    ('an unknown connection', 'a connection that is not there',
     lambda c: c.send('JOB_STOP', u64(4711) + name())),
    ('a connection that it has closed', 'a connection that is not there',
     after_down),
    ("another frontend's connection", 'a connection that is not there',
     of_another('JOB_STOP')),
    ("the end of another's connection", "PEER_DOWN of another's connection",
     of_another('PEER_DOWN')),
    ('connection id 0', 'connection id 0 or in use', peer_up(0, 'bob')),
    ('a connection id in use', 'connection id 0 or in use',
     lambda c: peer_up(with_peer(c).conn, 'bob')(c)),
    ('the identity of a local user', 'impossible identity',
     peer_up(1, 'uid:root')),
    ('an identity with a blank', 'impossible identity', peer_up(1, 'a b')),
    ('no fingerprint', 'no fingerprint', peer_up(1, 'bob', b'')),
    ('a list of another length', 'JOB_START: malformed list', list_count),
    ('output that it does not have', 'OUT_CLOSE of what it does not have',
     is_type('OUT_CLOSE', u64(4711) + u32(1))),
]
# The workers that do something else: 0 is a real frontend.
BYSTANDER, SILENT, DEAF, FLOODING, READING, WORKERS = range(
    len(FRONTEND) + 1, len(FRONTEND) + 7)
# While it is being set up.
SETTING_UP = [
    ('another version', OTHER, lambda c: c.send('SETUP_DONE',
                                                u32(VERSION + 1))),
    ('a request before SETUP_DONE', f'JOB_STATUS {NOW}',
     lambda c: c.send('JOB_STATUS', u64(1) + name())),
    ('a client before its configuration', f'PEER_UP {NOW}',
     lambda c: (c.send('SETUP_DONE', u32(VERSION)), peer_up(1, 'bob')(c))),
]


def break_rule(c, want, act, again):
    """Returns what was not as it should be."""
    mark = log_size()
    act(c)
    wrong = []
    if not c.gone():
        wrong.append('it lives')
    number = c.worker
    c.close()
    if again:
        new = nursery.get(number)
        if not serving():
            wrong.append('the good job or the good frontend suffers')
        live[number] = new
    log = log_since(mark)
    for line in (want, f'frontend {number}: {REFUSED}'):
        if line not in log:
            wrong.append(f'"{line}" is not in the log: {log!r}')
    if again and f'frontend {number}: starting it again in' not in log:
        wrong.append(f'no back-off: {log!r}')
    return wrong


def hostile_frontends():
    for number, (what, want, act) in enumerate(FRONTEND, 1):
        wrong = break_rule(live[number], want, act, True)
        ok(not wrong, f'frontend: {what}', wrong)


def restart_raw(number):
    """The worker's next stand-in, with SETUP unread."""
    with plan_lock:
        raw_workers.add(number)
    live[number].close()
    return nursery.get(number)


def hostile_set_ups():
    for number, (what, want, act) in enumerate(SETTING_UP, 1):
        c = restart_raw(number)
        with plan_lock:
            raw_workers.discard(number)
        wrong = break_rule(c, want, act, True)
        ok(not wrong, f'frontend, set-up: {what}', wrong)


def back_off():
    """One that dies at once comes later and later."""
    number, mark = FLOODING, log_size()
    for _ in range(4):
        live[number] = restart_raw(number)
    with plan_lock:
        raw_workers.discard(number)
    live[number].close()
    live[number] = nursery.get(number)
    times = [int(ms) for ms in re.findall(
        rf'frontend {number}: starting it again in (\d+) ms',
        log_since(mark))]
    ok(len(times) == 5 and all(b == 2 * a for a, b in zip(times, times[1:])),
       'frontend: one that ends at once is started after twice the time',
       times)


def refused_reload():
    """Two frontends refuse the same configuration: both are right to."""
    pair, mark = (live[BYSTANDER], live[READING]), log_size()
    os.kill(int(env['SUPERVISOR_PID']), signal.SIGHUP)
    for c in pair:
        c.generation, = hostile.struct.unpack('=I', c.expect('CFG_END')[2])
    for c in pair:
        c.send('CFG_ACK', u32(c.generation) + u8(0) + text('no'))
    for c in pair:
        c.expect('CFG_ABORT')
        with_peer(c, FIRST_CONN + 2000 + c.worker)
    log = log_since(mark)
    ok('reload refused' in log and REFUSED not in log and serving(),
       'frontend: two may refuse the same reload', log)


# ------------------------------------------------------ what needs patience

def mute_worker():
    """Never answers SETUP; seen to be killed later."""
    c = restart_raw(SILENT)
    with plan_lock:
        raw_workers.discard(SILENT)
    return c


def mute_ends(c, mark):
    gone = c.gone()
    c.close()
    live[c.worker] = nursery.get(c.worker)
    ok(gone and f'frontend {c.worker}: was not set up in time' in
       log_since(mark), 'frontend: one that never answers SETUP is replaced',
       log_since(mark))


def deaf_worker():
    """Opens outputs and reads no answer, until nobody reads its requests."""
    c = with_peer(live[DEAF])
    before, most, sent = fds(), 0, 0
    # The first thing with a number here: sources count from 1.
    while most < 1000 and select.select([], [c.chan], [], 1)[1]:
        sent += 1
        c.send('JOB_OUTPUT', u64(c.conn) + name(), ident=sent)
        c.send('OUT_CLOSE', u64(sent) + u32(1))
        most = max(most, fds() - before)
    ok(0 < most < 300 and serving(),
       'frontend: one that does not read is asked no more, others are served',
       f'{sent} requests, {most} descriptors')
    return c


def deaf_ends(c, mark):
    gone = c.gone(2 * LIMIT)
    c.close()
    live[c.worker] = nursery.get(c.worker)
    ok(gone and f'frontend {c.worker}: does not read its messages' in
       log_since(mark), 'frontend: one that reads nothing is replaced',
       log_since(mark))


def floods():
    c = with_peer(live[FLOODING])
    before = rss()
    replies = []

    def drain():
        while True:
            got = c.recv()
            if got[0] is None:
                return
            replies.append((got[0], got[2]))

    reader = threading.Thread(target=drain)
    reader.start()
    for i in range(300):
        c.peer(1000000 + 1000 * c.worker + i, f'someone{i}')
    for i in range(70000):
        c.send('JOB_WAIT', u64(c.conn) + name(), ident=i + 1)
        if i % 10 == 0:
            c.send('LOG', u8(6) + text(f'line {i}'))
    served = serving()
    until(lambda: sum(r[0] == 'RESULT' for r in replies) >= 70000 - 65536)
    kinds = [r[0] for r in replies]
    ok(kinds.count('PEER_DOWN') >= 300 - 128 and
       kinds.count('PEER_ACK') <= 128,
       'frontend: clients over max connections are refused', kinds[:400])
    ok(served and kinds.count('RESULT') == 70000 - 65536,
       'frontend: a flood of requests is bounded, others are served',
       kinds.count('RESULT'))
    ok_bytes(rss() - before < 48 * 1024, 'frontend: so is the memory for it',
             f'{rss() - before} KiB more')
    began = time.monotonic()
    c.send('PEER_DOWN', u64(c.conn))
    ok(serving() and time.monotonic() - began < 5,
       'frontend: and they are forgotten fast', time.monotonic() - began)
    ok(log_since(0).count('frontend: line ') < 1000,
       'frontend: a flood of log lines is bounded')
    c.chan.shutdown(hostile.socket.SHUT_RDWR)
    ok(c.gone(), 'frontend: one that closes its channel is replaced')
    reader.join()
    c.close()
    live[c.worker] = nursery.get(c.worker)


def bad_reader():
    """Writes into its notice pair, and reads nothing from it."""
    c = with_peer(live[READING])
    _, uuid = thctl_run('start', '--', '/bin/sh', '-c',
                        'for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo $i; done')
    c.send('JOB_OUTPUT', u64(c.conn) + text(f'users/-/jobs/{uuid.strip()}'))
    got = c.expect('OUT_OPEN')
    pair = hostile.socket.socket(fileno=got[3][2])
    pair.setblocking(False)
    wrote = 0
    try:
        while True:
            pair.send(bytes(100))
            wrote += 1
    except BlockingIOError:
        pass
    code, out = thctl_run('watch', uuid.strip())
    want = ''.join(f'{i}\n' for i in range(1, 9))
    ok(wrote > 0 and code == 0 and out == want,
       'frontend: a reader that fills its notice pair harms nobody',
       (wrote, code, len(out), out[-200:]))
    for fd in got[3][:2]:
        os.close(fd)


# ----------------------------------------------------- hostile jobexecs

JOBEXEC = [
    # How it goes for the job: not started, or lost.
    ('an unknown type', 'unknown type', is_type(999), 0),
    ('a request', 'type not allowed on this channel',
     is_type('JOB_STATUS', bytes(20)), 0),
    ('EXEC_STARTED without a descriptor', 'wrong number of descriptors',
     is_type('EXEC_STARTED', u8(0)), 0),
    ('EXEC_STARTED with what is no pidfd', 'what is no pidfd',
     lambda c: started(c, 1, os.open('/dev/null', os.O_RDWR)), 0),
    ('EXEC_STARTED with 253 descriptors', 'receive: Protocol error', many, 0),
    ('EXEC_STARTED twice', f'EXEC_STARTED {NOW}', lambda c: started(c, 2), 1),
    ('EXEC_EXIT before EXEC_STARTED', f'EXEC_EXIT {NOW}', exited, 0),
    ('EXEC_FAILED twice', f'EXEC_FAILED {NOW}',
     lambda c: (failed(c), failed(c)), 0),
    ('EXEC_FAILED after EXEC_STARTED', f'EXEC_FAILED {NOW}',
     lambda c: (started(c), failed(c)), 1),
    ('bytes left over', 'malformed payload',
     is_type('EXEC_FAILED', u8(12) + u32(2) + text('a') + b'x'), 0),
    ('SETUP_DONE', f'SETUP_DONE {NOW}',
     is_type('SETUP_DONE', u32(VERSION)), 0),
    ('EXEC_READY twice', f'EXEC_READY {NOW}', lambda c: c.ready(), 0),
]


def collect():
    while not nursery.queue('jobexec').empty():
        held.append(nursery.get('jobexec'))
    return held


def with_job():
    """A stand-in that was sent a job, unread as yet."""
    return next((c for c in collect() if c.unread() > 100), None)


def take_job(*command):
    """Start a job; the stand-in that gets it, and the thctl that waits."""
    p = thctl('start', *command)
    c = until(with_job)
    held.remove(c)
    return c, p


def take_in_hand(*command):
    c, p = take_job(*command)
    for fd in c.expect('EXEC_JOB')[3]:
        os.close(fd)
    c.ready()
    return c, p


def hostile_jobexecs():
    for what, want, act, runs in JOBEXEC:
        mark = log_size()
        c, p = take_in_hand('/bin/true')
        act(c)
        wrong = [] if c.gone() else ['it lives']
        c.close()
        out, _ = p.communicate(timeout=2 * LIMIT)
        if runs:
            _, out = thctl_run('status', out.strip())
        if (p.returncode == 0) != bool(runs):
            wrong.append(f'thctl: {p.returncode}, {out}')
        if runs and 'lost' not in out:
            wrong.append(out)
        if want not in log_since(mark):
            wrong.append(f'"{want}" is not in the log: {log_since(mark)!r}')
        if not serving():
            wrong.append('the good job suffers')
        ok(not wrong, f'jobexec: {what}', wrong)


def jobexec_that_stays():
    """Its job has ended, but it has not."""
    mark = log_size()
    c, p = take_in_hand('/bin/true')
    started(c)
    exited(c)
    gone = c.gone()
    c.close()
    p.communicate(timeout=LIMIT)
    ok(gone and 'does not end after its job' in log_since(mark) and serving(),
       'jobexec: one that stays when its job has ended', log_since(mark))


def spares():
    for what, want, act in (
            ('EXEC_EXIT without a job', f'EXEC_EXIT {NOW}',
             lambda c: (c.ready(), exited(c))),
            ('EXEC_READY with what is no pidfd', 'what is no pidfd',
             no_pidfd)):
        mark = log_size()
        until(collect)
        c = held.pop()
        act(c)
        gone = c.gone()
        c.close()
        ok(gone and want in log_since(mark) and serving(),
           f'jobexec: {what}', log_since(mark))


def no_pidfd(c):
    fd = os.open('/dev/null', os.O_RDWR)
    c.send('EXEC_READY', u8(0), [fd])
    os.close(fd)


def spawners():
    """The jobexec that forks the others; those it has forked go on."""
    for what, want, act in (
            ('another version', OTHER,
             lambda c: c.send('SETUP_DONE', u32(VERSION + 1))),
            ('a message about a job', 'EXEC_EXIT without a job', exited),
            ('bytes left over', 'malformed payload',
             is_type('SETUP_DONE', bytes(5))),
            ('an end', 'it is started again', lambda c: c.chan.shutdown(
                hostile.socket.SHUT_RDWR))):
        mark = log_size()
        c = nursery.get('spawner')
        act(c)
        again = until(lambda: not nursery.queue('spawner').empty())
        ok(again and want in log_since(mark) and serving(),
           f'jobexec that forks: {what}', log_since(mark))


def mute_jobexec_ends(c, p):
    out, _ = p.communicate(timeout=2 * LIMIT)
    ok(c.gone() and p.returncode != 0 and 'timed out' in out.lower(),
       'jobexec: one that never starts its job fails it', out)
    c.close()


def only_real_jobexecs():
    global real_jobexecs
    with plan_lock:
        real_jobexecs = True
    for c in collect():
        c.close()


def last_words():
    """A job runs, and nothing was left behind."""
    code, out = thctl_run('run', 'echo', 'still here')
    ok(code == 0 and out == 'still here\n', 'a job runs', out)
    # A real spare has told its pidfd, a stand-in has not.
    want = base_fds + SPARES
    ok(until(lambda: fds() == want), 'no descriptor was left open',
       f'{want} wanted, {fds()} now')
    ok_bytes(rss() < base_rss + 64 * 1024, 'memory is bounded',
             f'{base_rss} KiB at first, {rss()} now')
    ok(serving(), 'the good job has not noticed')


held = []  # stand-ins for jobexec that have no job yet


work = tempfile.mkdtemp(prefix='th-test.', dir='/var/lib')
os.chmod(work, 0o755)
shutil.rmtree(hostile.HOME, ignore_errors=True)
nursery = hostile.Nursery(BUILD, plan)
os.environ['BUILD'] = f'{BUILD}/hostile'


def clean():
    lab('down', f'{work}/lab')
    nursery.end()
    shutil.rmtree(work)


atexit.register(clean)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
with open(f'{work}/conf', 'w') as f:
    f.write(f'workers {WORKERS}\nmax connections 128\n')
env = lab('up', f'{work}/lab', '--conf', f'{work}/conf')
live = {i: nursery.get(i) for i in range(1, WORKERS)}
good, starter = take_job('sleep', '1000')
good.become(f'{BUILD}/libexec/thd/jobexec')
good_job = starter.communicate(timeout=LIMIT)[0].strip()
ok(starter.returncode == 0 and until(lambda: len(collect()) == SPARES),
   'a good job, beside stand-ins', good_job)
base_fds, base_rss = fds(), rss()
patience = log_size()
silent = mute_worker()
deaf = deaf_worker()
slow = take_job('/bin/true')
hostile_frontends()
hostile_set_ups()
back_off()
refused_reload()
hostile_jobexecs()
jobexec_that_stays()
spares()
spawners()
floods()
mute_ends(silent, patience)
mute_jobexec_ends(*slow)
deaf_ends(deaf, patience)
only_real_jobexecs()
bad_reader()
last_words()
finish()
