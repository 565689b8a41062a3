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

"""What a frontend answers to clients that are not polite: raw TLS, HTTP/2
frames and gRPC messages, over the wire to a lab instance.

Speaks TAP. BUILD is the build folder.
"""

import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import hpack
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame,
    PingFrame, PriorityFrame, RstStreamFrame, SettingsFrame,
    WindowUpdateFrame)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from labtest import finish, lab, ok  # noqa: E402

SERVICE = '/drrev.telehandler.foreman.v1alpha1.ForemanService/'
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
CALM = 11
OK, INVALID, DEADLINE, NOT_FOUND = 0, 3, 4, 5
EXHAUSTED, UNIMPLEMENTED, INTERNAL = 8, 12, 13

def context(env, name='tele-tester', alpn=('h2',)):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.load_verify_locations(f"{env['CERTDIR']}/ca.pem")
    if name:
        ctx.load_cert_chain(f"{env['CERTDIR']}/{name}.pem",
                            f"{env['CERTDIR']}/{name}-key.pem")
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


def dial(env):
    return socket.create_connection((env['ADDRESS'], int(env['PORT'])), 10)


class Conn:
    """A connection that sends any frame and remembers what comes."""

    def __init__(self, env, sock=None, settings=None):
        self.sock = sock or context(env).wrap_socket(dial(env))
        self.sock.settimeout(10)
        self.enc, self.dec = hpack.Encoder(), hpack.Decoder()
        self.buf = b''
        self.headers = {}
        self.data = {}
        self.ended = set()
        self.reset = {}
        self.goaway = None
        self.closed = False
        self.settings = {}
        self.room = {0: 65535}
        self.last = 0
        self.write(PREFACE + SettingsFrame(0, settings or {}).serialize())

    def write(self, data):
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def frame(self, f):
        return self.write(f.serialize())

    def request(self, stream, path, *messages, end=True, method='POST',
                ctype='application/grpc', extra=(), raw=None):
        h = [(':method', method), (':scheme', 'https'), (':path', path),
             (':authority', 'localhost')]
        if ctype:
            h.append(('content-type', ctype))
        h += [('te', 'trailers'), *extra]
        body = raw if raw is not None else b''.join(map(grpc, messages))
        flags = ['END_HEADERS']
        if end and not body:
            flags.append('END_STREAM')
        out = HeadersFrame(stream, self.enc.encode(h),
                           flags=flags).serialize()
        self.room[stream] = 65535
        self.last = max(self.last, stream)
        while body:
            n = min(16384, self.room[0], self.room[stream])
            if n == 0:
                self.write(out)
                out = b''
                self.one()
                continue
            part, body = body[:n], body[n:]
            self.room[0] -= len(part)
            self.room[stream] -= len(part)
            out += DataFrame(stream, part, flags=['END_STREAM']
                             if end and not body else []).serialize()
        return self.write(out)

    def next(self):
        return self.last + 2 | 1

    def call(self, stream, path, *messages, **more):
        self.request(stream, path, *messages, **more)
        return self.wait(stream)

    def one(self):
        """One frame; False at the end of the connection."""
        while True:
            if len(self.buf) >= 9:
                f, length = Frame.parse_frame_header(memoryview(self.buf[:9]))
                if len(self.buf) >= 9 + length:
                    f.parse_body(memoryview(self.buf[9:9 + length]))
                    self.buf = self.buf[9 + length:]
                    self.got(f)
                    return True
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                raise
            except OSError:
                data = b''
            if not data:
                self.closed = True
                return False
            self.buf += data

    def got(self, f):
        if isinstance(f, HeadersFrame):
            self.headers.setdefault(f.stream_id, []).append(
                dict(self.dec.decode(bytes(f.data))))
        elif isinstance(f, DataFrame):
            self.data[f.stream_id] = (self.data.get(f.stream_id, b'') +
                                      bytes(f.data))
        elif isinstance(f, RstStreamFrame):
            self.reset[f.stream_id] = f.error_code
        elif isinstance(f, GoAwayFrame):
            self.goaway = f.error_code
        elif isinstance(f, SettingsFrame) and 'ACK' not in f.flags:
            self.settings.update(f.settings)
            self.frame(SettingsFrame(0, flags=['ACK']))
        elif isinstance(f, WindowUpdateFrame):
            self.room[f.stream_id] = (self.room.get(f.stream_id, 65535) +
                                      f.window_increment)
        if 'END_STREAM' in getattr(f, 'flags', ()):
            self.ended.add(f.stream_id)

    def wait(self, stream):
        """The status of a call, or a text for how it ended otherwise."""
        while stream not in self.ended and stream not in self.reset:
            if not self.one():
                return 'closed'
        if stream not in self.ended:
            return f'reset {self.reset[stream]}'
        last = self.headers[stream][-1]
        return int(last.get('grpc-status', -1))

    def message(self, stream):
        return urllib.parse.unquote(
            self.headers[stream][-1].get('grpc-message', ''))

    def until_closed(self, limit=15):
        end = time.time() + limit
        try:
            while time.time() < end and self.one():
                pass
        except socket.timeout:
            pass
        return self.closed

    def alive(self):
        """Does a call on it still get an answer?"""
        return self.call(self.next(), SERVICE + 'GetJobStatus',
                         b'') == INVALID


