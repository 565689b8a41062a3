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

"""Who gets in and who does not: TLS versions, ALPN and client certificates,
over the wire to a lab instance. A refusal is an alert that says why, and one
line of the log that says it exactly.

Speaks TAP. BUILD is the build folder.
"""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from certs import (  # noqa: E402
    CLIENT, authority, client_context, issue, lab_ca, with_dates, with_name)
from hyperframe.frame import SettingsFrame  # noqa: E402
from h2raw import (  # noqa: E402
    Conn, OK, PREFACE, SERVICE, context, dial, run, string)
from labtest import finish, lab, ok  # noqa: E402
from probe import Before, Log, same_frontend  # noqa: E402

REFUSED = '127.0.0.1: certificate refused: '
BAD = 'SSLV3_ALERT_BAD_CERTIFICATE'
UNKNOWN = 'SSLV3_ALERT_CERTIFICATE_UNKNOWN'
UNSUPPORTED = 'SSLV3_ALERT_UNSUPPORTED_CERTIFICATE'
NO_PROTOCOL = '[SSL] tlsv1 alert no application protocol'


def outcome(env, ctx):
    """How a connection ends. A refusal comes with the first read."""
    try:
        s = ctx.wrap_socket(dial(env))
        s.settimeout(10)
        s.sendall(PREFACE + SettingsFrame(0).serialize())
        return f'{len(s.recv(65536))} bytes'
    except ssl.SSLError as e:
        return e.reason or str(e).split(' (')[0]
    except OSError as e:
        return str(e)


def refused(env, ctx, name, alert, reason, before=REFUSED):
    """Refused with that alert; the log says this and nothing was let in."""
    log = Log(env)
    got = outcome(env, ctx)
    said = log.has(before + reason + '\n')
    ok(got == alert and said and 'connection ' not in log.text(), name,
       f'{got}: {log.text()}')


def accepted(env, ctx, name):
    log = Log(env)
    c = Conn(env, ctx.wrap_socket(dial(env)))
    ok(c.alive(), name, log.text())
    c.sock.close()


def test_versions(env):
    handshake = '127.0.0.1: handshake: '
    refused(env, context(env, alpn=()), 'no ALPN', '0 bytes',
            'the client does not offer h2 by ALPN', handshake)
    for alpn, name in ((('http/1.1',), 'ALPN http/1.1'),
                       (('h2c',), 'ALPN h2c'), (('h', '2'), 'ALPN h and 2'),
                       (('x' * 255,), 'ALPN of 255 bytes')):
        refused(env, context(env, alpn=alpn), name, NO_PROTOCOL,
                'no application protocol', handshake)
    accepted(env, context(env, alpn=('http/1.1', 'h2')), 'h2 among others')
    ctx = context(env)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    refused(env, ctx, 'TLS 1.2', 'TLSV1_ALERT_PROTOCOL_VERSION',
            'unsupported protocol', handshake)
    refused(env, context(env, name=None), 'no certificate',
            'TLSV13_ALERT_CERTIFICATE_REQUIRED',
            'peer did not return a certificate', handshake)


