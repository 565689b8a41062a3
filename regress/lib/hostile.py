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


"""Stand-ins for the supervisor's children, driven from a test.

A thd whose compiled-in folder is /var/lib/th-hostile starts standin.c instead
of each helper. It hands its channel to the test and waits: the test speaks for
it, or lets it become the real program. So the supervisor is exactly the one
that is shipped, and the fault comes from outside.
"""

import array
import fcntl
import os
import queue
import select
import shutil
import socket
import struct
import sys
import termios
import threading
import time

HOME = '/var/lib/th-hostile'
LIMIT = 30  # seconds for whatever should come at once
IMSG_MAX = 160 * 1024

TYPES = '''NONE SETUP SETUP_DONE LOG CFG_BEGIN CFG_LISTEN CFG_CERT CFG_KEY
CFG_CA CFG_END CFG_ACK CFG_COMMIT CFG_ABORT PEER_UP PEER_ACK PEER_LOCAL
PEER_DOWN JOB_START JOB_STOP JOB_STATUS JOB_WAIT JOB_OUTPUT REQ_CANCEL RESULT
JOB_STARTED JOB_INFO OUT_OPEN OUT_SHARE OUT_EOF OUT_CLOSE EXEC_JOB EXEC_GO
EXEC_STARTED EXEC_FAILED EXEC_EXIT EXEC_WATCH'''.split()
T = {name: number for number, name in enumerate(TYPES)}


def u8(n):
    return struct.pack('=B', n)


def u32(n):
    return struct.pack('=I', n)


def u64(n):
    return struct.pack('=Q', n)


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return u32(len(s)) + s + b'\0'


def raw(b):
    return u32(len(b)) + b


def until(condition, seconds=LIMIT):
    """Wait for what nothing announces. The last answer."""
    end = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


class Child:
    """One stand-in: its channel and its life line."""

    def __init__(self, name, ctl, chan):
        self.name = name
        self.ctl = ctl
        self.chan = chan
        self.chan.setblocking(True)
        self.generation = 0
        self.worker = None

    def datagram(self, data, fds=()):
        """Whatever the bytes are. Waits if the socket is full."""
        rights = []
        if fds:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                       array.array('i', fds))]
        self.chan.sendmsg([data], rights)

    def send(self, kind, payload=b'', fds=(), ident=0):
        number = T[kind] if isinstance(kind, str) else kind
        self.datagram(struct.pack('=HHII', number, 0, 12 + len(payload),
                                  ident) + payload, fds)

    def recv(self, seconds=LIMIT):
        """(type, id, payload, descriptors); type None at end of file."""
        if not select.select([self.chan], [], [], seconds)[0]:
            raise TimeoutError(f'nothing came within {seconds} s')
        try:
            data, fds, _, _ = socket.recv_fds(self.chan, IMSG_MAX, 8,
                                              socket.MSG_DONTWAIT)
        except ConnectionResetError:
            data, fds = b'', []
        if not data:
            return None, 0, b'', []
        number, _, _, ident = struct.unpack('=HHII', data[:12])
        return TYPES[number], ident, data[12:], fds

    def unread(self):
        """Bytes of all messages that wait to be received."""
        buf = bytearray(4)
        fcntl.ioctl(self.chan, termios.FIONREAD, buf)
        return int.from_bytes(buf, sys.byteorder)

    def expect(self, kind, seconds=LIMIT):
        """The next message of that type; others are dropped."""
        while True:
            got = self.recv(seconds)
            if got[0] == kind:
                return got
            for fd in got[3]:
                os.close(fd)
            if got[0] is None:
                raise RuntimeError(f'end of file, not {kind}')

    def setup(self, version=1):
        """As the real one: answer SETUP, take the configuration."""
        self.expect('SETUP')
        self.send('SETUP_DONE', u32(version))

    def configure(self):
        _, _, payload, _ = self.expect('CFG_END')
        self.generation, = struct.unpack('=I', payload)
        self.send('CFG_ACK', u32(self.generation) + u8(1) + text(''))
        self.expect('CFG_COMMIT')

    def peer(self, conn, identity='tele-tester'):
        self.send('PEER_UP', u64(conn) + text(identity) + raw(bytes(32)) +
                  u64(4102444800))

    def gone(self, seconds=LIMIT):
        """Has its process ended, or does it within that time?"""
        ready, _, _ = select.select([self.ctl], [], [], seconds)
        if not ready:
            return False
        try:
            return self.ctl.recv(1) == b''
        except ConnectionResetError:
            return True

    def close(self):
        """Let it end by itself."""
        self.chan.close()
        self.ctl.close()

    def become(self, path):
        self.ctl.send(path.encode())
        self.close()


# What a jobexec says.

def started(c, count=1, fd=None):
    pidfd = os.pidfd_open(os.getpid()) if fd is None else fd
    for _ in range(count):
        c.send('EXEC_STARTED', u8(0), [pidfd])
    os.close(pidfd)


def exited(c):
    c.send('EXEC_EXIT', u32(0) + u8(0) + u64(1) + u64(0) + u64(0) + u64(0) +
           u64(0))


def failed(c):
    c.send('EXEC_FAILED', u8(12) + u32(2) + text('/bin/nothing'))


def many(c):
    fd = os.open('/dev/null', os.O_RDWR)
    c.send('EXEC_STARTED', u8(0), [fd] * 253)
    os.close(fd)


class Nursery:
    """Takes stand-ins in. plan(name, worker) says what becomes of one:
    'real', 'live' (set up and configured, then kept) or 'new' (kept)."""

    def __init__(self, build, plan):
        self.plan = plan
        self.real = f'{build}/libexec/thd'
        self.kept = {}
        self.lock = threading.Lock()
        os.mkdir(HOME, 0o755)
        for name in ('frontend', 'jobexec'):
            shutil.copy(f'{build}/e2e/standin', f'{HOME}/{name}')
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.bind(f'{HOME}/control')
        self.sock.listen(128)
        threading.Thread(target=self.run, daemon=True).start()

    def queue(self, key):
        with self.lock:
            return self.kept.setdefault(key, queue.Queue())

    def get(self, key, seconds=LIMIT):
        """The next one that is kept: 'jobexec' or a worker's number."""
        return self.queue(key).get(timeout=seconds)

    def take_in(self, ctl):
        name, fds, _, _ = socket.recv_fds(ctl, 64, 1)
        child = Child(name.decode(), ctl, socket.socket(fileno=fds[0]))
        key = 'jobexec'
        if child.name == 'frontend':
            data = child.chan.recv(4096, socket.MSG_PEEK)
            child.worker, = struct.unpack('=I', data[-5:-1])
            key = child.worker
        what = self.plan(child.name, child.worker)
        if what == 'real':
            child.become(f'{self.real}/{child.name}')
            return
        if what == 'live':
            child.setup()
            child.configure()
        self.queue(key).put(child)

    def run(self):
        while True:
            ctl, _ = self.sock.accept()
            threading.Thread(target=self.take_in, args=(ctl,),
                             daemon=True).start()

    def end(self):
        self.sock.close()
        for name in os.listdir(HOME):
            os.unlink(f'{HOME}/{name}')
        os.rmdir(HOME)
