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

"""Runs every command of EXAMPLES in thd(8) and thctl(8), in order, and compares
what it prints with what the page says. "..." in a page stands for anything
within a line.

This happens in mount, network and process namespaces of its own, with a copy
of /etc and empty places for thd's directories, so that the commands can be
taken from the pages as they are. $BUILD is the build folder.
"""

import fcntl
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import labtest  # noqa: E402
import mdoc  # noqa: E402

BUILD = os.path.abspath(os.environ['BUILD'])
PLACES = ['/var/lib/thd', '/run/thd']
CONTROLLERS = {'cpu', 'io', 'memory', 'pids'}
SECONDS = 120


def cgroup_mount():
    with open('/proc/self/mountinfo') as f:
        for line in f:
            if ' - cgroup2 ' in line:
                return line.split()[4]
    sys.exit('no cgroup v2 is mounted')


def outside():
    """Make what has to be there to be mounted on, and remove it again."""
    made = []
    with tempfile.TemporaryDirectory(dir='/var/lib') as work:
        os.chmod(work, 0o755)
        try:
            for place in PLACES:
                if not os.path.isdir(place):
                    os.mkdir(place)
                    made.append(place)
            r = subprocess.run(['unshare', '--mount', '--net', '--pid',
                                '--fork', '--kill-child', '--mount-proc',
                                sys.argv[0], work], timeout=5 * SECONDS)
        finally:
            for place in made:
                os.rmdir(place)
    sys.exit(r.returncode)


# ------------------------------------------------------------- a new machine

def mount(*args):
    subprocess.run(['mount', *args], check=True)


def loopback_up():
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 1))


def machine(work):
    """A host on which thd has just been installed."""
    mount('--make-rprivate', '/')
    shutil.copytree('/etc', f'{work}/etc', symlinks=True,
                    ignore_dangling_symlinks=True)
    mount('--bind', f'{work}/etc', '/etc')
    for n, place in enumerate(PLACES + ['/var/log']):
        os.mkdir(f'{work}/{n}', 0o755)
        mount('--bind', f'{work}/{n}', place)
    os.chmod('/var/lib/thd', 0o700)
    os.mkdir(f'{work}/home')
    loopback_up()
    os.environ['PATH'] = f'{BUILD}/bin:{BUILD}/sbin:{os.environ["PATH"]}'
    os.environ['HOME'] = f'{work}/home'
    for name in list(os.environ):
        if name.startswith(('THCTL_', 'XDG_')) or \
                name in ('NOTIFY_SOCKET', 'JOURNAL_STREAM'):
            del os.environ[name]
    shutil.rmtree('/etc/thd', ignore_errors=True)
    for account in ('_thfront', '_threlay', '_thjob'):
        subprocess.run(['userdel', account], stderr=subprocess.DEVNULL)
    os.mkdir('/etc/thd')
    shutil.copy(f'{labtest.TOP}/etc/thd.conf', '/etc/thd/thd.conf')
    os.chmod('/etc/thd/thd.conf', 0o644)
    with open(f'{cgroup_mount()}/cgroup.controllers') as f:
        if CONTROLLERS - set(f.read().split()):
            if os.environ.get('TELEHANDLER_VM') == '1':
                sys.exit('the virtual machine lacks controllers')
            with open('/etc/thd/thd.conf', 'a') as conf:
                conf.write('limits best-effort\n')


def all_gone():
    """Wait for every other process here; their exit statuses, by name."""
    def late(*_):
        raise TimeoutError('processes are left')
    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    out = []
    try:
        while True:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            with open(f'/proc/{info.si_pid}/comm') as f:
                name = f.read().strip()
            status = os.waitpid(info.si_pid, 0)[1]
            out.append((name, os.waitstatus_to_exitcode(status)))
    except ChildProcessError:
        return out
    finally:
        signal.alarm(0)


# ------------------------------------------------------------ the transcripts

def run_all(work, commands):
    """Run them in one shell; [(exit status, what was printed), ...]."""
    script = ''.join(
        f'{{\n{command}\n}} >{work}/{n}.out 2>&1\necho $? >{work}/{n}.rc\n'
        for n, (command, _) in enumerate(commands))
    subprocess.run(['bash', '-c', script], stdin=subprocess.DEVNULL,
                   cwd='/', timeout=SECONDS)
    out = []
    for n in range(len(commands)):
        try:
            out.append((int(labtest.read(f'{work}/{n}.rc')),
                        labtest.read(f'{work}/{n}.out').decode()))
        except FileNotFoundError:
            out.append((-1, 'the shell did not come to it'))
    return out


def like(lines, text):
    """Is that what the page shows? But for what a poor host adds to it."""
    text = re.sub(r'(?m)^thd: limits best-effort: .*\n', '', text)
    want = ''.join(line + '\n' for line in lines)
    return re.fullmatch('.*'.join(map(re.escape, want.split('...'))), text)


def compare(name, lines, work):
    commands = mdoc.commands(mdoc.section(lines, 'EXAMPLES'))
    labtest.ok(len(commands) > 4, f'{name}: has examples')
    for (command, want), (rc, got) in zip(commands, run_all(work, commands)):
        shown = command.replace('#', '\\#').split('\n')[0]
        labtest.ok(rc == 0 and like(want, got), f'{name}: {shown}',
                   f'exit status {rc}, printed: {got!r}, page: {want!r}')


def stop_thd():
    with open('/run/thd/thd.pid') as f:
        os.kill(int(f.read()), signal.SIGTERM)
    return dict(all_gone())


def relative_file(work):
    """A relative -f means the same file at a reload."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(f'{work}/notify')
        env = dict(os.environ, NOTIFY_SOCKET=f'{work}/notify')
        subprocess.run(['thd', '-f', 'thd.conf'], cwd='/etc/thd', env=env,
                       stderr=subprocess.DEVNULL, timeout=SECONDS, check=True)
        with open('/run/thd/thd.pid') as f:
            os.kill(int(f.read()), signal.SIGHUP)
        said = []
        while said.count('READY=1') < 2:
            if not select.select([s], [], [], SECONDS)[0]:
                break
            said += s.recv(4096).decode().split('\n')
    labtest.ok('RELOADING=1' in said and said[-1] == 'STATUS=ready',
               'thd -f with a relative name can be reloaded', str(said))
    hidden = subprocess.run(['thctl', 'run', 'ls', '/etc/thd'],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    labtest.ok(hidden.returncode != 0 or hidden.stdout == '',
               'and its directory is hidden from jobs', hidden.stdout)


def inside(work):
    machine(work)
    compare('thd(8)', mdoc.page('thd.8'), work)
    labtest.ok(dict(all_gone()).get('thd') == 0,
               'thd ends with exit status 0, and with it all others')
    subprocess.run(['thd'], stderr=subprocess.DEVNULL, timeout=SECONDS,
                   check=True)
    compare('thctl(8)', mdoc.page('thctl.8'), work)
    stop_thd()
    shutil.rmtree(f'{work}/home')
    relative_file(work)
    stop_thd()
    if os.path.isdir(f'{cgroup_mount()}/thd'):
        os.rmdir(f'{cgroup_mount()}/thd')
    labtest.finish()


if os.geteuid() != 0:
    sys.exit('must be run by root')
if len(sys.argv) == 1:
    outside()
inside(sys.argv[1])