def s_client(env, *args):
    """What openssl s_client says of a handshake that fails."""
    certs = env['CERTDIR']
    return subprocess.run(
        ['openssl', 's_client', '-connect', f"{env['ADDRESS']}:{env['PORT']}",
         '-cert', f'{certs}/tele-tester.pem', '-key',
         f'{certs}/tele-tester-key.pem', '-CAfile', f'{certs}/ca.pem', *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=30, text=True,
        errors='replace').stdout


def test_handshakes(env):
    # Tickets come before the first bytes of the server, if they do.
    c = Conn(env)
    ok(c.alive() and not c.sock.session.has_ticket,
       'no session ticket is sent')
    c.sock.close()
    out = s_client(env, '-alpn', 'h2', '-groups', 'ffdhe2048')
    ok('handshake failure' in out, 'no group in common', out[-500:])
    out = s_client(env, '-alpn', 'h2', '-sigalgs', 'ECDSA+SHA512')
    ok('handshake failure' in out, 'no signature algorithm in common',
       out[-500:])


def test_chains(env, work):
    ca = lab_ca(env)

    def client(*args, **more):
        return client_context(env, issue(work, args[0], *args[1:], **more))
    accepted(env, client('good', ca), 'a good certificate')
    other = authority(work, 'other')
    refused(env, client('stranger', other, '/CN=admin'), 'another CA',
            'TLSV1_ALERT_UNKNOWN_CA', 'unable to get local issuer certificate')
    refused(env, client_context(env, authority(work, 'admin')), 'self-signed',
            'TLSV1_ALERT_UNKNOWN_CA', 'self-signed certificate')
    refused(env, client('expired', ca, edit=with_dates(-7200, -3600)),
            'expired', 'SSLV3_ALERT_CERTIFICATE_EXPIRED',
            'certificate has expired')
    refused(env, client('future', ca, edit=with_dates(3600, 7200)),
            'not yet valid', BAD,
            'certificate is not yet valid')
    test_weak_key(env, work, ca)
    accepted(env, client('plain', ca, ids=''), 'openssl x509 -req -extfile')
    # RFC 5280 4.2.1.1 demands it, and openssl before 3.0 did not add it.
    refused(env, client('bare', ca, ids='authorityKeyIdentifier=none\n'),
            'no authority key identifier', UNKNOWN,
            'Missing Authority Key Identifier')


def test_weak_key(env, work, ca):
    pair = issue(work, 'weak', ca, newkey=('rsa:1024',))
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.set_ciphers('ALL:@SECLEVEL=0')  # or our own side would refuse it
    ctx.check_hostname = False
    ctx.load_verify_locations(ca[0])
    ctx.load_cert_chain(*pair)
    ctx.set_alpn_protocols(['h2'])
    refused(env, ctx, 'an RSA key of 1024 bits', BAD,
            'EE certificate key too weak')


def test_usage(env, work):
    ca = lab_ca(env)
    for name, ext, alert, reason in (
            ('no extended key usage', '', BAD,
             'extended key usage is not clientAuth'),
            ('serverAuth', 'extendedKeyUsage=serverAuth\n',
             UNSUPPORTED, 'unsuitable certificate purpose'),
            ('anyExtendedKeyUsage', 'extendedKeyUsage=anyExtendedKeyUsage\n',
             UNSUPPORTED, 'unsuitable certificate purpose'),
            ('a key for encipherment only',
             CLIENT + 'keyUsage=critical,keyEncipherment\n',
             UNSUPPORTED, 'unsuitable certificate purpose'),
            ('an unknown critical extension',
             CLIENT + '1.2.3.4.5=critical,ASN1:NULL\n',
             UNKNOWN, 'unhandled critical extension')):
        refused(env, client_context(env, issue(work, name, ca, ext=ext)),
                name, alert, reason)


def test_names(env, work):
    ca = lab_ca(env)
    chars = 'common name with characters that are not allowed'
    kind = 'common name of an unusual string type'
    for name, value, tag, reason in (
            ('NUL in the name', b'admin\0x', 0x0c, chars),
            ('an empty name', b'', 0x0c, chars),
            ('a name of 65 characters', b'a' * 65, 0x0c, chars),
            ('a line feed', b'admin\n', 0x0c, chars),
            ('an escape', b'\x1b[2Jadmin', 0x0c, chars),
            ('a letter that looks like another', 'аdmin'.encode(), 0x0c,
             chars),
            ('BMPString', 'admin'.encode('utf-16-be'), 0x1e, kind),
            ('T61String', b'admin', 0x14, kind)):
        pair = issue(work, name, ca, edit=with_name(value, tag))
        refused(env, client_context(env, pair), name, BAD, reason)
    uri = 'URI with a form or characters that are not allowed'
    for name, subject, ext, reason in (
            ('two names', '/CN=tele-tester/CN=admin', CLIENT,
             'more than one common name'),
            ('no name', '/O=tele-tester', CLIENT,
             'no common name and no URI'),
            ('a path', '/CN=..\\/admin', CLIENT, chars),
            ('a space', '/CN=tele tester', CLIENT, chars),
            ('"-"', '/CN=-', CLIENT, chars),
            ('a local name', '/CN=uid:root', CLIENT, chars),
            ('a local name as URI', '/CN=tele-tester',
             CLIENT + 'subjectAltName=URI:uid:root\n', uri),
            ('two URIs', '/CN=tele-tester', CLIENT +
             'subjectAltName=URI:spiffe://a/b,URI:spiffe://a/c\n',
             'more than one URI')):
        pair = issue(work, name, ca, subject, ext)
        refused(env, client_context(env, pair), name, BAD, reason)
    pair = issue(work, 'longest', ca, '/CN=' + 'a' * 64)
    accepted(env, client_context(env, pair), 'a name of 64 characters')


def test_expiry(env, work):
    """A certificate that ends while its connection is in use."""
    life = 8
    begin = time.time()
    pair = issue(work, 'short', lab_ca(env), edit=with_dates(-60, life))
    end = time.time() + life
    log = Log(env)
    c = Conn(env, client_context(env, pair).wrap_socket(dial(env)))
    name = run(c, 1, 'exec sleep 1000')
    c.request(3, SERVICE + 'WatchJobOutput', string(1, name))
    # Certificates know no fractions of a second.
    ok(c.until_closed(life + 10) and begin + life - 1 <= time.time() < end + 5,
       'a connection ends with its certificate',
       f'{time.time() - end:.1f} s after it')
    ok(log.has('127.0.0.1: certificate has expired\n'), 'the log says so',
       log.text())
    other = Conn(env)
    ok(other.call(1, SERVICE + 'StopJob', string(1, name)) == OK,
       'the job has gone on')
    other.sock.close()


def test_slow_certificates(env):
    """A handshake that is begun and never finished."""
    s = socket.create_connection((env['ADDRESS'], int(env['PORT'])), 10)
    hello = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
    log = Log(env)
    s.sendall(hello)
    s.settimeout(20)
    begin = time.monotonic()
    try:
        data = s.recv(1)
    except ConnectionError:
        data = b''
    took = time.monotonic() - begin
    ok(data == b'' and 8 < took < 14, 'half a ClientHello: 10 s',
       f'{took:.1f} s')
    ok(log.has('127.0.0.1: handshake: too slow\n'), 'the log says so')
    s.close()


def main():
    work = tempfile.mkdtemp(prefix='tls-t-')
    directory = os.path.join(work, 'lab')
    env = lab('up', directory)
    try:
        before = Before(env)
        test_versions(env)
        test_handshakes(env)
        before.after('handshakes')
        test_chains(env, work)
        test_usage(env, work)
        test_names(env, work)
        before.after('certificates')
        test_expiry(env, work)
        test_slow_certificates(env)
        before.after('time')
        ok(same_frontend(env), 'it was the same frontend all the time')
    finally:
        lab('down', directory)
        shutil.rmtree(work, ignore_errors=True)
    finish()


if __name__ == '__main__':
    main()
