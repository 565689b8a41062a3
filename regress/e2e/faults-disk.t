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


"""The disk below jobs full, out of inodes or not to be written; the daemon's
directories in the wrong hands. Nothing is lost, and it says what is wrong.
"""

import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from faultlab import LIMIT, THD, Lab, ok, text, until  # noqa: E402
from labtest import finish  # noqa: E402

import grpc  # noqa: E402

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def remount(state, *options):
    run('mount', '-o', 'remount,' + ','.join(options), state)


def small_lab(options, image=None):
    """A lab whose state directory is a small file system."""
    lab = Lab(up=False)
    state = f'{lab.dir}/state'
    os.makedirs(state, 0o700)
    if image is None:
        run('mount', '-t', 'tmpfs', '-o', f'mode=700,{options}', 'none', state)
    else:
        path = f'{lab.work}/image'
        with open(path, 'wb') as f:
            f.truncate(8 << 20)
        run('mkfs.ext4', '-q', '-m', '0', *image, path)
        run('mount', '-o', f'loop,{options}', path, state)
        os.chmod(state, 0o700)
    lab.at_end(lambda: run('umount', '-l', state))
    lab.up()
    return lab, state


def fill(state):
    """Take all the room that is left."""
    with open(f'{state}/ballast', 'ab', buffering=0) as f:
        for size in 65536, 1:
            try:
                while f.write(bytes(size)):
                    pass
            except OSError:
                pass


# ------------------------------------------------------------- a full disk

def test_full(lab, state, more):
    """Two jobs on a disk that is too small; more makes room."""
    size = 3 << 20
    gate = f'{lab.work}/gate'
    jobs = [lab.sh('while [ ! -e "$0" ]; do sleep 0.05; done; '
                   'exec "$1" bytes "$2"', gate, lab.badjob, str(size),
                   **{'class': 'free'}) for _ in range(2)]
    with open(gate, 'w', encoding='utf-8'):
        pass
    waits = ' output, the job waits: No space left on device'
    said = until(lambda: all(f'{j.uid}:{waits}' in lab.log() for j in jobs))
    ok(said, 'a full disk makes the jobs on it wait, and the log says which',
       lab.log()[-600:])
    before = [lab.status(j) for j in jobs]
    ok(all(st.state == lab.pb.JOB_STATE_RUNNING and st.waiting_for_disk
           for st in before) and
       'waiting_for_disk' in lab.thctl('status', jobs[0].uid).stdout,
       'and so does their status', *before)
    e = None

    def refused():
        # A write that found no room for itself may have left some.
        nonlocal e
        fill(state)
        e = lab.refusal(lab.start, '/bin/true')
        return e is not None
    until(refused)
    ok(e is not None and e.code() == EXHAUSTED and
       'No space left on device' in e.details(),
       'a start is refused, before anything is executed',
       e and f'{e.code()} {e.details()}')
    seen = []
    t = threading.Thread(target=lambda: seen.append(lab.output(jobs[0])))
    t.start()
    more()
    ends = [lab.wait(j) for j in jobs]
    t.join(LIMIT)
    with subprocess.Popen([lab.badjob, 'bytes', str(size)],
                          stdout=subprocess.PIPE) as p:
        want = p.stdout.read()
    ok(all(st.state == lab.pb.JOB_STATE_COMPLETED and
           st.output_size == size for st in ends) and
       seen == [want] and lab.file(jobs[1]) == want,
       'with room they go on by themselves, and nothing is lost', *ends)
    ok('there is room again' in lab.log() and
       not any(st.waiting_for_disk for st in ends), 'which is said, too')
    lab.post('a full disk')


def test_tmpfs():
    lab, state = small_lab('size=2m')
    try:
        test_full(lab, state, lambda: remount(state, 'size=64m'))
        os.unlink(f'{state}/ballast')
        test_stop_full(lab, state)
        test_inodes(lab, state)
    finally:
        lab.close()


def test_ext4():
    lab, state = small_lab('noatime', ['-N', '256'])
    try:
        ballast = f'{state}/ballast'
        with open(ballast, 'wb') as f:
            st = os.statvfs(state)
            os.posix_fallocate(f.fileno(), 0,
                               st.f_bavail * st.f_bsize - (2 << 20))
        test_full(lab, state, lambda: os.unlink(ballast))
    finally:
        lab.close()


def test_stop_full(lab, state):
    """A stop ends the processes; the rest of the output waits for room."""
    fill(state)
    with open(f'{state}/ballast', 'r+b') as f:
        f.truncate(os.fstat(f.fileno()).st_size - 65536)
    job = lab.start(lab.badjob, 'bytes', '3000000', **{'class': 'free'})
    until(lambda: lab.status(job).waiting_for_disk)
    answers = []
    t = threading.Thread(target=lambda: answers.append(lab.stop(job)))
    t.start()
    gone = until(lambda: not lab.procs(job))
    st = lab.status(job)
    ok(gone and st.stopping, 'a stop on a full disk ends the processes', st)
    os.unlink(f'{state}/ballast')
    t.join(LIMIT)
    ok(len(answers) == 1 and
       answers[0][1].state == lab.pb.JOB_STATE_STOPPED and
       answers[0][1].output_size >= 1 << 20,
       'and is answered when what they had written is in the file', answers)
    lab.post('a stop on a full disk')


