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

"""The methods, driven by grpcio over mutual TLS against a lab instance.

The stubs are generated here, from the .proto that is shipped. Speaks TAP.
BUILD is the build folder.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import uuid

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from labtest import channel, finish, lab, ok, read, stubs  # noqa: E402

LIMIT = 60

def refused(code, name, call, *args):
    try:
        call(*args, timeout=LIMIT)
        ok(False, name, 'it was accepted')
    except grpc.RpcError as e:
        ok(e.code() == code, name, f'{e.code()} {e.details()}')


def sh(pb, script, **more):
    return pb.StartJobRequest(command='/bin/sh', args=['-c', script], **more)


def watch(stub, pb, name, **more):
    """All bytes, and the last message."""
    data, last = b'', None
    for m in stub.WatchJobOutput(pb.WatchJobOutputRequest(name=name, **more),
                                 timeout=LIMIT):
        data += m.data
        last = m
    return data, last


def test_happy_path(pb, stub):
    job = stub.StartJob(sh(pb, 'echo out; echo err >&2'), timeout=LIMIT)
    ok(job.state == pb.JOB_STATE_RUNNING, 'StartJob answers RUNNING')
    ok(job.name == f'users/tele-tester/jobs/{job.uid}' and
       uuid.UUID(job.uid).version == 4, 'name and uid', job)
    data, last = watch(stub, pb, job.name)
    ok(data == b'out\nerr\n', 'output of both streams', data)
    ok(last.end and last.total == 8 and last.exit_code == 0 and
       last.state == pb.JOB_STATE_COMPLETED, 'the last message', last)
    st = stub.GetJobStatus(pb.GetJobStatusRequest(name=job.name),
                           timeout=LIMIT)
    ok(st.state == pb.JOB_STATE_COMPLETED and st.exit_code == 0 and
       st.reason == 'exited' and st.owner == 'tele-tester',
       'state COMPLETED', st)
    ok(st.start_time.seconds > 0 and
       st.end_time.ToNanoseconds() >= st.start_time.ToNanoseconds(), 'times')
    again, _ = watch(stub, pb, job.name)
    ok(again == data, 'a second reading is identical')
    tail, _ = watch(stub, pb, job.name, start_offset=4)
    ok(tail == b'err\n', 'from an offset', tail)


def test_ends(pb, stub):
    job = stub.StartJob(sh(pb, 'exit 3'), timeout=LIMIT)
    st = stub.WaitJob(pb.WaitJobRequest(name=job.name), timeout=LIMIT)
    ok(st.state == pb.JOB_STATE_FAILED and st.exit_code == 3,
       'WaitJob: exit 3 is FAILED', st)
    job = stub.StartJob(sh(pb, 'kill -TERM $$'), timeout=LIMIT)
    st = stub.WaitJob(pb.WaitJobRequest(name=job.name), timeout=LIMIT)
    ok(st.state == pb.JOB_STATE_FAILED and st.exit_code == 143 and
       st.term_signal == 15 and st.reason == 'signal', 'death by signal', st)


def test_stop(pb, stub):
    job = stub.StartJob(sh(pb, "trap '' TERM; setsid sleep 1000 & "
                           'while :; do sleep 1; done',
                           stop_grace={'nanos': 100000000}), timeout=LIMIT)
    st = stub.GetJobStatus(pb.GetJobStatusRequest(name=job.name),
                           timeout=LIMIT)
    ok(st.state == pb.JOB_STATE_RUNNING, 'state RUNNING')
    stub.StopJob(pb.StopJobRequest(name=job.name), timeout=LIMIT)
    st = stub.GetJobStatus(pb.GetJobStatusRequest(name=job.name),
                           timeout=LIMIT)
    ok(st.state == pb.JOB_STATE_STOPPED and st.stopped_by == 'tele-tester',
       'state STOPPED when StopJob has answered', st)
    stub.StopJob(pb.StopJobRequest(name=job.name), timeout=LIMIT)
    ok(True, 'stopping it again succeeds')


def test_watchers(pb, stub, env):
    size = 5 * 1024 * 1024
    job = stub.StartJob(sh(pb, f'head -c {size} /dev/urandom'), timeout=LIMIT)
    sums, errors = [], []

    def one():
        try:
            with channel(env, 'tele-tester') as ch:
                data, last = watch(rpc.ForemanServiceStub(ch), pb, job.name)
                sums.append((len(data), last.end,
                             hashlib.sha256(data).hexdigest()))
        except grpc.RpcError as e:
            errors.append(e)
    # One that never reads must cost the others nothing.
    stalled = stub.WatchJobOutput(pb.WatchJobOutputRequest(name=job.name))
    threads = [threading.Thread(target=one) for _ in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(LIMIT)
    stalled.cancel()
    disk = hashlib.sha256(read(
        f"{env['STATE']}/jobs/{job.uid}/output")).hexdigest()
    ok(not errors and len(sums) == 5 and
       all(s == (size, True, disk) for s in sums),
       'five watchers of 5 MiB get the same bytes, one stalls',
       f'{errors} {sums}')


def test_follow(pb, stub):
    job = stub.StartJob(sh(pb, "trap 'echo two; exit 0' TERM; echo one; "
                           'while :; do sleep 0.1; done'), timeout=LIMIT)
    it = iter(stub.WatchJobOutput(pb.WatchJobOutputRequest(name=job.name),
                                  timeout=LIMIT))
    first = next(it)
    st = stub.GetJobStatus(pb.GetJobStatusRequest(name=job.name),
                           timeout=LIMIT)
    ok(first.data == b'one\n' and st.state == pb.JOB_STATE_RUNNING,
       'output comes while the job runs')
    stub.StopJob(pb.StopJobRequest(name=job.name), timeout=LIMIT)
    rest = b''.join(m.data for m in it)
    ok(rest == b'two\n', 'and is followed to the end', rest)


def test_refusals(pb, stub, env):
    missing = f'users/tele-tester/jobs/{uuid.uuid4()}'
    status = stub.GetJobStatus

    def ask(name):
        return pb.GetJobStatusRequest(name=name)
    code = grpc.StatusCode
    refused(code.NOT_FOUND, 'own name without a job', status, ask(missing))
    refused(code.NOT_FOUND, 'any owner, no such job', status,
            ask(f'users/-/jobs/{uuid.uuid4()}'))
    refused(code.INVALID_ARGUMENT, 'malformed name', status, ask('nonsense'))
    refused(code.INVALID_ARGUMENT, 'empty name', status, ask(''))
    refused(code.INVALID_ARGUMENT, 'empty command', stub.StartJob,
            pb.StartJobRequest())
    refused(code.INVALID_ARGUMENT, 'NUL in an argument', stub.StartJob,
            pb.StartJobRequest(command='/bin/echo', args=['a\0b']))
    refused(code.RESOURCE_EXHAUSTED, '100 000 arguments', stub.StartJob,
            pb.StartJobRequest(command='/bin/echo', args=['x'] * 100000))
    refused(code.FAILED_PRECONDITION, 'a program that does not exist',
            stub.StartJob, pb.StartJobRequest(command='/no/such'))
    refused(code.PERMISSION_DENIED, "another user's parent", stub.StartJob,
            sh(pb, 'true', parent='users/bob'))
    job = stub.StartJob(sh(pb, 'sleep 100'), timeout=LIMIT)
    with channel(env, 'bob') as ch:
        bob = rpc.ForemanServiceStub(ch)
        refused(code.PERMISSION_DENIED, "another user's job by its name",
                bob.GetJobStatus, ask(job.name))
        refused(code.PERMISSION_DENIED, "a missing job of another user",
                bob.GetJobStatus, ask(missing))
        refused(code.NOT_FOUND, "another user's job by users/-",
                bob.GetJobStatus, ask(f'users/-/jobs/{job.uid}'))
        refused(code.NOT_FOUND, "stopping another user's job", bob.StopJob,
                pb.StopJobRequest(name=f'users/-/jobs/{job.uid}'))
    with channel(env, 'admin') as ch:
        admin = rpc.ForemanServiceStub(ch)
        st = admin.GetJobStatus(ask(job.name), timeout=LIMIT)
        ok(st.state == pb.JOB_STATE_RUNNING, 'admin sees every job')
        admin.StopJob(pb.StopJobRequest(name=job.name), timeout=LIMIT)
        st = admin.GetJobStatus(ask(job.name), timeout=LIMIT)
        ok(st.stopped_by == 'admin', 'and stops it', st)
        mine = admin.StartJob(sh(pb, 'true', parent='users/bob'),
                              timeout=LIMIT)
        ok(mine.name.startswith('users/bob/jobs/'),
           "what admin starts under bob's name is bob's")


def test_no_certificate(env):
    creds = grpc.ssl_channel_credentials(read(f"{env['CERTDIR']}/ca.pem"))
    with grpc.secure_channel(f"{env['ADDRESS']}:{env['PORT']}", creds) as ch:
        stub = rpc.ForemanServiceStub(ch)
        refused(grpc.StatusCode.UNAVAILABLE, 'no client certificate',
                stub.GetJobStatus, pb.GetJobStatusRequest(name='x'))


work = tempfile.mkdtemp(prefix='th-grpc.', dir='/var/lib')
os.chmod(work, 0o755)
labdir = f'{work}/lab'
try:
    pb, rpc = stubs(work)
    env = lab('up', labdir)
    with channel(env, 'tele-tester') as ch:
        stub = rpc.ForemanServiceStub(ch)
        test_happy_path(pb, stub)
        test_ends(pb, stub)
        test_stop(pb, stub)
        test_follow(pb, stub)
        test_watchers(pb, stub, env)
        test_refusals(pb, stub, env)
    test_no_certificate(env)
    lab('down', labdir)
    ok(not os.path.exists(labdir), 'the lab leaves nothing')
except Exception as e:
    ok(False, 'the test runs to its end', repr(e).replace('\n', ' '))
    if os.path.exists(f'{labdir}/log'):
        for line in open(f'{labdir}/log', errors='replace'):
            print('#', line, end='')
    lab('down', labdir)
finally:
    shutil.rmtree(work, ignore_errors=True)
finish()
