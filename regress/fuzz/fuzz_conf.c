/* LINK: supervisor/conf.c supervisor/conf_build.c supervisor/conf_lex.c supervisor/conf_macro.c supervisor/conf_val.c supervisor/parse.y common/log.c */
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
#include <sys/mman.h>
#include <sys/stat.h>

#include <unistd.h>

#include "conf.h"

#include "fuzz.h"

/*
 * thd.conf from memory. What parses is printed, and that must parse again to
 * the same. (An include finds nothing that it may read.)
 */

static char *
parse(const void *data, size_t size)
{
	struct conf *conf;
	char path[64], *text = NULL;
	size_t len;
	FILE *fp;
	int fd;

	MUST((fd = memfd_create("thd.conf", MFD_CLOEXEC)) != -1);
	MUST(fchmod(fd, 0600) == 0);
	MUST(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((conf = conf_parse(path)) != NULL) {
		MUST((fp = open_memstream(&text, &len)) != NULL);
		conf_print(conf, fp);
		MUST(fclose(fp) == 0);
		conf_free(conf);
	}
	close(fd);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first, *second;

	if ((first = parse(data, size)) == NULL)
		return 0;
	MUST((second = parse(first, strlen(first))) != NULL);
	MUST(strcmp(first, second) == 0);
	free(first);
	free(second);
	return 0;
}
