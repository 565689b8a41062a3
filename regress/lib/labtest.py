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

"""For tests and benchmarks in Python: TAP lines, a lab instance, and the gRPC
stubs, generated from the .proto that is shipped.
"""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROTO = 'drrev/telehandler/foreman/v1alpha1/telehandler.proto'

count = 0
failed = 0


def ok(good, name, detail=''):
    """One line of TAP; the detail is shown if it is not good."""
    global count, failed
    count += 1
    if not good:
        failed += 1
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)
    if not good and detail != '':
        print(f'# {detail}', flush=True)


def skip(name, why):
    """A test that cannot be made on this host."""
    global count
    count += 1
    print(f'ok {count} - {name} # SKIP {why}', flush=True)


def ok_bytes(good, name, detail=''):
    """ok() for a measurement of memory: with sanitizers it is another."""
    if 'SANITIZED' in os.environ:
        skip(name, 'memory is not measured with sanitizers')
    else:
        ok(good, name, detail)


def finish():
    """The plan, and the end with the right exit status."""
    print(f'1..{count}')
    sys.exit(1 if failed else 0)


def lab(*args):
    """Run regress/lab; what it prints as a dictionary."""
    out = subprocess.run([f'{TOP}/regress/lab', *args], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split('=', 1) for line in out.splitlines())


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def stubs(work):
    """Generate the stubs below the folder: the modules of messages, calls."""
    import grpc_tools
    from grpc_tools import protoc
    wkt = os.path.join(os.path.dirname(grpc_tools.__file__), '_proto')
    if protoc.main(['protoc', f'-I{TOP}/proto', f'-I{wkt}',
                    f'--python_out={work}', f'--grpc_python_out={work}',
                    PROTO]) != 0:
        sys.exit('protoc failed')
    sys.path.insert(0, work)
    from drrev.telehandler.foreman.v1alpha1 import telehandler_pb2 as pb
    from drrev.telehandler.foreman.v1alpha1 import telehandler_pb2_grpc as rpc
    return pb, rpc


def channel(env, name):
    """A channel of grpcio with the certificate of that name."""
    import grpc
    certs = env['CERTDIR']
    creds = grpc.ssl_channel_credentials(
        read(f'{certs}/ca.pem'), read(f'{certs}/{name}-key.pem'),
        read(f'{certs}/{name}.pem'))
    return grpc.secure_channel(f"{env['ADDRESS']}:{env['PORT']}", creds)
