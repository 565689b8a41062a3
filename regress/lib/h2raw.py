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


"""For tests in Python: a client that sends any HTTP/2 frame over TLS, gRPC
messages and protobuf fields by hand, and what the API needs for a job.
"""

import socket
import ssl
import struct
import sys
import time
import urllib.parse

import hpack
from hyperframe.frame import (
    DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame)

SERVICE = '/drrev.telehandler.foreman.v1alpha1.ForemanService/'
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
CALM = 11
OK, INVALID, DEADLINE, NOT_FOUND, DENIED = 0, 3, 4, 5, 7
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


def address(env):
    return env['ADDRESS'], int(env['PORT'])


def dial(env):
    return socket.create_connection(address(env), 60)


class Conn:
    """A connection that sends any frame and remembers what comes."""

    def __init__(self, env, sock=None, settings=None):
        self.sock = sock or context(env).wrap_socket(dial(env))
        self.sock.settimeout(60)
        self.enc, self.dec = hpack.Encoder(), hpack.Decoder()
        self.buf = b''
        self.headers = {}
        self.data = {}
        self.ended = set()
        self.reset = {}
        self.goaway = None
        self.closed = False
        self.settings = {}
        self.pings = self.pongs = 0
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
                if (not self.one() or stream in self.ended or
                        stream in self.reset):
                    return False
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
        elif isinstance(f, PingFrame):
            if 'ACK' in f.flags:
                self.pongs += 1
            else:
                self.pings += 1
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

    def sync(self):
        """The frontend has read all that was sent before."""
        before = self.pongs
        self.frame(PingFrame(0, b'12345678'))
        while self.pongs == before:
            if not self.one():
                return False
        return True

    def alive(self):
        """Does a call on it still get an answer?"""
        return self.call(self.next(), SERVICE + 'GetJobStatus',
                         b'') == INVALID


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