def test_inodes(lab, state):
    remount(state, f'nr_inodes={os.statvfs(state).f_files - inodes(state)+2}')
    e = lab.refusal(lab.start, '/bin/true')
    jobs = len(os.listdir(f'{state}/jobs'))
    again = lab.refusal(lab.start, '/bin/true')
    ok(e is not None and e.code() == EXHAUSTED and
       'No space left on device' in e.details() and again is not None and
       jobs == len(os.listdir(f'{state}/jobs')),
       'without inodes a start is refused, and leaves nothing',
       e and f'{e.code()} {e.details()}')
    remount(state, 'nr_inodes=100000')
    lab.post('an end of inodes')


def inodes(state):
    return os.statvfs(state).f_ffree


# ------------------------------------------------------- wrong directories

class Refusals:
    """thd on a configuration that must not come up."""

    def __init__(self, lab):
        self.lab = lab
        self.conf = text(lab.env['CONF'])
        self.n = 0

    def thd(self, state=None, run_dir=None):
        """Start it; what it says, and its exit status."""
        self.n += 1
        d = f'{self.lab.work}/other{self.n}'
        os.mkdir(d)
        conf = self.conf
        for old, new in ((f'{self.lab.dir}/state', state or f'{d}/state'),
                         (f'{self.lab.dir}/run', run_dir or f'{d}/run')):
            conf = conf.replace(f'"{old}"', f'"{new}"')
        conf = '\n'.join(line if not line.startswith('listen') else
                         'listen on 127.0.0.1 port 1'
                         for line in conf.splitlines())
        path = f'{d}/thd.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(conf + '\n')
        return subprocess.run([THD, '-d', '-f', path], timeout=LIMIT,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, text=True)

    def check(self, name, want, **where):
        r = self.thd(**where)
        ok(r.returncode == 1 and want in r.stdout and
           r.stdout.count('\n') == 1, f'refused: {name}', r)


def test_directories():
    lab = Lab()
    try:
        check_directories(lab, Refusals(lab))
        lab.post('wrong directories')
    finally:
        lab.close()


def make(path, mode, uid=0):
    os.mkdir(path)
    os.chmod(path, mode)
    os.chown(path, uid, uid)
    return path


def check_directories(lab, r):
    job = lab.sh('sleep 1000')
    r.check('a second thd on the same state directory',
            'another thd runs on this state directory',
            state=f'{lab.dir}/state')
    ok(lab.status(job).state == lab.pb.JOB_STATE_RUNNING and
       text(f"{lab.dir}/run/thd.pid") == f'{lab.sup}\n',
       'and the first is unharmed')
    lab.stop(job)
    w = lab.work
    private = 'must belong to root and be closed to others'
    ours = "must be a directory of root's that nobody else may write to"
    for what, mode, uid in ((' of another owner', 0o700, 65534),
                            (' open to its group', 0o750, 0)):
        r.check('a state directory' + what, private,
                state=make(f'{w}/s{mode}', mode, uid))
    os.mkdir(f'{w}/jobs', 0o700)
    make(f'{w}/jobs/jobs', 0o755)
    r.check('jobs below it open to all', private, state=f'{w}/jobs')
    for what, mode, uid in ((' of another owner', 0o755, 65534),
                            (' that all may write to', 0o777, 0)):
        r.check('a run directory' + what, ours,
                run_dir=make(f'{w}/r{mode}', mode, uid))
    os.mkdir(f'{w}/real', 0o700)
    os.symlink('real', f'{w}/link')
    r.check('a state directory that is a link', 'is a symbolic link',
            state=f'{w}/link')
    r.check('a run directory that is a link', ours, run_dir=f'{w}/link')
    with open(f'{w}/file', 'w', encoding='utf-8'):
        pass
    r.check('a state directory that is a file', 'Not a directory',
            state=f'{w}/file')
    os.mkdir(f'{w}/ro', 0o700)
    run('mount', '-t', 'tmpfs', '-o', 'ro,mode=700', 'none', f'{w}/ro')
    r.check('a state directory that cannot be written to',
            'Read-only file system', state=f'{w}/ro')
    r.check('a run directory that cannot be written to',
            'Read-only file system', run_dir=f'{w}/ro')
    run('umount', f'{w}/ro')
    os.symlink('/etc/passwd', f'{w}/real/lock')
    r.check('a lock that is a link', 'lock: Too many levels of symbolic links',
            state=f'{w}/real')
    ok(os.path.exists(f'/proc/{lab.sup}'), 'and the first still runs')


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    test_tmpfs()
    test_ext4()
    test_directories()
    finish()


main()
