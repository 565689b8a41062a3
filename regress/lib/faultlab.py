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

"""For the tests of faults: a lab instance, its jobs over gRPC, and what must
hold of it after every fault.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import grpc

import labtest

BUILD = os.environ['BUILD']
VM = os.environ.get('TELEHANDLER_VM') == '1'
THD = f'{BUILD}/sbin/thd'
LIMIT = 100
# Without a quota, for jobs that have much to do.
CLASSES = '''
class "free" {
	cpu quota unlimited
}
'''
made = None
pairs = None  # certificates: the first lab makes them for all


def stubs():
    """The stubs, generated once."""
    global made
    if made is None:
        folder = tempfile.TemporaryDirectory()
        made = labtest.stubs(folder.name) + (folder,)
    return made[:2]


def ok(good, name, *details):
    """One line of TAP; the details, on one line, if it is not good."""
    said = re.sub(r'stats \{[^}]*\}', '', ' '.join(str(d) for d in details))
    labtest.ok(good, name, ' '.join(said.split())[:1000])


def until(cond, limit=LIMIT):
    """Wait until the condition holds; whether it came to hold."""
    end = time.monotonic() + limit
    while not cond():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def text(path):
    """What is in a file of /proc or of a cgroup; '' if it is gone."""
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def children(pid):
    return [int(p) for p in text(f'/proc/{pid}/task/{pid}/children').split()]


def state_of(pid):
    """The letter of the process's state, '' if it is gone."""
    return text(f'/proc/{pid}/stat').rpartition(') ')[2][:1]


def exe(pid):
    try:
        return os.path.basename(os.readlink(f'/proc/{pid}/exe'))
    except OSError:
        return ''


def stat(st, name):
    """One of the kernel's numbers about a job, or None."""
    for s in st.stats:
        if s.name == name:
            return int(s.value)
    return None


