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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <limits.h>
#include <paths.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

int
command_prepare(struct command *cmd, const struct init *in, struct fail *f)
{
	cmd->cwd = in->msg->cwd;
	cmd->sync = in->sync;
	cmd->argv = wire_strings_split(&in->msg->argv, in->msg->argc, 1);
	cmd->env = wire_strings_split(&in->msg->env, in->msg->envc, 0);
	if (cmd->argv == NULL || cmd->env == NULL)
		return fail_set(f, STAGE_EXEC, "arguments");
	cmd->argv[0] = (char *)(uintptr_t)in->msg->command;
	return 0;
}

/*
 * The working directory must be within the job's own tree. For one that is
 * not the kernel gives a path that does not start with a slash; the library's
 * function would go on searching.
 */
static int
enter_cwd(const char *cwd, struct fail *f)
{
	static char path[PATH_MAX];

	if (chdir(cwd) == -1)
		return fail_set(f, STAGE_CHDIR, "%s", cwd);
	if (syscall(SYS_getcwd, path, sizeof(path)) == -1 || path[0] != '/')
		return fail_with(f, STAGE_CHDIR, ENOENT, cwd);
	return 0;
}

static int
wait_for_go(int sync)
{
	ssize_t n;
	char c;

	do {
		n = recv(sync, &c, sizeof(c), 0);
	} while (n == -1 && errno == EINTR);
	return n == 1 ? 0 : -1;
}

static const char *
search_path(char *const *env)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return _PATH_DEFPATH;
}

/* Is this only the wrong directory, so that the search goes on? */
static int
not_here(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	    error == ENAMETOOLONG || error == ELOOP;
}

/*
 * Try each directory of PATH; an empty one is the working directory. Leaves
 * the errno that says most: if the command was there in one but could not be
 * executed, that one's.
 */
static void
exec_search(const struct command *cmd, const char *dir)
{
	static char path[PATH_MAX + NAME_MAX];
	const char *name = cmd->argv[0];
	int len, error = ENOENT;

	for (;; dir += len + 1) {
		len = strcspn(dir, ":");
		if ((size_t)snprintf(path, sizeof(path), "%.*s%s%s", len, dir,
			len > 0 ? "/" : "", name) < sizeof(path)) {
			execve(path, cmd->argv, cmd->env);
			if (errno == EACCES)
				error = EACCES;
			else if (!not_here(errno))
				return;
		}
		if (dir[len] == '\0')
			break;
	}
	errno = error;
}

void
command_run(const struct command *cmd, struct fail *f)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (setsid() == -1) {
		fail_set(f, STAGE_EXEC, "setsid");
		return;
	}
	if (enter_cwd(cmd->cwd, f) == -1)
		return;
	if (wait_for_go(cmd->sync) == -1)
		_exit(1);
	if (strchr(cmd->argv[0], '/') != NULL)
		execve(cmd->argv[0], cmd->argv, cmd->env);
	else
		exec_search(cmd, search_path(cmd->env));
	fail_set(f, STAGE_EXEC, "%s", cmd->argv[0]);
}
