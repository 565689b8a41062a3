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

"""What thd tells a service manager, sd_notify(3), and how often: a socket of
this test's takes the place of the manager's.

Speaks TAP. BUILD is the build folder.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'lib'))
from labtest import finish, lab, ok  # noqa: E402

WATCHDOG = 1.0  # seconds that the manager allows
PINGS = 4
WINDOWS = 10  # of so many signs each, until thd has settled

work = tempfile.mkdtemp(prefix='th-test.', dir='/var/lib')
os.chmod(work, 0o755)
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(f'{work}/notify')
os.environ.update(NOTIFY_SOCKET=f'{work}/notify',
                  WATCHDOG_USEC=str(int(WATCHDOG * 1000000)))


def told(seconds=20):
    """The next message, or '' if none comes."""
    manager.settimeout(seconds)
    try:
        return manager.recv(4096).decode()
    except (TimeoutError, BlockingIOError):
        return ''


def next_word():
    """The next message that is no sign of life: its first line, all of it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if (text := told()) != 'WATCHDOG=1':
            return text.split('\n')[0], text
    return '', ''


def wake_ups(pid):
    """How often the process has gone to sleep."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith('voluntary_ctxt_switches'))


def window(pid):
    """So many signs of life, how often thd woke up for them, the seconds."""
    told()
    before, begin = wake_ups(pid), time.monotonic()
    got = [told(WATCHDOG) for _ in range(PINGS)]
    return got, wake_ups(pid) - before, time.monotonic() - begin


def check_watchdog(pid):
    for _ in range(WINDOWS):
        got, woken, seconds = window(pid)
        # The last sign may be read before or after thd sleeps again.
        if got == ['WATCHDOG=1'] * PINGS and abs(woken - PINGS) <= 1:
            break
    ok(got == ['WATCHDOG=1'] * PINGS,
       'a sign of life comes before the time is up, each time', got)
    ok(abs(woken - PINGS) <= 1,
       'an idle thd wakes up for these signs and for nothing else',
       f'{woken} times for {PINGS} signs')
    # The first may have been read late.
    ok(seconds > 0.3 * WATCHDOG * PINGS,
       'they come no more often than twice in that time', seconds)


def check_states(env):
    pid = int(env['SUPERVISOR_PID'])
    os.kill(pid, signal.SIGHUP)
    words = [next_word()[0], next_word()[0]]
    ok(words == ['RELOADING=1', 'READY=1'], 'a reload is told', words)
    with open(env['CONF'], 'a', encoding='ascii') as f:
        f.write('nonsense\n')
    os.kill(pid, signal.SIGHUP)
    words = [next_word()[0], next_word()[1]]
    ok(words == ['RELOADING=1', 'READY=1\nSTATUS=reload refused'],
       'and one that is refused, after which thd is ready as before', words)
    check_watchdog(pid)
    os.kill(pid, signal.SIGTERM)
    word = next_word()[0]
    ok(word == 'STOPPING=1', 'the end is told', word)


def stop(pid):
    """End thd, and all that it had to tell."""
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    select.select([fd], [], [], 20)
    os.close(fd)
    while told(0) != '':
        pass


def check_relative(env):
    """thd leaves the folder it was started in, and reloads all the same."""
    thd = f"{os.environ['BUILD']}/sbin/thd"
    folder, name = os.path.split(env['CONF'])
    with subprocess.Popen([thd, '-d', '-f', name], cwd=folder,
                          stderr=subprocess.DEVNULL) as p:
        words = [next_word()[0]]
        p.send_signal(signal.SIGHUP)
        words += [next_word()[0], next_word()[1]]
        p.terminate()
    ok(words == ['READY=1', 'RELOADING=1', 'READY=1\nSTATUS=ready'],
       'a relative name of the configuration is good for a reload', words)


try:
    env = lab('up', f'{work}/lab')
    word = next_word()[0]
    ok(word == 'READY=1', 'thd tells that it is ready', word)
    check_watchdog(env['SUPERVISOR_PID'])
    check_states(env)
    os.environ['WATCHDOG_PID'] = '1'
    env = lab('up', f'{work}/lab')
    while (text := next_word()[0]) not in ('READY=1', ''):
        pass
    ok(text == 'READY=1' and told(3 * WATCHDOG) == '',
       'no sign of life where another process is asked for them', text)
    stop(int(env['SUPERVISOR_PID']))
    check_relative(env)
finally:
    lab('down', f'{work}/lab')
    shutil.rmtree(work)
finish()
