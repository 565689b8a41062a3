/*
 * Copyright (c) 2026 The Telehandler developers
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

#include <sys/types.h>
#include <sys/syscall.h>

#include <errno.h>
#include <string.h>

#include "filter.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/*
 * The job's filter is an allow-list. What is in neither list is answered
 * ENOSYS, as by a kernel that has no such call: that is right for calls
 * newer than this list, which libraries then do without, and for clone3,
 * whose flags are in memory where no filter can see them.
 */
static const uint16_t job_allowed[] = {
	/* Files and directories, by the permissions of the job's account. */
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_lseek,
	SYS_pread64,
	SYS_pwrite64,
	SYS_readv,
	SYS_writev,
	SYS_preadv,
	SYS_pwritev,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_openat,
	SYS_openat2,
	SYS_close_range,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_statfs,
	SYS_fstatfs,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_getcwd,
	SYS_chdir,
	SYS_fchdir,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_renameat2,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_truncate,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_umask,
	SYS_fsync,
	SYS_fdatasync,
	SYS_sync,
	SYS_syncfs,
	SYS_sync_file_range,
	SYS_fadvise64,
	SYS_readahead,
	SYS_flock,
	SYS_fcntl,
	SYS_dup,
	SYS_dup3,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_getxattr,
	SYS_lgetxattr,
	SYS_fgetxattr,
	SYS_listxattr,
	SYS_llistxattr,
	SYS_flistxattr,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_fremovexattr,
	SYS_copy_file_range,
	SYS_sendfile,
	SYS_splice,
	SYS_tee,
	SYS_vmsplice,
	SYS_memfd_create,
	SYS_memfd_secret,
	SYS_inotify_init1,
	SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	SYS_io_setup,
	SYS_io_destroy,
	SYS_io_submit,
	SYS_io_cancel,
	SYS_io_getevents,
	SYS_io_pgetevents,
	/* Waiting for descriptors. */
	SYS_ppoll,
	SYS_pselect6,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_epoll_pwait2,
	SYS_eventfd2,
	SYS_signalfd4,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_pipe2,
	/* Sockets: in the job's own network, which has only the loopback. */
	SYS_socketpair,
	SYS_bind,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
	SYS_connect,
	SYS_shutdown,
	SYS_getsockname,
	SYS_getpeername,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendmmsg,
	SYS_recvmmsg,
	/* Memory. */
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_mincore,
	SYS_msync,
	SYS_mlock,
	SYS_mlock2,
	SYS_munlock,
	SYS_mlockall,
	SYS_munlockall,
	SYS_remap_file_pages,
	SYS_pkey_alloc,
	SYS_pkey_free,
	SYS_pkey_mprotect,
	SYS_membarrier,
	/* Processes and threads. */
	SYS_execve,
	SYS_execveat,
	SYS_exit,
	SYS_exit_group,
	SYS_wait4,
	SYS_waitid,
	SYS_getpid,
	SYS_getppid,
	SYS_gettid,
	SYS_set_tid_address,
	SYS_setsid,
	SYS_getsid,
	SYS_setpgid,
	SYS_getpgid,
	SYS_prctl,
	SYS_futex,
	SYS_futex_waitv,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_rseq,
	SYS_kill,
	SYS_tkill,
	SYS_tgkill,
	SYS_pidfd_open,
	SYS_pidfd_send_signal,
	SYS_process_mrelease,
	SYS_restart_syscall,
	/* Signals. */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigpending,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
	SYS_rt_sigreturn,
	SYS_rt_sigsuspend,
	SYS_rt_sigtimedwait,
	SYS_sigaltstack,
	/* Time; reading the clocks, not setting them. */
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_getitimer,
	SYS_setitimer,
	SYS_timer_create,
	SYS_timer_delete,
	SYS_timer_getoverrun,
	SYS_timer_gettime,
	SYS_timer_settime,
	SYS_times,
	/* Scheduling and limits, which only ever get tighter. */
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_sched_setaffinity,
	SYS_sched_getattr,
	SYS_sched_setattr,
	SYS_sched_getparam,
	SYS_sched_setparam,
	SYS_sched_getscheduler,
	SYS_sched_setscheduler,
	SYS_sched_get_priority_max,
	SYS_sched_get_priority_min,
	SYS_sched_rr_get_interval,
	SYS_getpriority,
	SYS_setpriority,
	SYS_ioprio_get,
	SYS_ioprio_set,
	SYS_getrlimit,
	SYS_setrlimit,
	SYS_prlimit64,
	SYS_getrusage,
	SYS_getcpu,
	/* Ids; without capabilities they can be changed to themselves. */
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getresuid,
	SYS_getresgid,
	SYS_getgroups,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setfsuid,
	SYS_setfsgid,
	SYS_setgroups,
	SYS_capget,
	SYS_capset,
	/* System V and POSIX IPC, in the job's own namespace. */
	SYS_shmget,
	SYS_shmat,
	SYS_shmdt,
	SYS_shmctl,
	SYS_semget,
	SYS_semop,
	SYS_semctl,
	SYS_semtimedop,
	SYS_msgget,
	SYS_msgsnd,
	SYS_msgrcv,
	SYS_msgctl,
	SYS_mq_open,
	SYS_mq_unlink,
	SYS_mq_timedsend,
	SYS_mq_timedreceive,
	SYS_mq_notify,
	SYS_mq_getsetattr,
	/* The rest: what the system is, randomness, sandboxing oneself. */
	SYS_uname,
	SYS_sysinfo,
	SYS_getrandom,
	SYS_seccomp,
	SYS_landlock_create_ruleset,
	SYS_landlock_add_rule,
	SYS_landlock_restrict_self,
#ifdef __x86_64__
	/* What the calls above have replaced, and this architecture keeps. */
	SYS_open,
	SYS_creat,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_getdents,
	SYS_mkdir,
	SYS_rmdir,
	SYS_unlink,
	SYS_symlink,
	SYS_link,
	SYS_rename,
	SYS_renameat,
	SYS_chmod,
	SYS_chown,
	SYS_lchown,
	SYS_utime,
	SYS_utimes,
	SYS_futimesat,
	SYS_dup2,
	SYS_pipe,
	SYS_poll,
	SYS_select,
	SYS_epoll_create,
	SYS_epoll_wait,
	SYS_epoll_ctl_old,
	SYS_epoll_wait_old,
	SYS_eventfd,
	SYS_signalfd,
	SYS_inotify_init,
	SYS_fork,
	SYS_vfork,
	SYS_getpgrp,
	SYS_alarm,
	SYS_pause,
	SYS_time,
	SYS_arch_prctl,
	SYS_get_thread_area,
	SYS_set_thread_area,
#else
	SYS_renameat,
#endif
};