def soon(true, limit=5):
    """Does it become true within the time?"""
    end = time.time() + limit
    while not true() and time.time() < end:
        time.sleep(0.02)
    return true()


def grpc(message, flag=0):
    return struct.pack('>BI', flag, len(message)) + message


def string(number, value):
    value = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(n):
    out = b''
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def start(script, *more):
    return (string(2, '/bin/sh') + string(3, '-c') + string(3, script) +
            b''.join(more))


def job_name(data):
    length = data[6]
    return data[7:7 + length].decode()


def run(c, stream, script, *more):
    if c.call(stream, SERVICE + 'StartJob', start(script, *more)) != OK:
        sys.exit(f'# cannot start a job: {c.message(stream)}')
    return job_name(c.data[stream])


def frontend(env):
    return env['FRONTEND_PIDS'].split()[0]


def same_frontend(env):
    return os.path.exists(f'/proc/{frontend(env)}/status')


def rss_kib(env):
    with open(f'/proc/{frontend(env)}/status') as f:
        for line in f:
            if line.startswith('VmRSS'):
                return int(line.split()[1])


def open_fds(env):
    return len(os.listdir(f'/proc/{frontend(env)}/fd'))


def cpu_ticks(env):
    with open(f'/proc/{frontend(env)}/stat') as f:
        words = f.read().rsplit(')', 1)[1].split()
    return int(words[11]) + int(words[12])


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
            SERVICE + 'Stop%4aob', '/' + 'x' * 4000)):
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
              extra=[('te', 'chunked')]) == 'reset 1', 'te other than trailers')
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
    ok(rss_kib(env) - before < 2048, 'an HPACK bomb')


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


def test_arguments(env):
    c = Conn(env)
    s = iter(range(1, 100, 2))

    def expect(status, name, message):
        stream = next(s)
        got = c.call(stream, SERVICE + 'StartJob', message)
        ok(got == status, name, f'{got} {c.headers.get(stream)}')

    expect(INVALID, 'no command', b'')
    expect(EXHAUSTED, 'arguments of 128 KiB', string(2, '/bin/true') +
           string(3, 'x' * 131072))
    expect(EXHAUSTED, 'many small ones', string(2, '/bin/true') +
           string(3, 'xx') * 50000)
    expect(EXHAUSTED, 'environment of 128 KiB', string(2, '/bin/true') +
           string(16, 'A=' + 'x' * 131072))
    expect(INVALID, 'environment without =', string(2, '/bin/true') +
           string(16, 'x'))
    expect(INVALID, 'environment without a name', string(2, '/bin/true') +
           string(16, '=x'))
    expect(INVALID, 'grace below 0', string(2, '/bin/true') + string(
        25, b'\x08' + b'\xff' * 9 + b'\x01'))
    expect(INVALID, 'grace of 24 hours and a bit', string(2, '/bin/true') +
           string(25, b'\x08' + varint(86400) + b'\x10\x01'))
    expect(INVALID, 'a parent of 600 bytes', string(1, 'x' * 600) +
           string(2, '/bin/true'))


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
    time.sleep(1)
    grown = rss_kib(env) - before
    ok(grown < 50 * 200, '50 stalled watchers are cheap', f'{grown} KiB')
    ticks = cpu_ticks(env)
    time.sleep(1)
    ok(cpu_ticks(env) - ticks <= 2, 'and cost no time')
    t = time.time()
    ok(c.alive() and time.time() - t < 5, 'others are served')
    for s in stalled:
        s.sock.close()


# ------------------------------------------------------------------ floods

def flood(env, name, frames, codes=(CALM,), n=100000, chunk=100):
    """Send what frames(i) gives until the connection ends, and why."""
    c = Conn(env)
    c.one()
    ticks = cpu_ticks(env)
    sent = 0
    while sent < n:
        if not c.write(b''.join(frames(c, sent + i) for i in range(chunk))):
            break
        sent += chunk
    c.until_closed()
    ok(c.closed and c.goaway in codes, name,
       f'sent {sent}, goaway {c.goaway}, closed {c.closed}')
    ok(cpu_ticks(env) - ticks < 1000, f'{name}: bounded work')
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


# --------------------------------------------------------------------- TLS

def tls_refused(env, ctx, name):
    """TLS 1.3 clients learn of a refusal at their first read."""
    try:
        s = ctx.wrap_socket(dial(env))
        s.settimeout(10)
        s.sendall(PREFACE + SettingsFrame(0).serialize())
        data = s.recv(65536)
        ok(data == b'', name, data)
    except ssl.SSLError as e:
        ok(True, f'{name} ({e.reason})')
    except ConnectionError:
        ok(True, f'{name} (reset)')


def openssl(*args, **more):
    subprocess.run(['openssl', *args], check=True, stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, **more)


