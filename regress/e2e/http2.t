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


"""What a frontend answers to requests that are not as they should be: raw
HTTP/2 frames and gRPC messages, over the wire to a lab instance. And the
finer points of calls and watches that other clients do not let one see.

Speaks TAP. BUILD is the build folder.
"""

import base64
import os
import shutil
import sys
import tempfile
import time

from hyperframe.frame import (
    DataFrame, HeadersFrame, RstStreamFrame, SettingsFrame,
    WindowUpdateFrame)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from h2raw import (  # noqa: E402
    CALM, Conn, DEADLINE, DENIED, EXHAUSTED, INTERNAL, INVALID, NOT_FOUND, OK,
    SERVICE, UNIMPLEMENTED, context, dial, grpc, run, string, varint)
from labtest import finish, lab, ok, ok_bytes  # noqa: E402
from probe import Before, open_fds, rss_kib, same_frontend, soon  # noqa: E402


# ------------------------------------------------------------------- HTTP

def test_http(env):
    c = Conn(env)
    c.request(1, SERVICE + 'GetJobStatus', method='GET')
    c.wait(1)
    ok(c.headers[1][0][':status'] == '405' and c.data[1], 'GET is 405')
    c.request(3, SERVICE + 'GetJobStatus', b'', ctype='text/html')
    c.wait(3)
    ok(c.headers[3][0][':status'] == '415' and c.data[3],
       'another content-type is 415')
    good = True
    for i, path in enumerate((
            '/', SERVICE, SERVICE[1:] + 'StopJob', '/' + SERVICE + 'StopJob',
            SERVICE + 'StopJob/', SERVICE + 'StopJob?x', SERVICE + 'stopJob',
            SERVICE + 'Stop%4aob', '/' + 'x' * 4000, '/other.Service/StopJob',
            '/grpc.health.v1.Health/Check')):
        stream = 5 + 2 * i
        got = c.call(stream, path, b'')
        if got != UNIMPLEMENTED and not (path[0] != '/' and
                                         str(got).startswith('reset')):
            good = False
            print(f'# {path[:60]}: {got}')
    ok(good, 'only the exact path is a method')
    ok(c.settings.get(SettingsFrame.MAX_CONCURRENT_STREAMS) == 128 and
       c.settings.get(SettingsFrame.MAX_HEADER_LIST_SIZE) == 8192,
       'limits are announced', c.settings)
    ok(c.call(101, SERVICE + 'GetJobStatus', b'',
              extra=[('te', 'chunked')]) == 'reset 1',
       'te other than trailers')
    ok(c.call(103, SERVICE + 'GetJobStatus', b'',
              extra=[('connection', 'close')]) == 'reset 1',
       'a connection header')
    ok(c.alive(), 'and the connection goes on')


def test_headers(env):
    c = Conn(env)
    got = c.call(1, SERVICE + 'GetJobStatus', b'',
                 extra=[('x-a', 'y' * 9000)])
    ok(got == 'reset 2', 'header fields of 9 KiB', got)
    ok(c.alive(), 'one such request is survived')
    c.call(c.next(), SERVICE + 'GetJobStatus', b'',
           extra=[('x-a', 'y' * 9000)])
    ok(c.until_closed() and c.goaway == CALM, 'two end the connection')
    c = Conn(env)
    before = rss_kib(env)
    block = c.enc.encode([(':method', 'POST'), ('x', 'y' * 3900)])
    c.frame(HeadersFrame(1, block + b'\xbe' * 12000, flags=['END_HEADERS']))
    c.wait(1)
    ok_bytes(rss_kib(env) - before < 2048, 'an HPACK bomb')


# ------------------------------------------------------------------- gRPC

