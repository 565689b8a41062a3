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

# What "make install" installs, as an administrator meets it on a host that
# systemd runs: accounts, directories, certificates, the units, the rc script.
# Through all that can be done to the service a job must go on under its
# limits. It writes over the system it runs on: in the virtual machine only.
#
# A thd that is started again does not know the jobs of the one before it, yet:
# they go on unmanaged, and that is all that is asserted here.

set -u

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
if [ -z "${TELEHANDLER_VM-}" ]; then
	skip "the units and the rc script" \
	    "installs thd on a system of systemd: in the virtual machine only"
	finish
fi

limit=60 # seconds, for anything
jobs=/sys/fs/cgroup/system.slice/thd-jobs.service
conf=/etc/thd/thd.conf
rc=/etc/init.d/thd
trap 'systemctl stop thd thd-jobs 2>/dev/null; end_rc; rm -rf "$work"' EXIT

remove_base() {
	echo 1 >/sys/fs/cgroup/thd/cgroup.kill
	for group in /sys/fs/cgroup/thd/*-*-*-*-*; do
		[ ! -d "$group" ] || until_ok rmdir "$group"
	done
	rmdir /sys/fs/cgroup/thd
}

end_rc() {
	"$rc" stop >/dev/null
	[ ! -d /sys/fs/cgroup/thd ] || remove_base
}

# until_ok COMMAND...: it succeeds in time.
until_ok() {
	until_tries=$((limit * 10))
	until "$@" >/dev/null 2>&1; do
		until_tries=$((until_tries - 1))
		[ $until_tries -gt 0 ] || {
			echo "not within $limit s: $*"
			return 1
		}
		sleep 0.1
	done
}

# fails STATUS COMMAND...: it ends with that status.
fails() {
	fails_want=$1
	shift
	"$@"
	fails_got=$?
	[ $fails_got = "$fails_want" ] || {
		echo "exit status $fails_got, wanted $fails_want: $*"
		return 1
	}
}

property() {
	systemctl show -p "$2" --value "$1"
}

supervisor() {
	property thd.service MainPID
}

field() {
	awk -v f="$2:" '$1 == f { $1 = ""; print substr($0, 2) }' \
	    "/proc/$1/status"
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || {
		echo "$1: got $2, wanted $3"
		return 1
	}
}

# The children of the supervisor that run that program.
children() {
	parent=$(supervisor)
	for p in $(cat "/proc/$parent/task/$parent/children"); do
		[ "$(readlink "/proc/$p/exe")" != "/usr/libexec/thd/$1" ] ||
		    echo "$p"
	done
}

# Where the journal is read from. (Not a cursor: with a filter, journalctl 252
# leaves the first entry after it out.)
mark() {
	mark=$(date +@%s.%6N)
}

# logged TEXT OPTION...: such a line is in the journal since the mark.
logged() {
	logged_text=$1
	shift
	journalctl --sync
	journalctl -q -o cat --since "$mark" "$@" >"$work/journal"
	grep -qF -e "$logged_text" "$work/journal" || {
		echo "journalctl $*: no line with: $logged_text; there is:"
		cat "$work/journal"
		return 1
	}
}

# ------------------------------------------------------------ installation

installed() {
	for user in _thfront _threlay _thjob; do
		userdel "$user" || return 1
	done
	# As a package would do it: what is there keeps its owner and mode.
	(cd "$BUILD/stage" && tar --owner=0 --group=0 -cf - .) |
	    tar --no-overwrite-dir -C / -xf -
}
ok "the installed tree is copied" installed
mark

# refused TEXT: thd, started by hand, says that and ends.
refused() {
	fails 1 timeout "$limit" thd -d 2>"$work/refused" &&
	    grep -F -e "$1" "$work/refused" && return
	cat "$work/refused"
	return 1
}

no_accounts() {
	for user in "frontend user \"_thfront" "relay user \"_threlay" \
	    "job user \"_thjob"; do
		refused "$user\": no such account, create it with" || return 1
	done
}
ok "without the accounts thd names each, and how to make it" no_accounts

accounts() {
	systemd-sysusers && systemd-tmpfiles --create thd.conf || return 1
	for user in _thfront _threlay _thjob; do
		is "$user" "$(getent passwd "$user" | cut -d : -f 6,7)" \
		    /nonexistent:/usr/sbin/nologin || return 1
	done
	is /run/thd "$(stat -c '%U %G %a' /run/thd)" "root root 755" &&
	    is /var/lib/thd "$(stat -c '%U %G %a' /var/lib/thd)" "root root 700"
}
ok "sysusers.d and tmpfiles.d make accounts and directories" accounts

no_certificates() {
	for file in "certificate /etc/thd/server" "key /etc/thd/server-key" \
	    "ca /etc/thd/ca"; do
		refused "$file.pem: No such file or directory" || return 1
	done
	refused "thctl pki"
}
ok "without certificates thd names each file, and how to make it" \
    no_certificates

certificates() {
	thctl pki init "$work/pki" &&
	    thctl pki issue "$work/pki" server --server localhost \
		--server 127.0.0.1 &&
	    thctl pki issue "$work/pki" tele-tester --client || return 1
	install -m 644 "$work/pki/ca.pem" "$work/pki/server.pem" /etc/thd &&
	    install -m 644 "$work/pki/server-key.pem" /etc/thd
}
ok "thctl makes certificates" certificates
ok "a key that others may read is refused" refused \
    "key /etc/thd/server-key.pem: must belong to root and be closed to others (chown root, chmod 600)"
chmod 600 /etc/thd/server-key.pem

cat >>$conf <<'END'
class "small" {
	cpu quota 10ms period 100ms
	memory max 32M
	memory high 32M
	pids max 4
}
END
systemctl daemon-reload
ok "systemd-analyze verify has nothing to say" sh -c \
    'out=$(systemd-analyze verify --man=no thd.service thd-jobs.service 2>&1) &&
    [ -z "$out" ] || { echo "$out"; exit 1; }'
ok "exposure of the supervisor is at most 5.2" systemd-analyze security \
    --no-pager --offline=yes --threshold=52 /lib/systemd/system/thd.service

# ----------------------------------------------------------------- start

broken() {
	cp $conf "$work/good.conf"
	line=$(($(wc -l <$conf) + 1))
	printf 'nonsense\nworkers 0\n' >>$conf
}
mend() {
	cp "$work/good.conf" $conf
}

broken_start() {
	mark
	broken
	! systemctl start thd || { echo "it started"; return 1; }
	systemctl stop thd
	logged "$conf:$line: " -u thd -p err &&
	    logged "$conf:$((line + 1)): " -u thd -p err
}
ok "a wrong configuration fails the start, its lines are in the journal" \
    broken_start
mend

# thd is ready when systemctl returns: no waiting here.
works() {
	is "thctl run" "$(thctl run echo works 2>&1)" works
}
started() {
	systemctl start thd && works
}
ok "thd is ready when systemctl start returns" started
ok "a second thd is refused" refused \
    "/var/lib/thd: another thd runs on this state directory; stop it"

port_in_use() {
	sed 's,^#state directory.*,state directory "/var/lib/thd2",
	    s,^#run directory.*,run directory "/run/thd2",' $conf \
	    >"$work/second.conf"
	fails 1 timeout "$limit" thd -d -f "$work/second.conf" \
	    2>"$work/refused" &&
	    grep -F "listen on 127.0.0.1:6443: Address already in use" \
		"$work/refused" &&
	    grep -F 'another program has that port' "$work/refused" && return
	cat "$work/refused"
	return 1
}
ok "a port in use is named" port_in_use

remote() {
	is "thctl run" "$(thctl --server 127.0.0.1:6443 \
	    --ca "$work/pki/ca.pem" --cert "$work/pki/tele-tester.pem" \
	    --key "$work/pki/tele-tester-key.pem" run echo works 2>&1)" works
}
ok "a client with a certificate is served" remote

# What it says is the point: no process may fork, burn CPU without being held,
# or lose output. It forks until that is refused, and says so for ever.
id=$(thctl start --class small -- perl -e '$| = 1; for (;;) {
	my $pid = fork;
	if (!defined $pid) { print "refused\n" }
	elsif ($pid == 0) { sleep 100000; exit }
	for (my $i = 0; $i < 500; $i++) { } }')
job=$jobs/$id
output=/var/lib/thd/jobs/$id/output

# These are asked for often, and a fork is dear where the machine is emulated.
processes() {
	processes=
	while read -r pid; do
		processes="$processes$pid "
	done <"$job/cgroup.procs"
}
full() {
	processes
	set -- $processes
	[ $# = 4 ]
}
counts() {
	while read -r word count; do
		[ "$word" != nr_throttled ] || throttled=$count
	done <"$job/cpu.stat"
	while read -r word count; do
		[ "$word" != max ] || no_forks=$count
	done <"$job/pids.events"
	size=$(stat -c %s "$output")
}
all_grown() {
	counts
	[ "$throttled" -gt "$throttled_before" ] &&
	    [ "$no_forks" -gt "$no_forks_before" ] &&
	    [ "$size" -gt "$size_before" ]
}
same_processes() {
	processes
	is "processes of the job" "$processes" "$before"
}

# Same processes; CPU still rationed, forks still refused, output still kept.
goes_on() {
	same_processes || return 1
	counts
	throttled_before=$throttled
	no_forks_before=$no_forks
	size_before=$size
	until_ok all_grown && same_processes
}

begun() {
	until_ok full && before=$processes && goes_on
}
ok "a job under limits" begun

placed() {
	systemctl is-active thd thd-jobs &&
	    is "its cgroup" "$(cut -d : -f 3 "/proc/${before%% *}/cgroup")" \
		"/system.slice/thd-jobs.service/$id" &&
	    is "in thd-jobs itself" "$(cat $jobs/cgroup.procs)" "" &&
	    is "in its holder" "$(cat $jobs/holder/cgroup.procs)" \
		"$(property thd-jobs.service MainPID)" &&
	    is "controllers of thd.service" "$(cat \
		/sys/fs/cgroup/system.slice/thd.service/cgroup.subtree_control)" \
		"" || return 1
	for controller in cpu io memory pids; do
		grep -qw $controller $jobs/cgroup.subtree_control || {
			echo "no controller $controller"
			return 1
		}
	done
}
ok "jobs live in thd-jobs.service, beside its holder" placed

# ----------------------------------------------------------------- sandbox

powerless() {
	for f in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$f of $1" "$(field "$1" $f)" 0000000000000000 || return 1
	done
	is "no_new_privs of $1" "$(field "$1" NoNewPrivs)" 1 &&
	    is "seccomp of $1" "$(field "$1" Seccomp)" 2 &&
	    is "uid of $1" "$(field "$1" Uid | cut -d ' ' -f 1)" \
		"$(id -u "$2")"
}
sandboxed() {
	front=$(children frontend)
	powerless "$front" _thfront &&
	    is "owner of /proc/$front" "$(stat -c %U "/proc/$front/environ")" \
		root &&
	    is "root of $front" "$(readlink "/proc/$front/root")" \
		/run/thd/empty || return 1
	for p in $before; do
		powerless "$p" _thjob &&
		    is "oom_score_adj" "$(cat "/proc/$p/oom_score_adj")" 500 ||
		    return 1
	done
}
ok "frontend and job have no privilege" sandboxed

# Of all capabilities those that it needs, by their bits in capability.h.
supervised() {
	pid=$(supervisor)
	want=0
	for bit in 0 1 3 4 5 6 7 8 10 12 18 21 24 27; do
		want=$((want | 1 << bit))
	done
	is "bounding set" "$(field "$pid" CapBnd)" "$(printf %016x $want)" &&
	    is no_new_privs "$(field "$pid" NoNewPrivs)" 1 &&
	    is seccomp "$(field "$pid" Seccomp)" 2 &&
	    is oom_score_adj "$(cat "/proc/$pid/oom_score_adj")" -900 &&
	    is "core files" "$(awk '/^Max core/ { print $5, $6 }' \
		"/proc/$pid/limits")" "0 0"
}
ok "the supervisor has what it needs and no more" supervised

same_view() {
	thctl run -- sh -c 'ls /lib/modules/*/modules.dep /home; ls /dev;
	    ls -a /tmp' >"$work/view" 2>&1
	is "the job's view" "$(cat "$work/view")" "$(
	    ls /lib/modules/*/modules.dep; echo; echo /home:; ls /home
	    printf '%s\n' fd full null ptmx pts random shm stderr stdin stdout \
		tty urandom zero . ..)"
}
ok "the unit's protection does not show in the view of a job" same_view

# ------------------------------------------------------- a job goes on

# survives NAME COMMAND...: the command succeeds, the job goes on, thd works.
survives() {
	ok "the job goes on, thd works: $1" survives_it "$@"
}
survives_it() {
	shift
	"$@" && systemctl is-active thd thd-jobs && goes_on && works
}

another() {
	case $(systemctl show -p MainPID,ActiveState thd.service) in
	*"MainPID=0"* | *"MainPID=$old
"*) return 1 ;;
	*"ActiveState=active"*) ;;
	*) return 1 ;;
	esac
}
restarted_after() {
	old=$(supervisor)
	"$@" && until_ok another
}

killed() {
	restarted_after kill -9 "$(supervisor)"
}
killed_front_stopped() {
	kill -STOP "$(children frontend)" && killed
}
stop_start() {
	systemctl stop thd && fails 3 systemctl is-active thd && goes_on &&
	    systemctl start thd
}
reloaded() {
	mark
	systemctl reload thd &&
	    until_ok logged "configuration reloaded" -u thd -p notice
}
reload_refused() {
	mark
	broken
	old=$(supervisor)
	! systemctl reload thd || { echo "it was reloaded"; return 1; }
	mend
	logged "$conf:$line: " -u thd -p err &&
	    is supervisor "$(supervisor)" "$old"
}
weighted() {
	systemctl set-property --runtime thd-jobs.service CPUWeight=50 &&
	    is cpu.weight "$(cat $jobs/cpu.weight)" 50
}
hungry() {
	oom=$(thctl start --class small tail -n 1 /dev/zero) || return 1
	thctl wait --timeout 100s "$oom" >/dev/null
	thctl status "$oom" | grep -x 'reason oom'
}

survives "systemctl restart thd" restarted_after systemctl restart thd
survives "kill -9 of the supervisor" killed
survives "the same with a frontend that is stuck" killed_front_stopped
survives "systemctl reload thd" reloaded
survives "reload of a wrong configuration is refused" reload_refused
survives "systemctl daemon-reload" systemctl daemon-reload
survives "systemctl daemon-reexec" systemctl daemon-reexec
survives "systemctl stop thd and start" stop_start
survives "systemctl set-property thd-jobs.service" weighted
survives "another job runs out of memory" hungry

watched() {
	mkdir -p /run/systemd/system/thd.service.d
	printf '[Service]\nWatchdogSec=4s\n' \
	    >/run/systemd/system/thd.service.d/watchdog.conf
	systemctl daemon-reload && systemctl reset-failed thd &&
	    systemctl restart thd
}
alive() {
	[ "$(property thd.service WatchdogTimestampMonotonic)" != "$last" ]
}
signs() {
	watched || return 1
	old=$(supervisor)
	for i in 1 2 3; do
		last=$(property thd.service WatchdogTimestampMonotonic)
		until_ok alive || return 1
	done
	is supervisor "$(supervisor)" "$old"
}
hung() {
	mark
	restarted_after kill -STOP "$(supervisor)" &&
	    logged 'Watchdog timeout' -u thd
}
survives "the watchdog sees signs of life" signs
survives "the watchdog restarts a supervisor that hangs" hung
rm -r /run/systemd/system/thd.service.d
systemctl daemon-reload

all_end() {
	systemctl stop thd-jobs || return 1
	[ ! -e "$jobs" ] || { echo "$jobs is there"; return 1; }
	# Dead they are; their relay may still have to take their status.
	for p in $before; do
		until_ok test ! -e "/proc/$p" || return 1
	done
	fails 3 systemctl -q is-active thd
}
ok "systemctl stop thd-jobs ends all jobs, and thd with them" all_end
systemctl reset-failed thd 2>/dev/null
ok "systemctl start thd brings both back" started

# --------------------------------------------------------------- rc script

systemctl stop thd thd-jobs
jobs=/sys/fs/cgroup/thd
rc_job() {
	id=$(thctl start --class small -- sh -c \
	    'while :; do echo on; sleep 0.1; done') || return 1
	job=$jobs/$id
	output=/var/lib/thd/jobs/$id/output
	[ -d "$job" ]
}
rc_goes_on() {
	"$@" || return 1
	size=$(stat -c %s "$output")
	until_ok sh -c "[ \$(stat -c %s '$output') -gt $size ]" && works
}
wrong_conf() {
	broken
	fails 6 "$rc" "$1" 2>&1 | tee "$work/rc"
	mend
	grep -F "$conf:$line: " "$work/rc" && ! grep 'exit status' "$work/rc"
}
dead() {
	kill -9 "$(cat /run/thd/thd.pid)" && fails 1 "$rc" status
}
told() {
	mark
	broken
	kill -HUP "$(cat /run/thd/thd.pid)"
	until_ok logged "$conf:$line: " -t thd -p err
	told_status=$?
	mend
	return $told_status
}

base_gone() {
	mark
	remove_base && fails 125 thctl run true &&
	    until_ok logged "the cgroup $jobs has been removed" -t thd &&
	    fails 0 "$rc" restart && works
}

ok "rc: status of what does not run is 3" fails 3 "$rc" status
ok "rc: reload of it is 7" fails 7 "$rc" reload
ok "rc: stop of it is 0" fails 0 "$rc" stop
ok "rc: try-restart of it does nothing" fails 0 "$rc" try-restart
ok "rc: an unknown word is 2" fails 2 "$rc" nonsense
ok "rc: without privilege it is 4" fails 4 setpriv --reuid=_thjob \
    --clear-groups "$rc" start
ok "rc: start with a wrong configuration is 6, with its lines" wrong_conf start
ok "rc: start" fails 0 "$rc" start
ok "rc: thd is ready when start returns" works
ok "rc: start of what runs is 0" fails 0 "$rc" start
ok "rc: status is 0" fails 0 "$rc" status
ok "rc: a job" rc_job
ok "rc: reload" rc_goes_on fails 0 "$rc" reload
ok "rc: restart" rc_goes_on fails 0 "$rc" restart
ok "rc: restart with a wrong configuration leaves it running" \
    rc_goes_on wrong_conf restart
ok "rc: the lines of a refused reload are in syslog" rc_goes_on told
ok "rc: status of one that was killed is 1" dead
ok "rc: start after that" rc_goes_on fails 0 "$rc" start
ok "rc: without the cgroup of the jobs thd says what to do" base_gone
ok "rc: stop" fails 0 "$rc" stop
ok "rc: and it is stopped" fails 3 "$rc" status
finish
