#!/bin/sh
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

# jobexec by itself, driven by execclient in the supervisor's place.
#
#   JOBEXEC     the program under test
#   EXECCLIENT  the client
#   CGROUP      a cgroup2 directory below which the jobs' are made; default:
#               a new one where cgroup2 is mounted
#
# Needs root. Tests of a limit whose controller is not there are skipped by
# name.

# shellcheck disable=SC2016 # the job's shell expands, not this one

BUILD=${BUILD:-build}
JOBEXEC=$(realpath "${JOBEXEC:-$BUILD/libexec/thd/jobexec}")
EXECCLIENT=$(realpath "${EXECCLIENT:-$BUILD/e2e/execclient}")
JOB_ID=64002
RELAY_ID=64001

n=0
fails=0
T=$(mktemp -d /var/lib/th-exec.XXXXXX) || exit 1
chmod 755 "$T"

if [ -z "$CGROUP" ]; then
	MOUNT=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	CGROUP=$MOUNT/th-exec.$$
	mkdir "$CGROUP" || exit 1
	MADE=$CGROUP
fi
for c in cpu memory io pids; do
	echo +$c >"$(dirname "$CGROUP")/cgroup.subtree_control"
	echo +$c >"$CGROUP/cgroup.subtree_control"
done 2>/dev/null