def test_messages(env):
    c = Conn(env)
    path = SERVICE + 'GetJobStatus'
    s = iter(range(1, 1000, 2))

    def expect(status, name, *messages, **more):
        stream = next(s)
        got = c.call(stream, path, *messages, **more)
        ok(got == status, name, f'{got} {c.headers.get(stream)}')
        return stream

    expect(UNIMPLEMENTED, 'no message', raw=b'')
    expect(UNIMPLEMENTED, 'two messages', b'', b'')
    expect(INVALID, 'an empty message is a message', b'')
    expect(INTERNAL, 'end within the prefix', raw=b'\0\0\0')
    expect(INTERNAL, 'end within the message', raw=b'\0\0\0\0\5abc')
    expect(INTERNAL, 'compressed without an encoding', raw=b'\1\0\0\0\0')
    stream = expect(UNIMPLEMENTED, 'an unknown encoding', raw=b'\1\0\0\0\0',
                    extra=[('grpc-encoding', 'gzip')])
    ok(c.headers[stream][-1].get('grpc-accept-encoding') == 'identity',
       'and which ones are understood')
    expect(INVALID, 'plain in spite of an encoding', b'',
           extra=[('grpc-encoding', 'gzip')])
    expect(INTERNAL, 'flag 2', raw=b'\2\0\0\0\0')
    expect(EXHAUSTED, '4 GiB, by the prefix alone', raw=b'\0\377\377\377\377',
           end=False)
    expect(EXHAUSTED, '256 KiB and a byte', raw=b'\0\0\4\0\1', end=False)
    expect(INTERNAL, 'no protobuf', b'\x0a\xff')
    expect(INTERNAL, 'not UTF-8', string(1, b'\xff\xfe'))
    stream = expect(INVALID, 'NUL in a name', string(1, b'users\0'))
    ok('grpc-status-details-bin' in c.headers[stream][-1], 'with details')
    expect(INVALID, 'unknown fields are ignored',
           string(1, 'x') + string(99, 'y'))
    for t in '', 'S', '1', '1s', '-1S', '123456789S', '1 S':
        expect(INTERNAL, f'grpc-timeout "{t}"', b'',
               extra=[('grpc-timeout', t)])
    expect(INVALID, 'a very long grpc-timeout', b'',
           extra=[('grpc-timeout', '99999999H')])
    expect(INVALID, 'odd metadata', b'', extra=[
        ('x-odd', '\x7e \t!'), ('x-bin', 'AAE'), ('grpc-future', 'x')])
    ok(c.reset.get(stream) is None, 'a call that is answered is not reset')


def test_dribble(env):
    c = Conn(env)
    c.request(1, SERVICE + 'GetJobStatus', raw=b'', end=False)
    for b in grpc(string(1, 'x' * 100)):
        c.write(DataFrame(1, bytes([b])).serialize())
    c.frame(DataFrame(1, b'', flags=['END_STREAM']))
    ok(c.wait(1) == INVALID, 'a message byte by byte')


def expect(c, status, name, method, message, text=None):
    """That status, and that text if it matters; the connection goes on."""
    stream = c.next()
    got = c.call(stream, SERVICE + method, message)
    said = c.message(stream) if stream in c.headers else ''
    ok(got == status and (text is None or said == text), name,
       f'{got} {said} {c.headers.get(stream)}')
    return stream


def test_arguments(env):
    c = Conn(env)
    true = string(2, '/bin/true')
    too_large = 'arguments and environment are larger than 128 KiB'

    def refused(status, name, message, text=None):
        return expect(c, status, name, 'StartJob', message, text)

    stream = refused(INVALID, 'no command', b'',
                     'command is empty: name the program to run')
    details = c.headers[stream][-1]['grpc-status-details-bin']
    ok(b'\n\7command' in base64.b64decode(details + '=='),
       'no command: the details name the field')
    nul = 'must not contain a NUL byte'
    refused(INVALID, 'NUL in the command', string(2, b'/bin/true\0x'),
            f'command: {nul}')
    refused(INVALID, 'NUL in an argument', true + string(3, b'a\0b'),
            f'args: {nul}')
    refused(INVALID, 'NUL in the environment', true + string(16, b'A=\0'),
            f'env: {nul}')
    refused(INVALID, 'NUL in the parent', string(1, b'users/x\0') + true,
            f'parent: {nul}')
    utf8 = 'a string in the request is not valid UTF-8'
    refused(INTERNAL, 'a command that is not UTF-8', string(2, b'/\xff'), utf8)
    refused(INTERNAL, 'an argument that is not UTF-8',
            true + string(3, b'\xc0\x80'), utf8)
    refused(EXHAUSTED, 'one argument of 128 KiB', true +
            string(3, 'x' * 131072), too_large)
    refused(EXHAUSTED, 'many small ones', true + string(3, 'xx') * 50000,
            too_large)
    refused(EXHAUSTED, '100 000 arguments', true + string(3, 'x') * 100000,
            'request larger than 256 KiB')
    refused(OK, '100 000 arguments that are empty', true +
            string(3, '') * 100000)
    refused(EXHAUSTED, 'environment of 128 KiB', true +
            string(16, 'A=' + 'x' * 131072), too_large)
    refused(INVALID, 'environment without =', true + string(16, 'x'))
    refused(INVALID, 'environment without a name', true + string(16, '=x'))
    refused(INVALID, 'grace below 0', true + string(
        25, b'\x08' + b'\xff' * 9 + b'\x01'))
    refused(INVALID, 'grace of 24 hours and a bit', true +
            string(25, b'\x08' + varint(86400) + b'\x10\x01'))
    refused(INVALID, 'a parent of 600 bytes', string(1, 'x' * 600) + true,
            'parent: too long')
    refused(INVALID, 'a malformed parent', string(1, 'bob') + true,
            'expected users/{user}')
    refused(DENIED, "another user's parent", string(1, 'users/bob') + true,
            'permission denied')