def issue(env, work, name, subject, ext, ca=None):
    """A certificate of the lab's CA with that subject and extensions."""
    ca = ca or (f"{env['CERTDIR']}/ca.pem", f"{env['CERTDIR']}/ca-key.pem")
    key, csr, crt = (f'{work}/{name}{s}' for s in ('-key.pem', '.csr',
                                                   '.pem'))
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-384', '-nodes', '-keyout', key, '-out', csr,
            '-subj', subject)
    with open(f'{work}/{name}.ext', 'w') as f:
        f.write('subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' +
                ext)
    openssl('x509', '-req', '-in', csr, '-CA', ca[0], '-CAkey', ca[1],
            '-days', '2', '-out', crt, '-extfile', f'{work}/{name}.ext')
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.load_verify_locations(f"{env['CERTDIR']}/ca.pem")
    ctx.load_cert_chain(crt, key)
    ctx.set_alpn_protocols(['h2'])
    return ctx


def test_tls(env):
    for alpn, name in (((), 'no ALPN'), (('http/1.1',), 'ALPN http/1.1'),
                       (('h2c',), 'ALPN h2c'), (('h', '2'), 'ALPN h and 2')):
        tls_refused(env, context(env, alpn=alpn), name)
    ctx = context(env, alpn=('http/1.1', 'h2'))
    ok(Conn(env, ctx.wrap_socket(dial(env))).alive(), 'h2 among others')
    ctx = context(env)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    tls_refused(env, ctx, 'TLS 1.2')
    tls_refused(env, context(env, name=None), 'no certificate')


def test_certificates(env, work):
    client = 'extendedKeyUsage=clientAuth\n'
    ctx = issue(env, work, 'good', '/CN=tele-tester', client)
    ok(Conn(env, ctx.wrap_socket(dial(env))).alive(), 'a good certificate')
    for name, subject, ext in (
            ('no extended key usage', '/CN=tele-tester', ''),
            ('serverAuth', '/CN=tele-tester', 'extendedKeyUsage=serverAuth\n'),
            ('anyExtendedKeyUsage', '/CN=tele-tester',
             'extendedKeyUsage=anyExtendedKeyUsage\n'),
            ('two names', '/CN=tele-tester/CN=admin', client),
            ('no name', '/O=tele-tester', client),
            ('a path', '/CN=..\\/admin', client),
            ('a space', '/CN=tele tester', client),
            ('"-"', '/CN=-', client),
            ('a local name', '/CN=uid:root', client),
            ('a local name as URI', '/CN=tele-tester',
             client + 'subjectAltName=URI:uid:root\n'),
            ('two URIs', '/CN=tele-tester',
             client + 'subjectAltName=URI:spiffe://a/b,URI:spiffe://a/c\n')):
        tls_refused(env, issue(env, work, name.replace('"', ''), subject,
                               ext), name)
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-384', '-nodes', '-keyout',
            f'{work}/other-key.pem', '-out', f'{work}/other.pem', '-subj',
            '/CN=other', '-days', '2')
    tls_refused(env, issue(env, work, 'stranger', '/CN=admin', client,
                           (f'{work}/other.pem', f'{work}/other-key.pem')),
                'another CA')


def test_half_open(env):
    """Silent sockets do not keep others out, and do not stay."""
    socks = [dial(env) for _ in range(300)]
    t = time.time()
    ok(Conn(env).alive() and time.time() - t < 5,
       '300 silent connections keep nobody out')
    ok(open_fds(env) < 150, 'most of them are closed')
    time.sleep(11 - min(10, time.time() - t))
    gone = 0
    for s in socks:
        s.settimeout(2)
        try:
            gone += s.recv(1) == b''
        except ConnectionError:
            gone += 1
        except socket.timeout:
            pass
        s.close()
    ok(gone == 300, 'and all of them within 11 seconds', gone)


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
    time.sleep(0.5)

    def switches():
        with open(f'/proc/{frontend(env)}/status') as f:
            return [int(line.split()[1]) for line in f
                    if line.startswith('voluntary')][0]
    before = switches()
    time.sleep(5)
    ok(switches() == before, 'ten idle watchers: no wake-up')
    ok(c.call(3, SERVICE + 'StopJob', string(1, name)) == OK, 'stop')
    ok(all(w.wait(1) == OK for w in conns), 'all watchers hear of the end')


def main():
    work = tempfile.mkdtemp(prefix='http2-t-')
    directory = os.path.join(work, 'lab')
    env = lab('up', directory)
    try:
        test_http(env)
        test_headers(env)
        test_messages(env)
        test_dribble(env)
        test_arguments(env)
        test_deadline(env)
        test_watch(env)
        test_windows(env)
        test_stalled(env)
        test_streams(env)
        test_protocol_errors(env)
        test_floods(env)
        test_tls(env)
        test_certificates(env, work)
        test_half_open(env)
        test_idle(env)
        ok(same_frontend(env), 'it was the same frontend all the time')
    finally:
        lab('down', directory)
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
