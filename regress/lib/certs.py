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


"""For tests in Python: certificates that no decent authority would issue.
Made by openssl, changed in their DER form, and signed again.
"""

import datetime
import ssl
import subprocess


def openssl(*args, **more):
    return subprocess.run(['openssl', *args], check=True,
                          stderr=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          **more).stdout


def authority(work, name):
    """One of one's own: its certificate and key."""
    pair = f'{work}/{name}.pem', f'{work}/{name}-key.pem'
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-384', '-nodes', '-keyout', pair[1], '-out',
            pair[0], '-subj', f'/CN={name}', '-days', '2', '-addext',
            'keyUsage=critical,keyCertSign,cRLSign')
    return pair


def lab_ca(env):
    return f"{env['CERTDIR']}/ca.pem", f"{env['CERTDIR']}/ca-key.pem"


CLIENT = 'extendedKeyUsage=clientAuth\n'
SERVER = ('extendedKeyUsage=serverAuth\n'
          'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
KEY_IDS = 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'


def issue(work, name, ca, subject='/CN=tele-tester', ext=CLIENT, edit=None,
          newkey=('ec', '-pkeyopt', 'ec_paramgen_curve:P-384'),
          ids=KEY_IDS):
    """A certificate and its key; edit() may change the tree of its DER."""
    name = name.replace(' ', '_').replace('"', '')
    crt, key = f'{work}/{name}.pem', f'{work}/{name}-key.pem'
    csr, extfile = f'{work}/{name}.csr', f'{work}/{name}.ext'
    openssl('req', '-new', '-newkey', *newkey, '-nodes', '-keyout', key,
            '-out', csr, '-subj', subject)
    with open(extfile, 'w') as f:
        f.write(ids + ext)
    openssl('x509', '-req', '-in', csr, '-CA', ca[0], '-CAkey', ca[1],
            '-days', '2', '-out', crt, '-extfile', extfile)
    if edit is not None:
        resign(crt, ca[1], edit)
    return crt, key


def resign(crt, ca_key, edit):
    with open(crt) as f:
        tree = parse(ssl.PEM_cert_to_DER_cert(f.read()))[0]
    edit(tree[1][0])
    tbs = serialize(tree[1][0])
    signature = openssl('dgst', '-sha256', '-sign', ca_key, input=tbs)
    tree[1][2] = [0x03, b'\0' + signature]
    with open(crt, 'w') as f:
        f.write(ssl.DER_cert_to_PEM_cert(serialize(tree)))


def parse(data):
    """DER as a list of [tag, value]; a constructed value is such a list."""
    out = []
    while data:
        tag, length, at = data[0], data[1], 2
        if length & 0x80:
            at = 2 + (length & 0x7f)
            length = int.from_bytes(data[2:at], 'big')
        value = data[at:at + length]
        out.append([tag, parse(value) if tag & 0x20 else value])
        data = data[at + length:]
    return out


def serialize(node):
    tag, value = node
    if isinstance(value, list):
        value = b''.join(map(serialize, value))
    n = len(value)
    if n < 0x80:
        return bytes([tag, n]) + value
    length = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(length)]) + length + value


def with_name(value, tag=0x0c):
    """An edit: the one name of the subject is that, of that string type."""
    def edit(tbs):
        tbs[1][5][1][0][1][0][1][1] = [tag, value]
    return edit


def with_dates(begin, end):
    """An edit: the certificate holds from .. to, in seconds from now."""
    def moment(seconds):
        t = datetime.datetime.now(datetime.timezone.utc)
        t += datetime.timedelta(seconds=seconds)
        return [0x17, t.strftime('%y%m%d%H%M%SZ').encode()]

    def edit(tbs):
        tbs[1][4][1] = [moment(begin), moment(end)]
    return edit


def client_context(env, pair, alpn=('h2',)):
    """A client's side with that certificate."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.load_verify_locations(lab_ca(env)[0])
    ctx.load_cert_chain(*pair)
    ctx.set_alpn_protocols(list(alpn))
    return ctx