METHODS = 'GetJobStatus', 'StopJob', 'WaitJob', 'WatchJobOutput'


def test_names(env):
    """Every method that takes a name, with every kind of wrong one."""
    c = Conn(env)
    uid = f'{"0" * 8}-0000-4000-8000-{"0" * 12}'
    for name in ('', 'x', 'users/a', 'users/tele-tester/jobs/',
                 'users/tele-tester/jobs/xyz', f'users//jobs/{uid}',
                 f'users/tele-tester/jobs/{uid}/x', f'/users/a/jobs/{uid}',
                 f'users/tele-tester/jobs/{uid.replace("4000", "1000")}',
                 f'users/tele-tester/jobs/{uid[:-1]}g',
                 'users/tele-tester/jobs/../../etc', 'x' * 511):
        for method in METHODS:
            expect(c, INVALID, f'{method}: "{name[:60]}"', method,
                   string(1, name), 'expected users/{user}/jobs/{uuid}')
    for method in METHODS:
        expect(c, INVALID, f'{method}: NUL', method, string(1, b'users/a\0'),
               'name: must not contain a NUL byte')
        expect(c, INTERNAL, f'{method}: not UTF-8', method,
               string(1, b'users/\xff'))
        expect(c, NOT_FOUND, f'{method}: no such job', method,
               string(1, f'users/tele-tester/jobs/{uid}'),
               'there is no job of that name')
    # Exists or not: one who may not see it cannot tell.
    bob = Conn(env, context(env, 'bob').wrap_socket(dial(env)))
    mine = run(c, c.next(), 'exec sleep 1000')
    for method in METHODS:
        for which, job in (('that is there', mine.split('/')[-1]),
                           ('that is not', uid)):
            stream = expect(bob, DENIED, f"{method}: another's job {which}",
                            method, string(1, f'users/tele-tester/jobs/{job}'),
                            'permission denied')
            ok(len(bob.headers[stream]) == 1, 'with nothing before it')
            expect(bob, NOT_FOUND, f"{method}: another's job {which}, by -",
                   method, string(1, f'users/-/jobs/{job}'),
                   'there is no job of that name')
    ok(c.call(c.next(), SERVICE + 'StopJob', string(1, mine)) == OK,
       'and it is unharmed')


def test_sizes(env):
    """A prefix that promises much costs nothing."""
    conns = []
    before = rss_kib(env)
    for i in range(20):
        c = Conn(env)
        for stream in range(1, 101, 2):
            c.request(stream, SERVICE + 'StartJob', raw=b'\0\0\4\0\0x',
                      end=False)
        conns.append(c)
    ok(all(c.alive() for c in conns), '1000 requests that promise 256 KiB')
    grown = rss_kib(env) - before
    ok_bytes(grown < 20000, 'get memory for what has come', grown)
    for c in conns:
        c.sock.close()


