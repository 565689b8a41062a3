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


"""Clients that mean harm or have lost their way: floods of frames, streams
without end, connections that say nothing or never read. Raw HTTP/2 over TLS
to a lab instance.

Speaks TAP. BUILD is the build folder.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import time

from hyperframe.frame import (
    ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame,
    RstStreamFrame, SettingsFrame, WindowUpdateFrame)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from h2raw import (  # noqa: E402
    CALM, Conn, EXHAUSTED, INVALID, OK, SERVICE, context, dial, grpc, run,
    string)
from labtest import finish, lab, ok, ok_bytes  # noqa: E402
from probe import (  # noqa: E402
    Before, cpu_ticks, frontend, open_fds, rss_kib, same_frontend, settled,
    soon, switches)


def test_stalled(env):
    """Many watchers that never read cost little and hinder nobody."""
    c = Conn(env)
    name = run(c, 1, 'head -c 30000000 /dev/zero')
    c.call(3, SERVICE + 'WaitJob', string(1, name))
    before = rss_kib(env)
    big = {SettingsFrame.INITIAL_WINDOW_SIZE: 0x7fffffff}
    stalled = []
    for _ in range(50):
        s = Conn(env, settings=big)
        s.frame(WindowUpdateFrame(0, window_increment=0x7fff0000))
        s.request(1, SERVICE + 'WatchJobOutput', string(1, name))
        stalled.append(s)
    settled(lambda: (rss_kib(env), switches(env)))
    grown = rss_kib(env) - before
    ok_bytes(grown < 50 * 200, '50 stalled watchers are cheap',
             f'{grown} KiB')
    ticks = cpu_ticks(frontend(env))
    time.sleep(1)  # what is measured
    ok(cpu_ticks(frontend(env)) - ticks <= 2, 'and cost no time')
    t = time.time()
    ok(c.alive() and time.time() - t < 5, 'others are served')
    for s in stalled:
        s.sock.close()


def test_unfinished(env):
    """Large requests that do not end are held up to a limit for all."""
    conns = [Conn(env) for _ in range(3)]
    rss = rss_kib(env)
    part = grpc(string(2, 'x' * 250000))[:-1]
    for c in conns:
        c.frame(SettingsFrame(0))
        for i in range(50):
            c.request(2 * i + 1, SERVICE + 'StartJob', raw=part, end=False)
        c.sync()
    refused = [c for c in conns for s in c.headers
               if c.headers[s][-1].get('grpc-status') == str(EXHAUSTED)]
    grown = rss_kib(env) - rss
    ok(len(refused) == 22, '150 requests without an end: 128 are held',
       f'{len(refused)} refused')
    ok_bytes(grown < 40000, 'in 32 MiB', f'{grown} KiB')
    ok(Conn(env).alive(), 'a small one is answered')
    for c in conns:
        c.sock.close()
    ok(soon(lambda: whole(env) == INVALID), 'and a large one afterwards')


def whole(env):
    c = Conn(env)
    got = c.call(1, SERVICE + 'StartJob', string(3, 'x' * 100000))
    c.sock.close()
    return got


def ready(env):
    """A connection that reads answers of any size, and is known to thd."""
    c = Conn(env, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7fffffff})
    c.frame(WindowUpdateFrame(0, window_increment=0x7fff0000))
    c.alive()
    return c


def burst(c, path, message, count):
    """So many calls, sent at once. Returns their streams."""
    parts, write = [], c.write
    c.write = parts.append
    streams = [c.next() + 2 * i for i in range(count)]
    for stream in streams:
        c.request(stream, SERVICE + path, message)
    c.write = write
    c.write(b''.join(parts))
    c.sync()
    return streams


def test_large_records(env):
    """Large answers are sent as fast as they are read."""
    c = Conn(env)
    name = string(1, run(c, 1, 'sleep 1000', string(3, 'x' * 125000)))
    conns = [ready(env) for _ in range(4)]
    thd = int(env['SUPERVISOR_PID'])
    os.kill(thd, signal.SIGSTOP)
    calls = [(b, burst(b, 'GetJobStatus', name, 120)) for b in conns]
    os.kill(thd, signal.SIGCONT)
    got = [b.wait(stream) for b, streams in calls for stream in streams]
    ok(got == [OK] * 480, '480 at once ask for a record of 125 kB', got)
    calls = [(b, burst(b, 'WaitJob', name, 120)) for b in conns]
    ok(c.call(c.next(), SERVICE + 'StopJob', name) == OK,
       'its job is stopped while as many wait for it')
    got = [b.wait(stream) for b, streams in calls for stream in streams]
    ok(got == [OK] * 480, 'all of them hear it', got)
    for b in conns:
        b.sock.close()
    ok(same_frontend(env), 'and the frontend is the same')


# ------------------------------------------------------------------ floods

def flood(env, name, frames, codes=(CALM,), n=100000, chunk=100):
    """Send what frames(i) gives until the connection ends, and why."""
    c = Conn(env)
    c.one()
    ticks = cpu_ticks(frontend(env))
    sent = 0
    while sent < n:
        if not c.write(b''.join(frames(c, sent + i) for i in range(chunk))):
            break
        sent += chunk
    c.until_closed()
    ok(c.closed and c.goaway in codes, name,
       f'sent {sent}, goaway {c.goaway}, closed {c.closed}')
    ok(cpu_ticks(frontend(env)) - ticks < 1000, f'{name}: bounded work')
    return c, sent


def test_floods(env):
    path = SERVICE + 'GetJobStatus'

    def head(c, stream):
        return HeadersFrame(stream, c.enc.encode(
            [(':method', 'POST'), (':scheme', 'https'), (':path', path),
             (':authority', 'x'), ('content-type', 'application/grpc')]),
            flags=['END_HEADERS']).serialize()

    c, sent = flood(env, 'rapid reset', lambda c, i: head(c, 2 * i + 1) +
                    RstStreamFrame(2 * i + 1, 8).serialize(), chunk=10)
    ok(c.goaway == CALM, 'rapid reset: GOAWAY says why', c.goaway)
    flood(env, 'PING', lambda c, i: PingFrame(0, b'12345678').serialize())
    flood(env, 'SETTINGS', lambda c, i: SettingsFrame(
        0, {SettingsFrame.HEADER_TABLE_SIZE: 4096}).serialize())
    flood(env, 'WINDOW_UPDATE', lambda c, i: WindowUpdateFrame(
        0, window_increment=1).serialize())
    flood(env, 'PRIORITY', lambda c, i: PriorityFrame(
        2 * i + 1, depends_on=0, stream_weight=1).serialize())
    flood(env, 'empty DATA', lambda c, i: (head(c, 1) if i == 0 else b'') +
          DataFrame(1, b'').serialize())
    flood(env, 'unknown frames', lambda c, i:
          b'\0\0\1\x42\0\0\0\0\0x')
    # Streams that we reset count as open until the peer can know of it.
    flood(env, 'window overflow, so that we reset', lambda c, i:
          head(c, 2 * i + 1) + WindowUpdateFrame(
              2 * i + 1, window_increment=0x7fffffff).serialize(),
          codes=(CALM, 1))

    def continuation(c, i):
        if i == 0:
            return HeadersFrame(1, c.enc.encode([(':method', 'POST')]),
                                flags=[]).serialize()
        return ContinuationFrame(1, b'').serialize()
    flood(env, 'CONTINUATION', continuation, codes=(CALM, 1, None))
    ok(same_frontend(env), 'the frontend has survived all this')


def test_streams(env):
    c = Conn(env)
    for i in range(128):
        c.request(2 * i + 1, SERVICE + 'GetJobStatus', raw=b'', end=False)
    c.request(257, SERVICE + 'GetJobStatus', b'')
    ok(c.wait(257) == 'reset 7', '129 calls at once: the last is refused')
    c.frame(DataFrame(1, grpc(b''), flags=['END_STREAM']))
    ok(c.wait(1) == INVALID, 'the others are not')
    ok(c.call(259, SERVICE + 'GetJobStatus', b'') == INVALID,
       'and there is room again')


def test_protocol_errors(env):
    for name, data in (('no preface', b'GET / HTTP/1.1\r\n\r\n' * 4),
                       ('garbage', os.urandom(4096))):
        s = context(env).wrap_socket(dial(env))
        s.settimeout(10)
        try:
            s.sendall(data)
            while s.recv(65536):
                pass
            good = True
        except socket.timeout:
            good = False
        except OSError:
            good = True
        ok(good, f'{name}: closed')
    c = Conn(env)
    c.write(b'\0\0\1\0\0\0\0\0\0x')
    ok(c.until_closed() and c.goaway == 1, 'DATA on stream 0: GOAWAY')


def test_half_open(env):
    """Silent sockets do not keep others out, and do not stay."""
    socks = [dial(env) for _ in range(300)]
    t = time.monotonic()
    ok(Conn(env).alive() and time.monotonic() - t < 5,
       '300 silent connections keep nobody out')
    ok(soon(lambda: open_fds(env) < 150), 'most of them are closed')
    gone = 0
    for s in socks:
        s.settimeout(max(0.1, t + 12 - time.monotonic()))
        try:
            gone += s.recv(1) == b''
        except ConnectionError:
            gone += 1
        except socket.timeout:
            pass
        s.close()
    ok(gone == 300, 'and all of them within 12 seconds', gone)


def test_idle(env):
    conns = []
    c = Conn(env)
    name = run(c, 1, 'exec sleep 60')
    for _ in range(10):
        w = Conn(env)
        w.request(1, SERVICE + 'WatchJobOutput', string(1, name))
        while 1 not in w.headers:
            w.one()
        conns.append(w)
    before = settled(lambda: switches(env), 1)
    time.sleep(5)  # what is measured
    ok(switches(env) == before, 'ten idle watchers: no wake-up')
    ok(c.call(3, SERVICE + 'StopJob', string(1, name)) == OK, 'stop')
    ok(all(w.wait(1) == OK for w in conns), 'all watchers hear of the end')


def main():
    work = tempfile.mkdtemp(prefix='abuse-t-')
    directory = os.path.join(work, 'lab')
    env = lab('up', directory)
    try:
        before = Before(env)
        test_stalled(env)
        test_unfinished(env)
        test_large_records(env)
        test_streams(env)
        test_protocol_errors(env)
        before.after('stalled watchers and broken frames')
        test_floods(env)
        before.after('floods')
        test_half_open(env)
        test_idle(env)
        before.after('silent connections')
        ok(same_frontend(env), 'it was the same frontend all the time')
    finally:
        lab('down', directory)
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