cleanup() {
	rm -rf "$T"
	[ -z "$MADE" ] || rmdir "$MADE"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# ok NAME: whether the last command succeeded. With what came, if not.
ok() {
	r=$?
	n=$((n + 1))
	if [ $r -eq 0 ]; then
		echo "ok $n - $1"
		return
	fi
	fails=$((fails + 1))
	echo "not ok $n - $1"
	sed 's/^/# /' "$T/events"
	head -c 2000 "$T/output" | sed 's/^/# > /; $s/$/\n#/'
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# run [option ...] command: one job; what comes goes to $T/events.
run() {
	"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T" -u $JOB_ID -g $JOB_ID \
	    -r $RELAY_ID -e PATH=/usr/bin:/bin "$@" >"$T/events" 2>&1
}

# The same for a command in the shell. Options go before --.
run_sh() {
	opts=
	while [ "$1" != -- ]; do
		opts="$opts $1"
		shift
	done
	# shellcheck disable=SC2086
	run $opts sh -c "$2"
}

event() {
	grep -q "^$1" "$T/events"
}

# The output is exactly this, with a newline.
output_is() {
	[ "$(cat "$T/output")" = "$1" ]
}

# The job says yes, and nothing else.
yes_sh() {
	run_sh "$@"
	output_is yes
}

# Wait up to 5 seconds until the command succeeds.
until_ok() {
	i=0
	until "$@"; do
		i=$((i + 1))
		[ $i -lt 100 ] || return 1
		sleep 0.05
	done
}

have() {
	grep -qw "$1" "$CGROUP/cgroup.subtree_control"
}

# ------------------------------------------------------------- the ends

run echo hello
event 'STARTED' && event 'EXIT status=0 oom=0 size=6$' && output_is hello
ok "output and exit 0"
event 'RECORD status=0 flags=0 size=6' && event 'HELPER status=0'
ok "exit record"
event 'NOTICES some'
ok "a reader is told"
event 'CGROUP there'
ok "the cgroup of an ended job is left to the supervisor"

run_sh -- 'echo out; echo err >&2; exit 7'
event "EXIT status=$((7 << 8)) " &&
    event 'INDEX good=1 records=[12] stdout=4 stderr=4' &&
    [ "$(sort "$T/output" | tr '\n' ' ')" = "err out " ]
ok "exit code, both streams in the index"

run_sh -- 'kill -9 $$'
event 'EXIT status=9 '
ok "death by SIGKILL"
run_sh -- 'kill -TERM $$'
event 'EXIT status=15 '
ok "death by SIGTERM"

run_sh -o -t 0 -- 'trap "echo got it; exit 3" TERM; echo up; sleep 99 & wait'
event "EXIT status=$((3 << 8)) " && grep -q 'got it' "$T/output"
ok "TERM by the pidfd reaches the command"
run_sh -o -k 0 -- 'trap "" TERM HUP INT; setsid sleep 99 & echo up; sleep 98'
event 'EXIT status=9 '
ok "cgroup.kill ends a job that ignores signals"

run_sh -- 'setsid sh -c "trap \"\" HUP TERM; sleep 77" >/dev/null 2>&1 &
	(setsid sh -c "sleep 77; echo late" &); echo done'
event 'EXIT status=0 ' && output_is 'done' &&
    [ ! -e "$CGROUP/00000000-0000-4000-8000-000000000000" ]
ok "daemons end with the command, even those that hold its output"

# ---------------------------------------------------------- what it is

cat >"$T/expect" <<-'EOF'
	CapInh:	0000000000000000
	CapPrm:	0000000000000000
	CapEff:	0000000000000000
	CapBnd:	0000000000000000
	CapAmb:	0000000000000000
	NoNewPrivs:	1
	Seccomp:	2
	SigBlk:	0000000000000000
	SigIgn:	0000000000000000
EOF
run grep -E '^(Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn)' /proc/self/status
grep -v Seccomp_filters "$T/output" | sort | diff - "$(sort -o "$T/expect" \
    "$T/expect"; echo "$T/expect")" >/dev/null
ok "no capabilities, no new privileges, seccomp, signals at default"

run id
output_is "uid=$JOB_ID gid=$JOB_ID groups=$JOB_ID"
ok "the job's account, no other groups"
run_sh -- 'umask; hostname; cat /proc/self/oom_score_adj'
output_is "0022
sandbox
500"
ok "umask, hostname, oom score"
run_sh -- 'ulimit -c; ulimit -Hc; ulimit -n; ulimit -Hn; ulimit -l'
output_is "0
0
1024
4096
64"
ok "resource limits"
run readlink /proc/self/fd/0
output_is /dev/null
ok "standard input is the null device"
cat >"$T/fds.py" <<-'EOF'
	import os
	print(sorted(int(f) for f in os.listdir('/proc/1/fd'))
	    if os.access('/proc/1/fd', os.R_OK) else 'closed')
	fds = []
	for fd in range(4096):
	    try:
	        os.fstat(fd)
	        fds.append(fd)
	    except OSError:
	        pass
	print(fds)
EOF
run python3 "$T/fds.py"
output_is "closed
[0, 1, 2]"
ok "descriptors 0, 1 and 2, and none of pid 1's to be seen"
run_sh -- 'echo $$; [ -e /proc/1 ] || echo hidden; set -- /proc/[0-9]*; echo $#'
output_is "2
hidden
1"
ok "the command is pid 2 and sees only its own"
run_sh -- 'cut -d" " -f 5-7 /proc/$$/stat'
output_is "2 2 0"
ok "own process group and session, no terminal"
# To reap an orphan pid 1 must be there.
reaped='i=0; while set -- /proc/[0-9]*; [ $# -gt 1 ] && [ $i -lt 500 ]; do
	sleep 0.02; i=$((i + 1)); done; [ $# -gt 1 ] || echo yes'
yes_sh -- "kill -9 1 2>/dev/null; kill -TERM 1 2>/dev/null; (sleep 0.01 &)
	$reaped"
ok "pid 1 cannot be killed from within"
yes_sh -- "(sh -c 'sleep 0.1; exit 1' &) ; i=0; while [ \$i -lt 300 ]; do
	(true &); i=\$((i + 1)); done; $reaped"
ok "orphans are reaped"
run_sh -e A=1 -e 'B=two' -- 'env | grep -v ^_ | grep -v ^PWD | sort'
output_is "A=1
B=two
PATH=/usr/bin:/bin"
ok "the environment is the one that was given"

# ------------------------------------------------------------ the view

yes_sh -- 'touch /tmp/x /var/tmp/x /dev/shm/x && echo yes'
ok "private places to write"
[ ! -e /tmp/x ] && [ ! -e /var/tmp/x ] && [ ! -e /dev/shm/x ]
ok "which are not the host's"
yes_sh -- 'touch /x 2>&1 | grep -q Read-only && ! touch /etc/x /usr/x \
	/var/lib/x /run/x /dev/x /sys/x /proc/sys/x 2>/dev/null && echo yes'
ok "all else cannot be written"
echo secret >"$T/secret"
chmod 644 "$T/secret"
run cat "$T/secret"
output_is secret
ok "the host's files can be read by those who may"
mkdir -p "$T/hide"
echo secret >"$T/hide/secret"
run_sh -H "$T/hide" -H /no/such/dir -- "ls $T/hide; cat $T/hide/secret"
! grep -q ^secret "$T/output" && event 'STARTED'
ok "hidden directories, one of which does not exist"
yes_sh -- 'cat /etc/shadow 2>/dev/null || echo yes'
ok "/etc/shadow is not for the job"
run_sh -- 'ls /sys/class/net; tail -n +3 /proc/net/dev | cut -d: -f1'
output_is "lo
    lo"
ok "only the loopback interface"
cat >"$T/net.py" <<-'EOF'
	import socket
	s = socket.create_server(('127.0.0.1', 0))
	c = socket.create_connection(s.getsockname())
	try:
	    socket.create_connection(('192.0.2.1', 80), 2)
	except OSError as e:
	    print('yes' if e.errno == 101 else e)
EOF
run python3 "$T/net.py"
output_is yes
ok "which is up, and leads nowhere"
yes_sh -- 'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c |
	grep -qx 0 && ! ls /sys/firmware/* >/dev/null 2>&1 && echo yes'
ok "masked paths"
yes_sh -- 'for p in /proc/sysrq-trigger /proc/sys/kernel/hostname \
	/proc/sys/vm/drop_caches /proc/irq/default_smp_affinity; do
	[ ! -e $p ] || { echo 1 >$p; } 2>/dev/null && [ -e $p ] && exit; done
	echo yes'
ok "read-only paths"
yes_sh -- 'echo x >/dev/null && head -c 4 /dev/urandom | wc -c | grep -q 4 &&
	head -c 4 /dev/zero | tr "\0" z | grep -q zzzz && [ -c /dev/full ] &&
	[ -c /dev/random ] && [ -c /dev/ptmx ] && [ ! -e /dev/kmsg ] && echo yes'
ok "devices"
yes_sh -- 'echo yes >/dev/stdout; : >/dev/stderr'
ok "/dev/stdout can be opened"
run_sh -- 'cut -d: -f3 /proc/self/cgroup | tail -1
	ls /sys/fs/cgroup/cgroup.procs'
grep -qx / "$T/output" && grep -q cgroup.procs "$T/output"
ok "own cgroup at the root of its namespace"
yes_sh -- '{ echo 1 >/sys/fs/cgroup/cgroup.kill; } 2>/dev/null || echo yes'
ok "which it cannot write"
before=$(wc -l </proc/self/mountinfo)
run_sh -k 300 -- 'sleep 9' &
until_ok event STARTED
[ "$before" -eq "$(wc -l </proc/self/mountinfo)" ]
r=$?
wait
[ $r -eq 0 ]
ok "no mount of a job is seen on the host"

# ------------------------------------------------------------- seccomp

cat >"$T/calls.py" <<-'EOF'
	import ctypes, errno, os, platform, sys
	libc = ctypes.CDLL(None, use_errno=True)
	x86 = platform.machine() == 'x86_64'
	# name: number on x86_64, arguments, what must come
	calls = {
	    'mount': (165, (0, 0, 0, 0, 0), 'EPERM'),
	    'umount2': (166, (b'/tmp', 2), 'EPERM'),
	    'pivot_root': (155, (b'.', b'.'), 'EPERM'),
	    'chroot': (161, (b'/tmp',), 'EPERM'),
	    'unshare user': (272, (0x10000000,), 'EPERM'),
	    'setns': (308, (0, 0), 'EPERM'),
	    'clone newuser': (56, (0x10000000 | 17, 0, 0, 0, 0), 'EPERM'),
	    'clone high bits': (56, (1 << 40 | 0x20000 | 17, 0, 0, 0, 0), 'EPERM'),
	    'clone3': (435, (0, 0), 'ENOSYS'),
	    'ptrace': (101, (16, 1, 0, 0), 'EPERM'),
	    'process_vm_readv': (310, (1, 0, 0, 0, 0, 0), 'EPERM'),
	    'bpf': (321, (0, 0, 0), 'EPERM'),
	    'perf_event_open': (298, (0, 0, 0, 0, 0), 'EPERM'),
	    'io_uring_setup': (425, (1, 0), 'EPERM'),
	    'userfaultfd': (323, (0,), 'EPERM'),
	    'keyctl': (250, (0, 0, 0), 'EPERM'),
	    'add_key': (248, (0, 0, 0, 0, 0), 'EPERM'),
	    'open_by_handle_at': (304, (0, 0, 0), 'EPERM'),
	    'open_tree': (428, (-100, b'/', 1), 'EPERM'),
	    'fsopen': (430, (b'tmpfs', 0), 'EPERM'),
	    'mount_setattr': (442, (-100, b'/', 0, 0, 0), 'EPERM'),
	    'syslog': (103, (3, 0, 0), 'EPERM'),
	    'reboot': (169, (0, 0, 0, 0), 'EPERM'),
	    'init_module': (175, (0, 0, 0), 'EPERM'),
	    'kexec_load': (246, (0, 0, 0, 0), 'EPERM'),
	    'swapon': (167, (b'/x', 0), 'EPERM'),
	    'settimeofday': (164, (0, 0), 'EPERM'),
	    'pidfd_getfd': (438, (0, 0, 0), 'EPERM'),
	    'sethostname': (170, (b'x', 1), 'EPERM'),
	    'socket packet': (41, (17, 3, 0), 'EAFNOSUPPORT'),
	    'socket alg': (41, (38, 5, 0), 'EAFNOSUPPORT'),
	    'socket vsock': (41, (40, 1, 0), 'EAFNOSUPPORT'),
	    'socket inet': (41, (2, 1, 0), 'OK'),
	    'socket netlink': (41, (16, 3, 0), 'OK'),
	    'personality read': (135, (0xffffffff,), 'OK'),
	    'personality no-random': (135, (0x40000,), 'EPERM'),
	    'ioctl TIOCSTI': (16, (0, 0x5412, b'x'), 'EPERM'),
	    'ioctl TIOCSTI high': (16, (0, 1 << 32 | 0x5412, b'x'), 'EPERM'),
	    'ioctl TIOCLINUX': (16, (0, 0x541c, b'x'), 'EPERM'),
	    'ioctl FIONREAD': (16, (1, 0x541b, ctypes.create_string_buffer(8)),
	        'OK'),
	    'mknod block': (133, (b'/tmp/b', 0o60600, 0x801), 'EPERM'),
	    'mknod char': (133, (b'/tmp/c', 0o20600, 0x101), 'EPERM'),
	    'mknodat char': (259, (-100, b'/tmp/c', 0o20600, 0x101), 'EPERM'),
	    'mknod fifo': (133, (b'/tmp/f', 0o10600, 0), 'OK'),
	    'setuid 0': (105, (0,), 'EPERM'),
	    'no such call': (500, (), 'ENOSYS'),
	    'far away': (0x3fffffff, (), 'ENOSYS'),
	}
	bad = 0
	for name, (nr, args, want) in calls.items():
	    if not x86:
	        continue
	    args = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in args]
	    ctypes.set_errno(0)
	    r = libc.syscall(ctypes.c_long(nr), *args)
	    got = 'OK' if r != -1 else errno.errorcode[ctypes.get_errno()]
	    if got != want:
	        print(name, got, 'wanted', want)
	        bad = 1
	print('no' if bad else 'yes')
EOF
run python3 "$T/calls.py"
output_is yes
ok "refused and checked system calls"
cat >"$T/x32.py" <<-'EOF'
	import ctypes
	ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))
EOF
if [ "$(uname -m)" = x86_64 ]; then
	run python3 "$T/x32.py"
	event 'EXIT status=31 '
	ok "the x32 ABI kills"
else
	skip "the x32 ABI kills" "architecture"
fi
run python3 -c 'import threading, subprocess
t = threading.Thread(target=lambda: print("yes", flush=True))
t.start(); t.join()
subprocess.run(["true"], check=True)'
output_is yes
ok "threads and subprocesses work without clone3"

# ------------------------------------------------------ failing to start

fails_with() {
	event "FAILED stage=$1 errno=$2 " && event 'RECORD none' &&
	    event 'CGROUP gone' && event 'HELPER status=0' &&
	    ! event STARTED && ! event EXIT
}
run no-such-command
fails_with exec ENOENT
ok "command that is nowhere in PATH"
run /no/such/command
fails_with exec ENOENT
ok "path that does not exist"
run /etc
fails_with exec EACCES
ok "a directory"
run /etc/passwd
fails_with exec EACCES
ok "no permission to execute"
mkdir -p "$T/bin1" "$T/bin2"
echo x >"$T/bin1/tool"
printf '#!/no/such/interpreter\n' >"$T/bin2/script"
printf 'neither ELF nor script' >"$T/bin2/junk"
: >"$T/bin2/empty"
cp /bin/true "$T/bin2/tool"
chmod 755 "$T"/bin2/*
"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T" -e "PATH=$T/bin1:$T/bin2" \
    tool >"$T/events" 2>&1
event 'EXIT status=0 '
ok "found behind one that is not executable"
"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T" -e "PATH=$T/bin1" \
    tool >"$T/events" 2>&1
fails_with exec EACCES
ok "only one that is not executable"
run "$T/bin2/script"
fails_with exec ENOENT
ok "script without its interpreter"
run "$T/bin2/junk"
fails_with exec ENOEXEC
ok "not a program"
run "$T/bin2/empty"
fails_with exec ENOEXEC
ok "an empty file"
run -C /no/such/dir true
fails_with chdir ENOENT
ok "working directory that does not exist"
run -C /etc/passwd true
fails_with chdir ENOTDIR
ok "working directory that is a file"
mkdir -m 700 "$T/closed"
run -C "$T/closed" true
fails_with chdir EACCES
ok "working directory that is not the job's to enter"
run -C /proc/self/fd/3/../.. true
event 'FAILED stage=chdir '
ok "working directory through a descriptor"
run -C /usr/share pwd
output_is /usr/share
ok "working directory"
run -u 0 true
fails_with credentials EPERM
ok "never as root"
run -g 0 true
fails_with credentials EPERM
ok "never in root's group"
run -r 0 true
fails_with credentials EPERM
ok "the relay is not root either"
mkdir "$CGROUP/00000000-0000-4000-8000-000000000000"
run true
event 'FAILED stage=cgroup errno=EEXIST ' && event 'CGROUP there'
ok "a cgroup of that name is there already"
"$EXECCLIENT" -x "$JOBEXEC" -b "$T" -d "$T" true >"$T/events" 2>&1
event 'FAILED stage=cgroup errno=EOPNOTSUPP '
ok "a base that is no cgroup"

# ------------------------------------------------------------ the relay

run head -c 104857600 /dev/zero
[ "$(sha256sum <"$T/output")" = "$(head -c 104857600 /dev/zero |
    sha256sum)" ] && event 'INDEX good=1 .* stdout=104857600 stderr=0'
ok "100 MiB arrive whole"
cat >"$T/big.py" <<-'EOF'
	import hashlib, os, sys
	def block(i):
	    return hashlib.sha512(b'%d' % i).digest() * 512
	if __name__ == '__main__':
	    for i in range(3200):
	        b = block(i)
	        while b:
	            b = b[os.write(1 if i % 2 else 2, b):]
EOF
run python3 "$T/big.py"
python3 - "$T" <<-'EOF'
	import struct, sys
	sys.path.insert(0, sys.argv[1])
	from big import block
	out = open(sys.argv[1] + '/output', 'rb').read()
	idx = open(sys.argv[1] + '/index', 'rb').read()[16:]
	got = {1: [], 2: []}
	for off, ns, length, stream in struct.iter_unpack('=QqII', idx):
	    got[stream].append(out[off:off + length])
	for s in (1, 2):
	    want = b''.join(block(i) for i in range(3200) if i % 2 == s % 2)
	    if b''.join(got[s]) != want:
	        sys.exit(1)
EOF
ok "both streams by the index, byte for byte"
# The flood lasts as long as the other stream has something to say.
run_sh -- 'yes | head -c 100000000 & for i in 1 2 3 4 5 6; do
	echo seen >&2; sleep 0.02; done; kill $!; wait'
python3 - "$T/index" <<-'EOF'
	import struct, sys
	idx = open(sys.argv[1], 'rb').read()[16:]
	streams = [s for _, _, _, s in struct.iter_unpack('=QqII', idx)]
	last = len(streams) - streams[::-1].index(1)
	sys.exit(streams[streams.index(1):last].count(2) < 3)
EOF
ok "a flood on one stream does not starve the other"
rm -f "$T/output"
run -w 150 sh -c 'i=0; while [ $i -lt 500 ]; do echo $i; i=$((i + 1)); done'
event 'EXIT status=0 ' && [ "$(wc -l <"$T/output")" = 500 ] &&
    event 'NOTICES some' && event 'LOG more than 64 readers'
ok "150 readers, half of them dead, none but one reading"
a=$(head -c 120000 /dev/zero | tr '\0' a)
run sh -c 'echo ${#1}' sh "$a"
output_is 120000
ok "an argument of 120000 bytes"
run -s 300 echo waited
event 'EXIT status=0 ' && output_is waited
ok "the command waits for go"
run -s 5000 -k 100 echo never
event 'FAILED stage=clone errno=ECHILD ' && [ ! -s "$T/output" ]
ok "killed before go"

: >"$T/exit"
run_sh -q -- "until [ -e '$T/gate' ]; do sleep 0.05; done; echo alone"
event STARTED
ok "a supervisor that ends leaves the job running"
: >"$T/gate"
recorded() {
	"$EXECCLIENT" -b "$CGROUP" -d "$T" -p | grep -q 'RECORD status=0'
}
until_ok recorded
"$EXECCLIENT" -b "$CGROUP" -d "$T" -p >"$T/events"
event 'RECORD status=0 flags=0 size=6' && output_is alone
ok "the job ends as it should without a supervisor"
rmdir "$CGROUP/00000000-0000-4000-8000-000000000000"

: >"$T/events"
"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T" /bin/sleep 88 \
    >"$T/events" 2>&1 &
client=$!
until_ok event STARTED
kill -9 "$(sed -n 's/^HELPER pid=//p' "$T/events")"
wait $client
event 'HELPER status=9' &&
    [ ! -e "$CGROUP/00000000-0000-4000-8000-000000000000" ]
ok "a job does not outlive its relay"

: >"$T/events"
"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T" /bin/sleep 87 \
    >"$T/events" 2>&1 &
client=$!
until_ok event STARTED
helper=$(sed -n 's/^HELPER pid=//p' "$T/events")
init=$(cat "/proc/$helper/task/$helper/children")
grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' "/proc/$helper/status" |
    tr -s '\t' ' ' >"$T/output"
grep -q "Uid: $RELAY_ID $RELAY_ID $RELAY_ID $RELAY_ID" "$T/output" &&
    [ "$(grep -c 'Cap...: 0000000000000000' "$T/output")" = 5 ] &&
    grep -q 'NoNewPrivs: 1' "$T/output" && grep -q 'Seccomp: 2' "$T/output"
ok "the relay has dropped everything"
for fd in /proc/"$helper"/fd/*; do readlink "$fd"; done |
    sed 's/\[[0-9]*\]$//' | sort | uniq -c | tr -s ' ' >"$T/output"
needs='pipe:|socket:|pidfd|/dev/null|/(output|index|exit)$'
needs="$needs|/cgroup.kill\$|/memory.events\$"
! grep -vqE "$needs" "$T/output" && grep -q '^ 2 pipe:' "$T/output" &&
    grep -q '^ 1 .*cgroup.kill' "$T/output"
ok "and holds only what it needs"
grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' "/proc/${init% }/status" |
    tr -s '\t' ' ' >"$T/output"
grep -q "Uid: $JOB_ID $JOB_ID $JOB_ID $JOB_ID" "$T/output" &&
    [ "$(grep -c 'Cap...: 0000000000000000' "$T/output")" = 5 ] &&
    grep -q 'Seccomp: 2' "$T/output"
ok "pid 1 has, too"
kill $client
wait $client 2>/dev/null
echo 1 >"$CGROUP/00000000-0000-4000-8000-000000000000/cgroup.kill"
until_ok rmdir "$CGROUP/00000000-0000-4000-8000-000000000000" 2>/dev/null

mkdir "$T/small"
mount -t tmpfs -o size=1m,mode=755 none "$T/small"
: >"$T/events"
"$EXECCLIENT" -x "$JOBEXEC" -b "$CGROUP" -d "$T/small" \
    /usr/bin/head -c 4000000 /dev/zero >"$T/events" 2>&1 &
client=$!
until_ok event 'LOG .* the job waits'
r=$?
! event EXIT && [ $r -eq 0 ]
ok "a full disk blocks the job"
mount -o remount,size=64m "$T/small"
wait $client
event 'EXIT status=0 oom=0 size=4000000' && event 'LOG .* room again' &&
    event 'INDEX good=1 .* stdout=4000000 ' &&
    [ "$(wc -c <"$T/small/output")" = 4000000 ] &&
    [ "$(grep -c 'the job waits' "$T/events")" = 1 ]
ok "which goes on when there is room, and nothing is lost"
umount "$T/small"

# ------------------------------------------------------------ the limits

if have cpu; then
	run_sh -l cpu=10000 -l period=100000 -- 'cat /sys/fs/cgroup/cpu.max
		timeout 1 sh -c "while :; do :; done"
		grep nr_throttled /sys/fs/cgroup/cpu.stat'
	grep -qx '10000 100000' "$T/output" &&
	    grep -q 'nr_throttled [1-9]' "$T/output"
	ok "cpu.max throttles"
	run -l cpu=1 true
	event 'FAILED stage=limits errno=EINVAL detail=cpu.max' &&
	    event 'CGROUP gone'
	ok "a limit that the kernel refuses refuses the start"
else
	skip "cpu.max throttles" "controller cpu"
	skip "a limit that the kernel refuses refuses the start" \
	    "controller cpu"
	run -l cpu=10000 true
	event 'FAILED stage=limits errno=ENOENT detail=cpu.max' &&
	    event 'CGROUP gone'
	ok "a limit whose controller is missing refuses the start"
fi
if have memory; then
	run -l memory=67109000 -l high=18446744073709551615 -l swap=0 -G \
	    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.swap.max \
	    /sys/fs/cgroup/memory.oom.group
	output_is "67108864
0
1"
	ok "memory limits are read back, rounded to pages"
	run -l memory=67108864 -l high=18446744073709551615 -l swap=0 -G \
	    python3 -c 'b = b"x" * 300000000'
	event 'EXIT status=9 oom=1 '
	ok "memory.max kills, and it is said why"
	run -l memory=67108864 -l high=18446744073709551615 -l swap=0 -G \
	    sh -c 'head -c 200000000 /dev/zero >/dev/shm/x'
	! event 'EXIT status=0 '
	ok "files in private places count"
else
	skip "memory limits are read back, rounded to pages" \
	    "controller memory"
	skip "memory.max kills, and it is said why" "controller memory"
	skip "files in private places count" "controller memory"
fi
if have pids; then
	run_sh -l pids=16 -- 'python3 -c "
import os, time
n = 0
try:
    while n < 100:
        if os.fork() == 0:
            time.sleep(9)
        n += 1
except OSError as e:
    print(n < 16, e.errno)
"'
	grep -qx 'True 11' "$T/output"
	ok "pids.max refuses forks"
else
	skip "pids.max refuses forks" "controller pids"
fi
disk=$(for d in /sys/block/*; do case $d in */loop*|*/ram*|*/zram*) ;; *)
    cat "$d/dev"; break ;; esac; done 2>/dev/null)
if have io && [ -n "$disk" ]; then
	run -l rbps=83886080 -l wbps=41943040 -l riops=1000 -l wiops=1000 \
	    -D "$disk" -D 4095:0 cat /sys/fs/cgroup/io.max
	output_is "$disk rbps=83886080 wbps=41943040 riops=1000 wiops=1000"
	ok "io.max of a disk, and one that is gone"
else
	skip "io.max of a disk, and one that is gone" "controller io"
fi

echo "1..$n"
[ $fails -eq 0 ]
