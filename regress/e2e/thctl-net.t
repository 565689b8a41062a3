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

"""thctl when something is wrong with the way to the daemon: files, names,
certificates, and servers that are none, silent, or go away. What it says must
name what failed, why and what to do; the exit code must be the manual's.

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
import threading

import hpack
from hyperframe.frame import (
    DataFrame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from certs import (  # noqa: E402
    SERVER, authority, issue, lab_ca, with_dates)
from h2raw import grpc, string  # noqa: E402
from labtest import finish, lab, ok  # noqa: E402

BUILD = os.environ.get('BUILD', 'build')
UID = '00000000-0000-4000-8000-000000000000'
ACCEPTABLE = "the server's certificate is not acceptable: "


class Thctl:
    """What one is called with, and what must come of it."""

    def __init__(self, work, ca, pair):
        self.program = f'{work}/thctl'
        shutil.copy(f'{BUILD}/bin/thctl', self.program)
        self.files = {'ca': ca, 'cert': pair[0], 'key': pair[1]}

    def start(self, server, *args, prefix=(), **files):
        names = {**self.files, **files}
        flags = [w for k, v in names.items() if v for w in (f'--{k}', v)]
        return subprocess.Popen(
            [*prefix, self.program, '--server', server, *flags, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={'HOME': '/nonexistent'})

    def judge(self, name, p, code, *texts, stdout=b'', limit=60):
        try:
            out, err = p.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        err = err.decode()
        lines = err.splitlines()
        ok(p.returncode == code and out == stdout and
           all(t in err for t in texts) and 1 <= len(lines) <= 2 and
           all(line.startswith('thctl: ') for line in lines), name,
           f'exit {p.returncode}: {err} {out}')

    def fails(self, name, server, code, *texts, args=('status', UID),
              stdout=b'', **more):
        self.judge(name, self.start(server, *args, **more), code, *texts,
                   stdout=stdout)


class Server:
    """Calls the function with each accepted socket, in a thread."""

    def __init__(self, handle):
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        self.at = f'127.0.0.1:{self.port}'
        self.handle = handle
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.sock.accept()
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            self.handle(s)
        except (OSError, ssl.SSLError):
            s.close()


def tls_server(pair, ca, handle, alpn=('h2',), newest=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(*pair)
    ctx.load_verify_locations(ca)
    ctx.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    if newest:
        ctx.maximum_version = newest
    return Server(lambda s: handle(ctx.wrap_socket(s, server_side=True)))


def silent(s):
    while s.recv(4096):
        pass


# -------------------------------------------------------------------- files

def test_files(ctl, work, good):
    server = Server(silent)
    missing = f'{work}/missing.pem'
    garbage = f'{work}/garbage.pem'
    with open(garbage, 'w') as f:
        f.write('no certificate\n')
    os.chmod(garbage, 0o600)
    for what in 'ca', 'cert', 'key':
        ctl.fails(f'{what}: no such file', server.at, 125,
                  f'{missing}: No such file or directory', **{what: missing})
        ctl.fails(f'{what}: not one', server.at, 125, garbage,
                  **{what: garbage})
        ctl.fails(f'{what}: not given', server.at, 125,
                  f'no {what} is named: give --{what}', **{what: None})
    loose = f'{work}/loose-key.pem'
    shutil.copy(good[1], loose)
    os.chmod(loose, 0o644)
    ctl.fails('a key that others may read', server.at, 125,
              f'{loose}: others may read this key: chmod 600 it', key=loose)
    nobody = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')
    ctl.fails('a key that one may not read', server.at, 125,
              f'{good[1]}: Permission denied', prefix=nobody)
    ctl.fails("another one's key", server.at, 125, 'stranger-key.pem',
              'mismatch', key=f'{work}/stranger-key.pem')
    for at in 'localhost:', '[::1', ':6443', '1:2:3':
        ctl.fails(f'server "{at}"', at, 125,
                  'expected HOST:PORT, [IPV6]:PORT or unix:PATH')
    ctl.fails('a socket that is not there', f'unix:{missing}', 125,
              f'cannot connect to {missing}: No such file or directory',
              'is thd running?')


# ------------------------------------------------------------- certificates

def test_certificates(ctl, work, ca, good):
    def server(name, ca=ca, **more):
        pair = issue(work, name, ca, f'/CN={name}',
                     **{'ext': SERVER, **more})
        return tls_server(pair, ca[0], silent)

    other = authority(work, 'other')
    ctl.fails('a server of another authority',
              server('elsewhere', other).at, 125, ACCEPTABLE,
              'is --ca the authority that issued it?')
    ctl.fails('a server that vouches for itself',
              tls_server(other, ca[0], silent).at, 125, ACCEPTABLE,
              'is --ca the authority that issued it?')
    ctl.fails('an expired one',
              server('old', edit=with_dates(-7200, -3600)).at, 125,
              ACCEPTABLE + 'certificate has expired', 'needs a new one')
    ctl.fails('one that is not valid yet',
              server('young', edit=with_dates(3600, 7200)).at, 125,
              ACCEPTABLE + 'certificate is not yet valid', 'clock')
    ctl.fails('one for clients', server('client', ext=(
        'extendedKeyUsage=clientAuth\nsubjectAltName=IP:127.0.0.1\n')).at,
        125, ACCEPTABLE + 'unsuitable certificate purpose')
    away = server('away', ext=('extendedKeyUsage=serverAuth\n'
                               'subjectAltName=DNS:other.example\n'))
    ctl.fails('one for another host', f'localhost:{away.port}', 125,
              ACCEPTABLE + 'hostname mismatch', 'give --server a name')
    ctl.fails('one for another address', away.at, 125,
              ACCEPTABLE + 'IP address mismatch', 'give --server a name')
    named = server('localhost', ext='extendedKeyUsage=serverAuth\n')
    ctl.fails('one whose only name is its subject',
              f'localhost:{named.port}', 125, ACCEPTABLE)


# ------------------------------------------------------------------ servers

def refuse_tls(answer):
    def handle(s):
        s.recv(4096)
        s.sendall(answer)
        silent(s)
    return handle


def test_servers(ctl, ca, pair):
    with socket.create_server(('127.0.0.1', 0)) as s:
        closed = s.getsockname()[1]
    ctl.fails('nobody listens', f'127.0.0.1:{closed}', 125,
              f'cannot connect to 127.0.0.1:{closed}: Connection refused',
              'is thd running there? Name another with --server')
    ctl.fails('no such host', 'no-such-host.invalid:1', 125,
              'no-such-host.invalid:1: ')
    for name, answer in (('ssh', b'SSH-2.0-OpenSSH_9.2\r\n'),
                         ('HTTP', b'HTTP/1.1 400 Bad Request\r\n\r\n'),
                         ('zeros', bytes(100))):
        ctl.fails(f'a server that speaks {name}',
                  Server(refuse_tls(answer)).at, 125,
                  'what listens there does not speak TLS: is the port right?')
    ctl.fails('one that closes at once', Server(socket.socket.close).at, 125,
              'the server closed the connection: is it thd that')
    ctl.fails('one without HTTP/2',
              tls_server(pair, ca, silent, alpn=()).at, 125,
              'the server does not speak HTTP/2: is it thd')
    ctl.fails('TLS 1.2', tls_server(pair, ca, silent,
                                    newest=ssl.TLSVersion.TLSv1_2).at, 125,
              'TLS handshake: ', 'protocol version')


def test_silence(ctl, ca, pair):
    """Time limits, all at once."""
    tcp, tls = Server(silent), tls_server(pair, ca, silent)
    # A listener whose queue is full answers no SYN.
    full = socket.socket()
    full.bind(('127.0.0.1', 0))
    full.listen(0)
    at = full.getsockname()
    fill = [socket.socket() for _ in range(8)]
    for s in fill:
        s.setblocking(False)
        s.connect_ex(at)
    runs = [ctl.start(server, 'status', UID)
            for server in (tcp.at, tls.at, f'127.0.0.1:{at[1]}')]
    ctl.judge('a server that says nothing', runs[0], 125,
              'TLS handshake: the server does not answer: is it thd',
              limit=25)
    ctl.judge('one that says nothing after the handshake', runs[1], 125,
              'the server says nothing: is it thd', limit=25)
    ctl.judge('one that does not accept', runs[2], 125,
              'Connection timed out', 'is thd running there?', limit=25)


# ----------------------------------------------------------- in mid-answer

def answering(*frames):
    """A server that answers the first call with these and then closes."""
    def handle(s):
        got = b''
        while b'grpc' not in got and len(got) < 100:
            got += s.recv(4096)
        enc = hpack.Encoder()
        s.sendall(SettingsFrame(0).serialize() +
                  b''.join(f(enc) for f in frames))
        if not frames or frames[-1] is not stay:
            s.unwrap()
        silent(s)
    return handle


def stay(enc):
    return b''


def head(enc, *more, status='200', flags=()):
    return HeadersFrame(1, enc.encode([
        (':status', status), ('content-type', 'application/grpc'), *more]),
        flags=['END_HEADERS', *flags]).serialize()


def output(enc):
    return DataFrame(1, grpc(string(1, 'some bytes\n'))).serialize()


def trailers(*fields):
    return lambda enc: HeadersFrame(1, enc.encode(fields), flags=[
        'END_HEADERS', 'END_STREAM']).serialize()


def half_close(s):
    s.shutdown(socket.SHUT_WR)
    silent(s)


def cut(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def test_answers(ctl, ca, pair):
    def case(name, code, *texts, frames=(), handle=None,
             stdout=b'some bytes\n'):
        server = tls_server(pair, ca, handle or answering(*frames))
        ctl.fails(name, server.at, code, *texts, args=('watch', UID),
                  stdout=stdout)

    case('the server ends in mid-watch', 125, UID,
         'the daemon closed the connection', frames=(head, output))

    def lost(end):
        def handle(s):
            enc = hpack.Encoder()
            s.sendall(SettingsFrame(0).serialize() + head(enc) + output(enc))
            # Until it has read that, and so the rest of the record.
            got = b''
            while SettingsFrame(0, flags=['ACK']).serialize() not in got:
                got += s.recv(4096)
            end(s)
        return handle
    case('without a goodbye', 125, 'the connection was lost',
         handle=lost(half_close))
    case('by a reset', 125, UID, handle=lost(cut))
    case('by GOAWAY', 125, UID, frames=(
        head, output, lambda e: GoAwayFrame(0, 0, 2).serialize()))
    case('by RST_STREAM', 125, 'the call was reset', frames=(
        head, output, lambda e: RstStreamFrame(1, 2).serialize(), stay))
    case('well, but without the last message', 125, 'the output was cut',
         frames=(head, output, trailers(('grpc-status', '0')), stay))
    case('with an error of the daemon', 125, 'disk on fire', frames=(
        head, output, trailers(('grpc-status', '13'),
                               ('grpc-message', 'disk on fire')), stay))
    case('within a message', 125, 'ends within a message', frames=(
        head, output, lambda e: DataFrame(1, b'\0\0\0\0\x20x').serialize(),
        trailers(('grpc-status', '0')), stay))
    case('a message of 4 GiB', 125, 'cannot be understood', frames=(
        head, lambda e: DataFrame(1, b'\0\xff\xff\xff\xff').serialize(),
        stay), stdout=b'')
    case('a message that is none', 125, 'cannot be understood', frames=(
        head, lambda e: DataFrame(1, grpc(b'\x0a\xff')).serialize(), stay),
        stdout=b'')
    case('no HTTP/2', 125, 'breaks HTTP/2', stdout=b'', frames=(
        lambda e: b'HTTP/1.1 200 OK\r\n\r\n' * 10, stay))
    case('an escape in the text', 125, 'x\\^[[2Jy', stdout=b'', frames=(
        trailers((':status', '200'), ('content-type', 'application/grpc'),
                 ('grpc-status', '13'), ('grpc-message', 'x%1B[2Jy')), stay))
    case('HTTP status 503', 125, 'HTTP status 503', stdout=b'', frames=(
        lambda e: head(e, status='503', flags=['END_STREAM']), stay))


# -------------------------------------------------------------- the real one

def test_daemon(ctl, work, env):
    at = f"{env['ADDRESS']}:{env['PORT']}"
    pair = tuple(f"{env['CERTDIR']}/tele-tester{s}.pem" for s in ('', '-key'))
    ctl.files = {'ca': lab_ca(env)[0], 'cert': pair[0], 'key': pair[1]}
    ctl.fails('no such job', at, 1, UID, 'there is no job of that name')
    ctl.fails("another one's", at, 1, 'permission denied',
              args=('status', f'users/bob/jobs/{UID}'))
    ctl.fails('usage', at, 2, 'usage: thctl status', args=('status',))
    ctl.fails('no such verb', at, 2, 'no verb', args=('frobnicate',))
    ctl.fails('100 000 arguments', at, 1,
              '/bin/true: request larger than 256 KiB',
              args=('start', '--', '/bin/true', *['x'] * 100000))
    ctl.fails('an argument of 128 KiB', at, 1,
              'arguments and environment are larger than 128 KiB',
              args=('start', '--', '/bin/true', 'x' * 131071))
    ctl.fails('run of too much', at, 125,
              'arguments and environment are larger than 128 KiB',
              args=('run', '--', '/bin/true', 'x' * 131071))
    refused = 'the server refused our certificate: '
    for name, text, more in (
            ('expired', 'certificate expired',
             {'edit': with_dates(-7200, -3600)}),
            ('nobody', 'bad certificate', {'subject': '/O=nobody'}),
            ('serving', 'unsupported certificate', {'ext': SERVER})):
        cert, key = issue(work, name, lab_ca(env), **more)
        ctl.fails(f'our own certificate: {name}', at, 125, refused, text,
                  cert=cert, key=key)
    cert, key = issue(work, 'outsider', authority(work, 'outside'))
    ctl.fails('our own certificate: of another authority', at, 125,
              refused + 'tlsv1 alert unknown ca', cert=cert, key=key)


def main():
    work = tempfile.mkdtemp(prefix='th-thctl.', dir='/var/lib')
    os.chmod(work, 0o755)
    try:
        ca = authority(work, 'ca')
        good = issue(work, 'tele-tester', ca)
        issue(work, 'stranger', ca)
        pair = issue(work, 'server', ca, '/CN=server', SERVER)
        ctl = Thctl(work, ca[0], good)
        test_files(ctl, work, good)
        test_certificates(ctl, work, ca, good)
        test_servers(ctl, ca[0], pair)
        test_silence(ctl, ca[0], pair)
        test_answers(ctl, ca[0], pair)
        env = lab('up', f'{work}/lab')
        test_daemon(ctl, work, env)
    finally:
        lab('down', f'{work}/lab')
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