class Lab:
    """An instance of its own below a folder of its own."""

    def __init__(self, conf='', up=True):
        self.work = tempfile.mkdtemp(prefix='th-fault.', dir='/var/lib')
        os.chmod(self.work, 0o755)
        self.dir = f'{self.work}/lab'
        # Where jobs see it (the build folder may be below /tmp), and on a
        # disk of the guest, which has the build folder from its host.
        self.badjob = shutil.copy(f'{BUILD}/e2e/badjob', self.work)
        self.ctl = shutil.copy(f'{BUILD}/bin/thctl', self.work)
        self.cleanups = []
        with open(f'{self.work}/conf', 'w', encoding='utf-8') as f:
            f.write(CLASSES + conf)
        self.pb, self.rpc = stubs()
        if up:
            self.up()

    def up(self):
        global pairs
        known = ['--certs', pairs.name] if pairs is not None else []
        self.env = labtest.lab('up', self.dir, '--conf', f'{self.work}/conf',
                               *known)
        if pairs is None:
            pairs = tempfile.TemporaryDirectory(dir='/var/lib')
            shutil.copytree(self.env['CERTDIR'], pairs.name,
                            dirs_exist_ok=True)
        self.local = f"unix:{self.env['SOCKET']}"
        self.sup = int(self.env['SUPERVISOR_PID'])
        self.channel = labtest.channel(self.env, 'tele-tester')
        self.stub = self.rpc.ForemanServiceStub(self.channel)
        self.settle()
        self.base = self.count()

    def at_end(self, fn):
        """Called when the daemon has ended, before its files are removed."""
        self.cleanups.append(fn)

    def close(self):
        self.channel.close()
        helpers = children(self.spawner() or 0)
        if exe(self.sup) == 'thd':
            os.kill(self.sup, signal.SIGTERM)
            until(lambda: exe(self.sup) == '')
        # None of a test that went wrong may hold a disk of ours.
        for pid in helpers:
            if exe(pid) == 'jobexec':
                os.kill(pid, signal.SIGKILL)
        for fn in reversed(self.cleanups):
            fn()
        labtest.lab('down', self.dir)
        shutil.rmtree(self.work)

    def log(self):
        return text(self.env['LOG'])

    # What a client does.

    def start(self, command, *args, **more):
        return self.stub.StartJob(self.pb.StartJobRequest(
            command=command, args=args, **more), timeout=LIMIT)

    def sh(self, script, *args, **more):
        return self.start('/bin/sh', '-c', script, *args, **more)

    def status(self, job):
        return self.stub.GetJobStatus(
            self.pb.GetJobStatusRequest(name=job.name), timeout=LIMIT)

    def wait(self, job, limit=LIMIT):
        return self.stub.WaitJob(self.pb.WaitJobRequest(name=job.name),
                                 timeout=limit)

    def stop(self, job, limit=LIMIT):
        """Stop it; how long that took, and its status."""
        t = time.monotonic()
        self.stub.StopJob(self.pb.StopJobRequest(name=job.name),
                          timeout=limit)
        return time.monotonic() - t, self.status(job)

    def refusal(self, call, *args, **more):
        """The error of a call that must fail, or None."""
        try:
            call(*args, **more)
        except grpc.RpcError as e:
            return e
        return None

    def watch(self, job, **more):
        return self.stub.WatchJobOutput(self.pb.WatchJobOutputRequest(
            name=job.name, **more), timeout=LIMIT)

    def output(self, job):
        return b''.join(m.data for m in self.watch(job))

    def said(self, job, what):
        """Wait until the output of the job begins with that."""
        return until(lambda: self.file(job).startswith(what))

    def file(self, job, name='output'):
        return labtest.read(f"{self.env['STATE']}/jobs/{job.uid}/{name}")

    def thctl(self, *args, local=None):
        """thctl on the local socket, as root."""
        return subprocess.run(
            [self.ctl, '--server', local or self.local, *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=LIMIT, check=False)

    # What the host sees of it.

    def cgroup(self, job):
        return f"{self.env['CGROUP']}/{job.uid}"

    def procs(self, job):
        return [int(p) for p in
                text(f'{self.cgroup(job)}/cgroup.procs').split()]

    def helper(self, job):
        """The jobexec of a job that runs: the parent of its pid 1."""
        for p in self.procs(job):
            parent = text(f'/proc/{p}/stat').rpartition(') ')[2].split()
            if parent and exe(int(parent[1])) == 'jobexec':
                return int(parent[1])
        return None

    def spawner(self):
        """The jobexec from which the others are forked, or None."""
        return next((p for p in children(self.sup) if exe(p) == 'jobexec'),
                    None)

    def spares(self):
        """The forked ones without a job yet, the next to get one first."""
        spawner = self.spawner()
        if spawner is None:
            return []
        return [p for p in children(spawner)
                if exe(p) == 'jobexec' and not children(p)]

    def count(self):
        # On a host, others mount what they like.
        mounts = [m for m in text(f'/proc/{self.sup}/mountinfo').splitlines()
                  if VM or self.work in m]
        return {'descriptors': len(os.listdir(f'/proc/{self.sup}/fd')),
                'mounts': len(mounts)}

    def settle(self):
        """Wait until only the frontend and the helpers in store are there."""
        return until(lambda: sorted(exe(p) for p in children(self.sup)) ==
                     ['frontend', 'jobexec'] and len(self.spares()) == 4 and
                     len(children(self.spawner())) == 4)

    def left(self):
        """What a fault has left behind; empty if nothing."""
        bad = []
        if not os.path.exists(f'/proc/{self.sup}/exe'):
            return ['the supervisor is gone']
        if not self.settle():
            pids = children(self.sup) + children(self.spawner() or 0)
            bad.append('children: ' + ' '.join(
                f'{p} {exe(p)} {state_of(p)}' for p in pids))
        if not until(lambda: self.count() == self.base, 5):
            bad.append(f'{self.base} before, now {self.count()}')
        groups = [d for d in os.listdir(self.env['CGROUP'])
                  if os.path.isdir(f"{self.env['CGROUP']}/{d}")]
        if groups:
            bad.append(f'cgroups: {groups}')
        return bad

    def post(self, group):
        """The invariants: nothing is left, and the next job runs."""
        bad = self.left()
        try:
            t = time.monotonic()
            job = self.start('/bin/echo', 'canary')
            if self.output(job) != b'canary\n':
                bad.append('the canary job said something else')
            if time.monotonic() - t > 15:
                bad.append(f'canary job: {time.monotonic() - t:.1f} s')
        except grpc.RpcError as e:
            bad.append(f'canary job: {e.code()} {e.details()}')
        ok(not bad, f'after {group}: nothing is left, a job runs', bad)