/*
 * Calls that the C library's headers may not have yet. New numbers are the
 * same on all architectures. All are variants of calls that are allowed.
 */
static const uint16_t job_allowed_new[] = {
	451, /* cachestat */
	452, /* fchmodat2 */
	453, /* map_shadow_stack */
	454, 455, 456, /* futex_wake, futex_wait, futex_requeue */
	462, /* mseal */
	463, 464, 465, 466, /* setxattrat, getxattrat, listxattrat, ... */
};

/* Known and refused: EPERM tells a program that it is about permission. */
static const uint16_t job_refused[] = {
	/* Namespaces, mounts and roots. */
	SYS_unshare,
	SYS_setns,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_name_to_handle_at,
	SYS_open_by_handle_at,
	SYS_quotactl,
	SYS_quotactl_fd,
	SYS_fanotify_init,
	SYS_fanotify_mark,
	/* Other processes' memory and descriptors. */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_process_madvise,
	SYS_kcmp,
	SYS_pidfd_getfd,
	/* Large surfaces in the kernel that a job does not need. */
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	/* Placement of memory on the host's nodes. */
	SYS_mbind,
	SYS_get_mempolicy,
	SYS_set_mempolicy,
	SYS_set_mempolicy_home_node,
	SYS_migrate_pages,
	SYS_move_pages,
	/* The machine. */
	SYS_reboot,
	SYS_kexec_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_syslog,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_vhangup,
	SYS_lookup_dcookie,
	SYS_nfsservctl,
#ifdef __x86_64__
	SYS_kexec_file_load,
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
	SYS__sysctl,
	SYS_uselib,
	SYS_ustat,
	SYS_sysfs,
	SYS_create_module,
	SYS_get_kernel_syms,
	SYS_query_module,
#endif
};

/* Allowed or not by their arguments, see bpf.c. */
static const struct {
	uint16_t nr;
	enum verdict verdict;
} job_checked[] = {
	{ SYS_clone, V_CLONE },
	{ SYS_socket, V_SOCKET },
	{ SYS_personality, V_PERSONALITY },
	{ SYS_ioctl, V_IOCTL },
	{ SYS_mknodat, V_MKNODAT },
#ifdef __x86_64__
	{ SYS_mknod, V_MKNOD },
#endif
};

/*
 * The relay: everything else kills it, and with it the job. It can neither
 * open a file nor signal, start or trace anything.
 */
static const uint16_t relay_allowed[] = {
	SYS_ppoll, /* its loop; poll() is made of it on some architectures */
	SYS_splice, /* pipe to output file */
	SYS_pwrite64, /* index, exit record */
	SYS_pread64, /* memory.events */
	SYS_write, /* cgroup.kill */
	SYS_sendmsg, /* to the supervisor */
	SYS_recvmsg, /* from the supervisor */
	SYS_shutdown, /* after the last message to it */
	SYS_sendto, /* one byte to those that watch */
	SYS_recvfrom, /* the exit status, from pid 1 */
	SYS_waitid, /* for pid 1 */
	SYS_close, /* of watchers that are gone */
	SYS_clock_gettime, /* where it is not read without a call */
	SYS_rt_sigreturn, /* after a stop and continue */
	SYS_restart_syscall, /* the same */
	SYS_exit_group,
#ifdef __x86_64__
	SYS_poll,
#endif
};

static void
set_all(uint8_t *map, const uint16_t *nrs, size_t n, enum verdict verdict)
{
	size_t i;

	for (i = 0; i < n; i++)
		map[nrs[i]] = verdict;
}

int
filter_job(struct bpf_program *p)
{
	uint8_t map[BPF_NR_MAX];
	size_t i;

	memset(map, V_UNKNOWN, sizeof(map));
	set_all(map, job_allowed, NELEM(job_allowed), V_ALLOW);
	set_all(map, job_allowed_new, NELEM(job_allowed_new), V_ALLOW);
	set_all(map, job_refused, NELEM(job_refused), V_REFUSE);
	for (i = 0; i < NELEM(job_checked); i++)
		map[job_checked[i].nr] = job_checked[i].verdict;
	return bpf_build(p, map, V_UNKNOWN);
}

int
filter_relay(struct bpf_program *p)
{
	uint8_t map[BPF_NR_MAX];

	memset(map, V_KILL, sizeof(map));
	set_all(map, relay_allowed, NELEM(relay_allowed), V_ALLOW);
	return bpf_build(p, map, V_KILL);
}
