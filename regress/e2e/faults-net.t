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

"""Faults between clients and jobs: clients that die, a frontend that is
killed, descriptors that run out, a port and a state directory that are
taken. Jobs and their output go on, and nothing is left behind.

Speaks TAP. BUILD is the build folder.
"""

import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from hyperframe.frame import (
    DataFrame, PingFrame, RstStreamFrame, WindowUpdateFrame)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from h2raw import (  # noqa: E402
    Conn, INVALID, OK, SERVICE, address, context, dial, grpc, run, start,
    string)
from labtest import finish, lab, ok, read, skip  # noqa: E402
from probe import (  # noqa: E402
    Before, Log, cpu_ticks, field, frontends, same_frontend, soon)

BUILD = os.environ.get('BUILD', 'build')
TICKER = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done'


def thctl(env, *args, **more):
    certs = env['CERTDIR']
    return subprocess.Popen(
        [f'{BUILD}/bin/thctl', '--server', f"{env['ADDRESS']}:{env['PORT']}",
         '--ca', f'{certs}/ca.pem', '--cert', f'{certs}/tele-tester.pem',
         '--key', f'{certs}/tele-tester-key.pem', *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def uid_of(name):
    return name.split('/')[-1]


def status(env, name):
    """The status of the call, and the state of the job."""
    try:
        c = Conn(env)
    except OSError as e:
        return e, None
    stream = c.next()
    got = c.call(stream, SERVICE + 'GetJobStatus', string(1, name))
    c.sock.close()
    # Field 2 is the state.
    data = c.data.get(stream, b'')
    at = 5 + 2 + len(name)
    return got, data[at + 1] if data[at:at + 1] == b'\x10' else None


RUNNING, COMPLETED = 1, 3


def stop(env, name):
    c = Conn(env)
    got = c.call(1, SERVICE + 'StopJob', string(1, name))
    c.sock.close()
    return got


def started(log):
    """The uuids of all jobs that the log says were begun."""
    return [line.split('audit: tele-tester start ')[1].split(':')[0]
            for line in log.text().splitlines()
            if 'audit: tele-tester start ' in line]


def watched(env, name):
    """All output, by a new watcher."""
    p = thctl(env, 'watch', uid_of(name))
    out, err = p.communicate(timeout=60)
    return out


def same_output(env, name):
    disk = read(f"{env['STATE']}/jobs/{uid_of(name)}/output")
    return len(disk) > 0 and watched(env, name) == disk


def cut(c):
    """End the connection as a machine does whose program was killed."""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack('ii', 1, 0))
    c.sock.close()


# ----------------------------------------------------------------- clients

def test_watchers_die(env):
    c = Conn(env)
    name = run(c, 1, TICKER)
    killed = [thctl(env, 'watch', uid_of(name)) for _ in range(3)]
    for p in killed:
        p.stdout.read(1)
    conns = []
    for _ in range(10):
        w = Conn(env)
        w.request(1, SERVICE + 'WatchJobOutput', string(1, name))
        while 1 not in w.data:
            w.one()
        conns.append(w)
    for p in killed:
        p.kill()
        p.communicate()
    for w in conns:
        cut(w)
    size = os.path.getsize(f"{env['STATE']}/jobs/{uid_of(name)}/output")
    ok(status(env, name) == (OK, RUNNING) and
       soon(lambda: os.path.getsize(
           f"{env['STATE']}/jobs/{uid_of(name)}/output") > size),
       'watchers are killed: the job goes on')
    ok(stop(env, name) == OK and same_output(env, name),
       'a watcher after them gets every byte')
    c.sock.close()


def test_upload_dies(env):
    log = Log(env)
    for i in range(20):
        c = Conn(env)
        for stream in range(1, 21, 2):
            c.request(stream, SERVICE + 'StartJob', end=False,
                      raw=grpc(start('exec sleep 100'))[:-3])
        c.sync()
        cut(c)
    ok(status(env, 'x')[0] == INVALID and started(log) == [],
       'half a request starts nothing', log.text())


def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    return soon(lambda: field(pid, 'State').startswith('T'))


def test_start_is_cut(env):
    """A start whose client goes before the answer: it runs, and is found."""
    supervisor = int(env['SUPERVISOR_PID'])
    ways = (('RST_STREAM', lambda c: c.frame(RstStreamFrame(1, 8)) and
             c.sync()), ('the connection is cut', cut))
    for way, leave in ways:
        c = Conn(env)
        c.sync()
        log = Log(env)
        stopped(supervisor)
        try:
            c.request(1, SERVICE + 'StartJob', start('echo here; exec cat'))
            c.sync()
            leave(c)
        finally:
            os.kill(supervisor, signal.SIGCONT)
        found = log.has(': COMPLETED, exited\n')
        uids = started(log)
        ok(found and len(uids) == 1, f'start, then {way}: it runs',
           log.text())
        name = f'users/tele-tester/jobs/{uids[0]}'
        ok(status(env, name) == (OK, COMPLETED) and
           watched(env, name) == b'here\n', 'it is found again', name)


def test_slow_client(env):
    """It takes its time with the handshake, the request and the answer."""
    c2 = Conn(env)
    name = run(c2, 1, 'head -c 2000000 /dev/urandom')
    c2.call(3, SERVICE + 'WaitJob', string(1, name))
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(10)
    raw.connect(address(env))
    slow = Conn(env, context(env).wrap_socket(raw))
    body = grpc(string(1, name))
    slow.request(1, SERVICE + 'WatchJobOutput', raw=b'', end=False)
    for b in body:
        slow.write(DataFrame(1, bytes([b])).serialize())
    slow.frame(DataFrame(1, b'', flags=['END_STREAM']))
    slow.one()
    begin = time.monotonic()
    fine = all(same_output(env, name) for _ in range(3))
    ok(fine and time.monotonic() - begin < 30, 'a slow one hinders nobody')
    slow.frame(WindowUpdateFrame(0, window_increment=1 << 30))
    slow.frame(WindowUpdateFrame(1, window_increment=1 << 30))
    disk = read(f"{env['STATE']}/jobs/{uid_of(name)}/output")
    got = slow.wait(1)
    ok(got == OK and messages(slow.data[1]) == disk,
       'and gets every byte in the end',
       f'{got}, {len(messages(slow.data[1]))} bytes of {len(disk)}')
    slow.sock.close()
    c2.sock.close()


def messages(data):
    """The bytes of field 1 of each message."""
    out = []
    while data:
        n = int.from_bytes(data[1:5], 'big')
        m, data = data[5:5 + n], data[5 + n:]
        while m:
            tag, m = number(m)
            value, m = number(m)
            if tag & 7 == 2:
                if tag >> 3 == 1:
                    out.append(m[:value])
                m = m[value:]
    return b''.join(out)


def number(m):
    """A varint, and what follows it."""
    n = shift = at = 0
    while True:
        n |= (m[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not m[at - 1] & 0x80:
            return n, m[at:]


# ---------------------------------------------------------------- frontend

def kill_frontend(env):
    """Kill it, and wait for another one to be there."""
    old = frontends(env)
    for pid in old:
        os.kill(int(pid), signal.SIGKILL)
    soon(lambda: frontends(env) not in (old, []), 30)


def test_frontend_dies(env, before):
    c = Conn(env)
    name = run(c, 1, TICKER)
    uid = uid_of(name)
    log = Log(env)
    watch = thctl(env, 'watch', uid)
    going = thctl(env, 'run', '--', '/bin/sh', '-c', TICKER)
    wait = thctl(env, 'wait', uid)
    watch.stdout.read(1)
    going.stdout.read(1)
    ok(log.has(f'audit: tele-tester wait users/-/jobs/{uid}: permitted'),
       'watch, run and wait', log.text())
    refused = []

    def dial_on():
        """No connection attempt may be refused, dead frontend or not."""
        while not over.is_set():
            try:
                dial(env).close()
                time.sleep(0.01)  # not more than it takes half open
            except OSError as e:
                refused.append(e)
                return
    over = threading.Event()
    dialer = threading.Thread(target=dial_on)
    dialer.start()
    begin = time.monotonic()
    for pid in frontends(env):
        os.kill(int(pid), signal.SIGKILL)
    got = status(env, name)
    took = time.monotonic() - begin
    over.set()
    dialer.join()
    ok(got == (OK, RUNNING) and took < 30,
       'the next call is answered by the next frontend', f'{got} {took}')
    ok(not refused, 'and no connection was refused', refused)
    for verb, p in ('watch', watch), ('run', going), ('wait', wait):
        _, err = p.communicate(timeout=20)
        ok(p.returncode == 125 and b'the connection was lost' in err,
           f'thctl {verb} says so: 125', f'{p.returncode} {err}')
    before.restarted()
    ok(stop(env, name) == OK and same_output(env, name),
       'the job has gone on, and every byte is there')
    ok(len(started(log)) == 1 and
       stop(env, f'users/tele-tester/jobs/{started(log)[0]}') == OK,
       'so has the one of run', log.text())


def test_start_when_frontend_dies(env, before):
    """Starts under way when it is killed: none runs twice or half."""
    log = Log(env)
    c = Conn(env)
    for i in range(20):
        c.request(2 * i + 1, SERVICE + 'StartJob', start('echo x'))
    kill_frontend(env)
    before.restarted()
    ok(soon(lambda: status(env, f'users/-/jobs/{"0" * 8}-0000-4000-8000-'
                                f'{"0" * 12}')[0] == 5),
       'a frontend is killed while jobs start')
    ok(soon(lambda: log.text().count(': COMPLETED, exited') ==
            len(started(log))) and
       len(set(started(log))) == len(started(log)) <= 20,
       'each that was begun has run once', log.text())


def test_many_kills(env, before):
    c = Conn(env)
    name = run(c, 1, TICKER)
    log = Log(env)
    begin = time.monotonic()
    for _ in range(19):
        kill_frontend(env)
    again = log.text().count('starting it again')
    os.kill(int(frontends(env)[0]), signal.SIGKILL)
    soon(lambda: log.text().count('starting it again') > again)
    local = subprocess.run(
        [f'{BUILD}/bin/thctl', '--server', 'unix:' + env['SOCKET'], 'status',
         uid_of(name)], capture_output=True, timeout=30)
    text = log.text()
    waits = [int(line.split(' in ')[1].split()[0])
             for line in text.splitlines() if 'starting it again in' in line]
    took = time.monotonic() - begin
    ok(len(waits) == 20 and sorted(waits) == waits and waits[-1] == 5000 and
       took * 1000 > sum(waits), '20 kills: restarted with back-off',
       f'{waits} {took}')
    before.restarted()
    ok(local.returncode == 0, 'a local client waits for the next one',
       local.stderr)
    ok(status(env, name) == (OK, RUNNING), 'then all is well')
    ok(stop(env, name) == OK and same_output(env, name),
       'the job has gone on, and every byte is there')


# ------------------------------------------------------------- descriptors

def test_descriptors(env):
    """The frontend may have 40 descriptors and many want to come in."""
    c = Conn(env)
    name = run(c, 1, TICKER)
    pid = int(frontends(env)[0])
    try:
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    except PermissionError:
        if os.environ.get('TELEHANDLER_VM'):
            raise
        skip('out of descriptors', 'needs CAP_SYS_RESOURCE')
        stop(env, name)
        return
    log = Log(env)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (40, old[1]))
    socks = [dial(env) for _ in range(200)]
    ok(log.has('accept: Too many open files'), 'out of descriptors',
       log.text())
    ticks = cpu_ticks(pid)
    time.sleep(3)  # what is measured
    ticks = cpu_ticks(pid) - ticks
    ok(ticks <= 15, 'accept rests: below 5 % of a CPU', f'{ticks} ticks')
    ok(c.call(c.next(), SERVICE + 'GetJobStatus', string(1, name)) == OK,
       'a connection that is there is served')
    stream = c.next()
    c.request(stream, SERVICE + 'WatchJobOutput', string(1, name))
    while stream not in c.data and stream not in c.ended:
        if not c.one():
            break
    ok(stream in c.data or stream in c.headers,
       'a watch on it is served or refused', log.text())
    ok(frontends(env) == [str(pid)], 'the frontend has survived',
       log.text())
    for s in socks:
        s.close()
    ok(soon(lambda: status(env, name) == (OK, RUNNING)), 'and recovers')
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    ok(stop(env, name) == OK, 'stop')
    c.sock.close()


# ----------------------------------------------------------------- start-up

def second_thd(env, work, **replace):
    """Run thd with the lab's configuration, changed; what it says."""
    conf = read(env['CONF']).decode()
    for old, new in replace.values():
        assert old in conf
        conf = conf.replace(old, new)
    path = f'{work}/second.conf'
    with open(path, 'w') as f:
        f.write(conf)
    p = subprocess.run([f'{BUILD}/sbin/thd', '-d', '-f', path], timeout=30,
                       stderr=subprocess.PIPE, text=True)
    return p.returncode, p.stderr


def test_second(env, work):
    c = Conn(env)
    name = run(c, 1, TICKER)
    here = os.path.dirname(env['STATE'])
    code, said = second_thd(
        env, work, state=(f'{here}/state', f'{work}/state2'),
        run=(f'{here}/run', f'{work}/run2'),
        group=(env['CGROUP'], env['CGROUP'] + '-2'))
    ok(code == 1 and f"listen on 127.0.0.1:{env['PORT']}: Address already in "
       'use' in said and 'another program has that port' in said,
       'the port is in use', f'{code} {said}')
    group = env['CGROUP'] + '-2'
    if os.path.isdir(group):
        os.rmdir(group)
    code, said = second_thd(
        env, work, port=(f"port {env['PORT']}", 'port 1'),
        run=(f'{here}/run', f'{work}/run2'))
    ok(code == 1 and 'another thd runs on this state directory' in said,
       'the state directory is in use', f'{code} {said}')
    code, said = second_thd(env, work, port=(f"port {env['PORT']}", 'port 1'))
    ok(code == 1 and 'another thd runs' in said,
       'the same of everything but the port', f'{code} {said}')
    ok(c.call(c.next(), SERVICE + 'GetJobStatus', string(1, name)) == OK and
       status(env, name) == (OK, RUNNING) and os.path.exists(env['SOCKET']),
       'the first one and its job are unharmed')
    local = subprocess.run(
        [f'{BUILD}/bin/thctl', '--server', 'unix:' + env['SOCKET'], 'status',
         uid_of(name)], capture_output=True)
    ok(local.returncode == 0, 'also by its local socket', local.stderr)
    ok(stop(env, name) == OK, 'stop')
    c.sock.close()


# --------------------------------------------------------------------- ping

class Silent:
    """A client that says nothing, and when it was asked for a sign of life;
    it waits while other tests run."""

    def __init__(self, env):
        self.conn = Conn(env)
        self.conn.sync()
        self.conn.sock.settimeout(None)
        self.since = time.monotonic()
        self.asked = None
        self.thread = threading.Thread(target=self.wait, daemon=True)
        self.thread.start()

    def wait(self):
        while not self.conn.pings:
            if not self.conn.one():
                return
        self.asked = time.monotonic() - self.since

    def test(self):
        self.thread.join(max(1, self.since + 130 - time.monotonic()))
        ok(self.asked is not None and 115 < self.asked < 130,
           'a PING after two silent minutes', self.asked)
        self.conn.frame(PingFrame(0, bytes(8), flags=['ACK']))
        self.conn.sock.settimeout(10)
        ok(self.conn.alive(), 'and the connection goes on')


def main():
    work = tempfile.mkdtemp(prefix='th-faults.', dir='/var/lib')
    os.chmod(work, 0o755)
    env, idle = lab('up', f'{work}/lab'), lab('up', f'{work}/idle')
    try:
        silent = Silent(idle)
        before = Before(env)
        test_watchers_die(env)
        test_upload_dies(env)
        test_start_is_cut(env)
        test_slow_client(env)
        before.after('clients that die')
        ok(same_frontend(env), 'it was the same frontend all the time')
        test_descriptors(env)
        before.after('descriptors')
        test_second(env, work)
        before.after('a second thd')
        test_frontend_dies(env, before)
        test_start_when_frontend_dies(env, before)
        before.after('a killed frontend')
        test_many_kills(env, before)
        before.after('many killed frontends')
        silent.test()
        ok(field(env['SUPERVISOR_PID'], 'State') is not None,
           'it was the same supervisor all the time')
    finally:
        lab('down', f'{work}/lab')
        lab('down', f'{work}/idle')
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