def test_deadline(env):
    c = Conn(env)
    name = run(c, 1, 'exec sleep 30')
    t = time.time()
    got = c.call(3, SERVICE + 'WaitJob', string(1, name),
                 extra=[('grpc-timeout', '200m')])
    ok(got == DEADLINE and 0.1 < time.time() - t < 2,
       'the deadline of WaitJob', got)
    got = c.call(5, SERVICE + 'WatchJobOutput', string(1, name),
                 extra=[('grpc-timeout', '200m')])
    ok(got == DEADLINE and c.headers[5][0].get(':status') == '200' and
       len(c.headers[5]) == 2, 'and of a silent watch', c.headers.get(5))
    ok(c.call(7, SERVICE + 'StopJob', string(1, name)) == OK, 'stop it')
    ok(c.alive(), 'and the connection goes on')


# ------------------------------------------------------------------ watch

def test_watch(env):
    c = Conn(env)
    name = run(c, 1, 'printf 0123456789')
    ok(c.call(3, SERVICE + 'WaitJob', string(1, name)) == OK, 'a job of 10')
    offset = b'\x80\x01'
    ok(c.call(5, SERVICE + 'WatchJobOutput',
              string(1, name) + offset + b'\x07') == OK and
       b'789' in c.data[5] and b'6789' not in c.data[5], 'from an offset')
    ok(c.call(7, SERVICE + 'WatchJobOutput',
              string(1, name) + offset + b'\x0a') == OK, 'from the end')
    got = c.call(9, SERVICE + 'WatchJobOutput',
                 string(1, name) + offset + b'\x0b')
    ok(got == 11, 'from beyond it', got)
    live = run(c, 11, 'printf abc; exec sleep 1000')
    c.request(13, SERVICE + 'WatchJobOutput', string(1, live))
    while 13 not in c.data:
        c.one()
    c.frame(RstStreamFrame(13, 8))
    got = c.call(15, SERVICE + 'WatchJobOutput',
                 string(1, live) + b'\x90\x01\x01')
    ok(got == OK and b'abc' in c.data[15] and b'\xa8\x01\x01' in c.data[15],
       'without following, a running job', f'{got} {c.data.get(15)}')
    c.request(17, SERVICE + 'WatchJobOutput', string(1, live))
    while 17 not in c.data:
        c.one()
    ok(b'abc' in c.data[17], 'followed')
    fds = open_fds(env)
    c.frame(RstStreamFrame(17, 8))
    ok(c.alive(), 'cancelled')
    ok(soon(lambda: open_fds(env) < fds), 'which frees what it held')
    c.call(c.next(), SERVICE + 'StopJob', string(1, live))
    none = f'users/tele-tester/jobs/{"0" * 8}-0000-4000-8000-{"0" * 12}'
    stream = c.next()
    got = c.call(stream, SERVICE + 'WatchJobOutput', string(1, none))
    ok(got == NOT_FOUND and len(c.headers[stream]) == 1,
       'no such job: trailers only')


def test_windows(env):
    """A stream window of 1 byte at a time, then all at once."""
    c = Conn(env, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0})
    c2 = Conn(env)
    name = run(c2, 1, 'head -c 300000 /dev/zero')
    c2.call(3, SERVICE + 'WaitJob', string(1, name))
    c.request(1, SERVICE + 'WatchJobOutput', string(1, name))
    while 1 not in c.headers:
        c.one()
    ok(1 not in c.data, 'a zero window gets header fields only')
    for _ in range(10):
        c.frame(WindowUpdateFrame(1, window_increment=1))
    while len(c.data.get(1, b'')) < 10:
        c.one()
    ok(len(c.data[1]) == 10, 'byte by byte')
    c.frame(WindowUpdateFrame(1, window_increment=1 << 30))
    c.frame(WindowUpdateFrame(0, window_increment=1 << 30))
    ok(c.wait(1) == OK and sum(c.data[1]) > 0 and
       c.data[1].count(0) >= 300000, 'the whole output')


def main():
    work = tempfile.mkdtemp(prefix='http2-t-')
    directory = os.path.join(work, 'lab')
    env = lab('up', directory)
    try:
        before = Before(env)
        test_http(env)
        test_headers(env)
        test_messages(env)
        test_dribble(env)
        before.after('odd requests')
        test_arguments(env)
        test_names(env)
        test_sizes(env)
        before.after('odd arguments')
        test_deadline(env)
        test_watch(env)
        test_windows(env)
        before.after('watches')
        ok(same_frontend(env), 'it was the same frontend all the time')
    finally:
        lab('down', directory)
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
