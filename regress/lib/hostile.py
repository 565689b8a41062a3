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
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

HOME = '/var/lib/th-hostile'
LIMIT = 30  # seconds for whatever should come at once
IMSG_MAX = 160 * 1024

HERE = os.path.dirname(os.path.abspath(__file__))
with open(f'{HERE}/../../common/msg.h') as header:
    PROTOCOL = header.read()
VERSION = int(re.search(r'#define MSG_VERSION (\d+)', PROTOCOL)[1])
TYPES = re.findall(r'\bMSG_(\w+)', re.search(
    r'enum msg_type \{(.*?)\};', PROTOCOL, re.S)[1])
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
    """One stand-in: its channel and its life line. A jobexec that was forked
    has no process before it says that it is there, and then any will do."""

    def __init__(self, name, ctl, chan, nursery):
        self.name = name
        self.nursery = nursery
        self.inbox = []
        self.process = None
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
        if self.inbox:
            return self.inbox.pop(0)
        if not select.select([self.chan], [], [], seconds)[0]:
            raise TimeoutError(f'nothing came within {seconds} s')
        try:
            data, fds, _, _ = socket.recv_fds(self.chan, IMSG_MAX, 8,
                                              socket.MSG_DONTWAIT)
        except ConnectionResetError:
            data, fds = b'', []
        if not data:
            return None, 0, b'', []
        # Several without descriptors may come together.
        while data:
            number, _, length, ident = struct.unpack('=HHII', data[:12])
            self.inbox.append((TYPES[number], ident, data[12:length], fds))
            data, fds = data[length:], []
        return self.inbox.pop(0)

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

    def setup(self):
        """As the real one: answer SETUP. What it said."""
        payload = self.expect('SETUP')[2]
        self.send('SETUP_DONE', u32(VERSION))
        return payload

    def ready(self):
        """As a jobexec that was forked: there is a process."""
        if self.process is None:
            self.process = subprocess.Popen(['/bin/sleep', '1000'])
        fd = os.pidfd_open(self.process.pid)
        self.send('EXEC_READY', u8(0), [fd])
        os.close(fd)

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
        if self.process is not None:
            try:
                self.process.wait(seconds)
                return True
            except subprocess.TimeoutExpired:
                return False
        line = self.ctl or self.chan
        try:
            while select.select([line], [], [], seconds)[0]:
                if line.recv(4096) == b'':
                    return True
        except ConnectionResetError:
            return True
        return False

    def close(self):
        """Let it end by itself."""
        self.chan.close()
        if self.ctl is not None:
            self.ctl.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def become(self, path):
        if self.ctl is None:
            self.nursery.real_spawner().send('EXEC_FORK', u8(0),
                                             [self.chan.fileno()])
        else:
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
    'real', 'live' (set up and configured, then kept) or 'new' (kept). The
    jobexec that thd starts is always one of ours, and plan('jobexec') is
    asked about each that it is to fork."""

    def __init__(self, build, plan):
        self.plan = plan
        self.real = f'{build}/libexec/thd'
        self.kept = {}
        self.real_one = None  # a jobexec of ours that forks real ones
        self.setup = None  # what thd said to its first
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
        """The next one that is kept: 'jobexec', 'spawner', a worker's
        number."""
        return self.queue(key).get(timeout=seconds)

    def real_spawner(self):
        """A real jobexec, set up as thd does it, to have others forked."""
        with self.lock:
            if self.real_one is None:
                ours, its = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
                os.set_inheritable(its.fileno(), True)
                # Descriptor 3 is its channel.
                subprocess.Popen(
                    ['/bin/bash', '-c',
                     f'exec 3<&{its.fileno()} {its.fileno()}<&- '
                     f'</dev/null; exec "{self.real}/jobexec"'],
                    pass_fds=[its.fileno()])
                its.close()
                self.real_one = Child('jobexec', None, ours, self)
                self.real_one.send('SETUP', self.setup)
                self.real_one.expect('SETUP_DONE')
            return self.real_one

    def fork(self, spawner):
        """What the first jobexec does: another one for each EXEC_FORK."""
        self.setup = spawner.setup()
        self.queue('spawner').put(spawner)
        while True:
            try:
                got = spawner.recv(1e6)
            except (OSError, ValueError):
                return
            if got[0] is None:
                spawner.close()
                return
            if got[0] != 'EXEC_FORK':
                continue
            child = Child('jobexec', None, socket.socket(fileno=got[3][0]),
                          self)
            if self.plan('jobexec', None) == 'real':
                child.become(None)
            else:
                self.queue('jobexec').put(child)

    def take_in(self, ctl):
        name, fds, _, _ = socket.recv_fds(ctl, 64, 1)
        child = Child(name.decode(), ctl, socket.socket(fileno=fds[0]), self)
        if child.name == 'jobexec':
            self.fork(child)
            return
        data = child.chan.recv(4096, socket.MSG_PEEK)
        child.worker, = struct.unpack('=I', data[-5:-1])
        what = self.plan(child.name, child.worker)
        if what == 'real':
            child.become(f'{self.real}/{child.name}')
            return
        if what == 'live':
            child.setup()
            child.configure()
        self.queue(child.worker).put(child)

    def run(self):
        while True:
            ctl, _ = self.sock.accept()
            threading.Thread(target=self.take_in, args=(ctl,),
                             daemon=True).start()

    def end(self):
        if self.real_one is not None:
            self.real_one.close()
        self.sock.close()
        for name in os.listdir(HOME):
            os.unlink(f'{HOME}/{name}')
        os.rmdir(HOME)
