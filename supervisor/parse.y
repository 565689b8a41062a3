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

%{

/*
 * The grammar of thd.conf(5). The lexer below it (conf_lex.c) knows files,
 * quotes, comments and macros; the tables of conf_val.c know values.
 *
 * A statement is a line; "\" at its end continues it, "#" begins a comment.
 * Words are bare or in quotes ('...' or "...", with \" \' \\); quoted, a
 * word is never a keyword. Numbers are decimal. A SIZE is a number and
 * nothing, K, M, G or T (powers of 1024); a DURATION is a number and us, ms,
 * s, m or h. Most limits of a class also take "unlimited".
 *
 *	name = value ...		then $name stands for the value's text,
 *					also within a bare word ($dir/state),
 *					never within quotes
 *	include "file"			a relative name is relative to the
 *					file that includes it
 *
 *	listen on ADDRESS port PORT	numeric, several; 127.0.0.1 port 6443
 *	socket "PATH" [mode MODE]	thd.sock in the run directory, 0666
 *	socket none
 *	state directory "PATH"		/var/lib/thd
 *	run directory "PATH"		/run/thd
 *	certificate "PATH"		/etc/thd/server.pem
 *	key "PATH"			/etc/thd/server-key.pem
 *	ca "PATH"			/etc/thd/ca.pem
 *	cgroup "PATH"			found by itself
 *	frontend user USER		_thfront; USER is a name, UID or
 *	relay user USER			_threlay   UID:GID, never root
 *	job user USER			_thjob
 *	limits strict | best-effort	strict
 *	on stop keep | kill		keep
 *	workers N			1
 *	max connections N		4096
 *	max connections per address N	2048
 *	max connections per identity N	2048
 *	max half-open N			64
 *	max streams N			128
 *	handshake timeout DURATION	10s
 *
 *	class "NAME" {			settings by line or comma
 *		cpu quota DURATION [period DURATION]	100ms, 1s
 *		memory max SIZE				512M
 *		memory high SIZE			384M
 *		memory swap SIZE			0
 *		oom group yes | no			yes
 *		pids max N				512
 *		io read SIZE				80M a second
 *		io write SIZE				40M a second
 *		io read-ops N				1000 a second
 *		io write-ops N				1000 a second
 *		stop grace DURATION			10s
 *	}
 *
 * The class "default" is always there, with the values above; a block of its
 * name changes what it names. Other classes start from the values of
 * "default", whose block therefore comes before theirs.
 *
 *	permit | deny  identity "NAME" | any
 *	    [methods { start stop status watch wait }]  jobs own | any
 *
 * The last rule that matches decides; without one the answer is no. NAME is
 * what the certificate says, or uid:ACCOUNT on the local socket. Without
 * methods a rule is about all of them.
 *
 * Each setting is given once. Every error of a file is reported.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_build.h"
#include "conf_lex.h"
#include "conf_val.h"
#include "log.h"

static int yylex(void);
static void yyerror(const char *);
static char *join(char *, char *);
%}

%define parse.error custom
%define parse.lac full
%expect 0

%union {
	char *string;
	unsigned int number;
}

%token YYEOF 0 "end of file"
%token NL "end of line"
%token OPEN "{" CLOSE "}" COMMA "," EQUAL "="
%token INCLUDE "include"
%token LISTEN "listen" SOCKET "socket" STATE "state" RUN "run"
%token CERTIFICATE "certificate" KEY "key" CA "ca" CGROUP "cgroup"
%token FRONTEND "frontend" RELAY "relay" JOB "job" LIMITS "limits"
%token ON "on" WORKERS "workers" MAX "max" HANDSHAKE "handshake"
%token CLASS "class" PERMIT "permit" DENY "deny"
%token DIRECTORY "directory" PORT "port" NONE "none" MODE "mode"
%token USER "user" CONNECTIONS "connections" PER "per"
%token ADDRESS "address" HALFOPEN "half-open" STREAMS "streams"
%token TIMEOUT "timeout" CPU "cpu" QUOTA "quota" PERIOD "period"
%token MEMORY "memory" HIGH "high" SWAP "swap" OOM "oom" GROUP "group"
%token PIDS "pids" IO "io" STOP "stop" READ "read" WRITE "write"
%token READOPS "read-ops" WRITEOPS "write-ops" GRACE "grace"
%token IDENTITY "identity" ANY "any" METHODS "methods" JOBS "jobs" OWN "own"
%token <string> MACRO "name = value"
%token <string> STRING "a value"

%type <string> words who mode period method
%type <number> main_key class_key action methods method_list scope

%destructor { free($$); } <string>

%%

file	: %empty
	| file NL
	| file INCLUDE STRING NL {
		lex_include($3);
		free($3);
	}
	| file MACRO words NL {
		lex_macro($2, $3);
		free($2);
		free($3);
	}
	| file setting NL
	| file class NL
	| file rule NL
	| file error NL {
		yyerrok;
	}
	| file error OPEN { lex_skip_block(); } CLOSE NL {
		yyerrok;
	}
	;

words	: STRING
	| words STRING {
		if (($$ = join($1, $2)) == NULL)
			YYABORT;
	}
	;

setting	: LISTEN ON STRING PORT STRING {
		build_listen($3, $5);
	}
	| SOCKET NONE {
		build_socket(NULL, NULL);
	}
	| SOCKET STRING mode {
		build_socket($2, $3);
	}
	| main_key STRING {
		build_key($1, $2);
	}
	;

mode	: %empty {
		$$ = NULL;
	}
	| MODE STRING {
		$$ = $2;
	}
	;

main_key: STATE DIRECTORY {
		$$ = KEY_STATE_DIR;
	}
	| RUN DIRECTORY {
		$$ = KEY_RUN_DIR;
	}
	| CERTIFICATE {
		$$ = KEY_CERT;
	}
	| KEY {
		$$ = KEY_KEY;
	}
	| CA {
		$$ = KEY_CA;
	}
	| CGROUP {
		$$ = KEY_CGROUP;
	}
	| FRONTEND USER {
		$$ = KEY_FRONT_USER;
	}
	| RELAY USER {
		$$ = KEY_RELAY_USER;
	}
	| JOB USER {
		$$ = KEY_JOB_USER;
	}
	| LIMITS {
		$$ = KEY_LIMITS;
	}
	| ON STOP {
		$$ = KEY_ON_STOP;
	}
	| WORKERS {
		$$ = KEY_WORKERS;
	}
	| MAX CONNECTIONS {
		$$ = KEY_MAX_CONNECTIONS;
	}
	| MAX CONNECTIONS PER ADDRESS {
		$$ = KEY_MAX_PER_ADDRESS;
	}
	| MAX CONNECTIONS PER IDENTITY {
		$$ = KEY_MAX_PER_IDENTITY;
	}
	| MAX HALFOPEN {
		$$ = KEY_MAX_HALF_OPEN;
	}
	| MAX STREAMS {
		$$ = KEY_MAX_STREAMS;
	}
	| HANDSHAKE TIMEOUT {
		$$ = KEY_HANDSHAKE_TIMEOUT;
	}
	;

class	: class_head body CLOSE {
		build_class_end();
	}
	;

class_head: CLASS STRING OPEN {
		if (build_class($2) == -1)
			YYABORT;
	}
	;

/* An error ends with its line, its comma or the block. */
body	: lines
	| lines item
	| lines error
	;

lines	: %empty
	| lines sep
	| lines item sep
	| lines error sep {
		yyerrok;
	}
	;

sep	: NL
	| COMMA
	;

item	: class_key STRING {
		build_class_key($1, $2);
	}
	| CPU QUOTA STRING period {
		build_class_key(CLASS_CPU_QUOTA, $3);
		if ($4 != NULL)
			build_class_key(CLASS_CPU_PERIOD, $4);
	}
	;

period	: %empty {
		$$ = NULL;
	}
	| PERIOD STRING {
		$$ = $2;
	}
	;

class_key: MEMORY MAX {
		$$ = CLASS_MEMORY_MAX;
	}
	| MEMORY HIGH {
		$$ = CLASS_MEMORY_HIGH;
	}
	| MEMORY SWAP {
		$$ = CLASS_MEMORY_SWAP;
	}
	| OOM GROUP {
		$$ = CLASS_OOM_GROUP;
	}
	| PIDS MAX {
		$$ = CLASS_PIDS_MAX;
	}
	| IO READ {
		$$ = CLASS_IO_READ;
	}
	| IO WRITE {
		$$ = CLASS_IO_WRITE;
	}
	| IO READOPS {
		$$ = CLASS_IO_READ_OPS;
	}
	| IO WRITEOPS {
		$$ = CLASS_IO_WRITE_OPS;
	}
	| STOP GRACE {
		$$ = CLASS_STOP_GRACE;
	}
	;

rule	: action who methods JOBS scope {
		if (build_rule($1, $2, $3, $5) == -1)
			YYABORT;
	}
	;

action	: PERMIT {
		$$ = 1;
	}
	| DENY {
		$$ = 0;
	}
	;

who	: IDENTITY STRING {
		$$ = $2;
	}
	| ANY {
		$$ = NULL;
	}
	;

methods	: %empty {
		$$ = METHOD_ALL;
	}
	| METHODS OPEN blanks method_list CLOSE {
		$$ = $4;
	}
	;

method_list: method blanks {
		$$ = build_method($1);
	}
	| method_list method blanks {
		$$ = $1 | build_method($2);
	}
	;

method	: STRING
	| STOP {
		if (($$ = strdup("stop")) == NULL)
			YYNOMEM;
	}
	;

blanks	: %empty
	| blanks sep
	;

scope	: OWN {
		$$ = SCOPE_OWN;
	}
	| ANY {
		$$ = SCOPE_ANY;
	}
	;

%%

/* Sorted, for bsearch(3). */
static const struct keyword {
	const char *word;
	int token;
} keywords[] = {
	{ "address", ADDRESS },
	{ "any", ANY },
	{ "ca", CA },
	{ "certificate", CERTIFICATE },
	{ "cgroup", CGROUP },
	{ "class", CLASS },
	{ "connections", CONNECTIONS },
	{ "cpu", CPU },
	{ "deny", DENY },
	{ "directory", DIRECTORY },
	{ "frontend", FRONTEND },
	{ "grace", GRACE },
	{ "group", GROUP },
	{ "half-open", HALFOPEN },
	{ "handshake", HANDSHAKE },
	{ "high", HIGH },
	{ "identity", IDENTITY },
	{ "include", INCLUDE },
	{ "io", IO },
	{ "job", JOB },
	{ "jobs", JOBS },
	{ "key", KEY },
	{ "limits", LIMITS },
	{ "listen", LISTEN },
	{ "max", MAX },
	{ "memory", MEMORY },
	{ "methods", METHODS },
	{ "mode", MODE },
	{ "none", NONE },
	{ "on", ON },
	{ "oom", OOM },
	{ "own", OWN },
	{ "per", PER },
	{ "period", PERIOD },
	{ "permit", PERMIT },
	{ "pids", PIDS },
	{ "port", PORT },
	{ "quota", QUOTA },
	{ "read", READ },
	{ "read-ops", READOPS },
	{ "relay", RELAY },
	{ "run", RUN },
	{ "socket", SOCKET },
	{ "state", STATE },
	{ "stop", STOP },
	{ "streams", STREAMS },
	{ "swap", SWAP },
	{ "timeout", TIMEOUT },
	{ "user", USER },
	{ "workers", WORKERS },
	{ "write", WRITE },
	{ "write-ops", WRITEOPS }
};

/* The last token, for the text of errors. */
static enum lex_kind last;
static int at_start; /* did it begin a statement? */
static int in_value; /* of a macro: no keywords there */

static int
keyword_cmp(const void *word, const void *kw)
{
	return strcmp(word, ((const struct keyword *)kw)->word);
}

static int
yylex(void)
{
	static const int tokens[] = { [LEX_EOF] = YYEOF, [LEX_NL] = NL,
		[LEX_WORD] = STRING, [LEX_QUOTED] = STRING,
		[LEX_MACRO] = MACRO, [LEX_OPEN] = OPEN, [LEX_CLOSE] = CLOSE,
		[LEX_COMMA] = COMMA, [LEX_EQUAL] = EQUAL,
		[LEX_ERROR] = YYerror };
	const struct keyword *kw;

	at_start = last == LEX_NL || last == LEX_OPEN || last == LEX_COMMA;
	last = lex_next();
	if (last == LEX_NL)
		in_value = 0;
	if (last == LEX_WORD && !in_value &&
	    (kw = bsearch(lex_text(), keywords,
	    sizeof(keywords) / sizeof(keywords[0]), sizeof(keywords[0]),
	    keyword_cmp)) != NULL)
		return kw->token;
	if (last == LEX_MACRO)
		in_value = 1;
	if (tokens[last] == STRING || tokens[last] == MACRO) {
		if ((yylval.string = strdup(lex_text())) == NULL) {
			lex_error("%s", strerror(errno));
			return YYerror;
		}
	}
	return tokens[last];
}

/* bison's own troubles: memory. */
static void
yyerror(const char *text)
{
	lex_error("%s", text);
}

/* "a", "a or b", "a, b or c". Returns if a value is among them. */
static int
expected(const yypcontext_t *ctx, char *buf, size_t size)
{
	yysymbol_kind_t want[YYNTOKENS];
	const char *sep;
	int i, n, value = 0;

	n = yypcontext_expected_tokens(ctx, want, YYNTOKENS);
	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		/* An empty line is allowed, but not what was meant. */
		if (at_start && (want[i] == YYSYMBOL_YYEOF ||
		    want[i] == YYSYMBOL_NL || want[i] == YYSYMBOL_COMMA))
			continue;
		value |= want[i] == YYSYMBOL_STRING;
		sep = buf[0] == '\0' ? "" : i == n - 1 ? " or " : ", ";
		strlcat(buf, sep, size);
		strlcat(buf, yysymbol_name(want[i]), size);
	}
	return value;
}

static int
yyreport_syntax_error(const yypcontext_t *ctx)
{
	char want[1024];
	yysymbol_kind_t token = yypcontext_token(ctx);
	const char *hint = "";
	int value;

	value = expected(ctx, want, sizeof(want));
	if (token == YYSYMBOL_NL || token == YYSYMBOL_YYEOF) {
		lex_error("unexpected %s, expected %s", yysymbol_name(token),
		    want);
		return 0;
	}
	if (value && last == LEX_WORD)
		hint = " (a keyword is a value if quoted)";
	lex_error("%s \"%s\", expected %s%s",
	    at_start && last == LEX_WORD && token == YYSYMBOL_STRING ?
	    "unknown keyword" : "unexpected",
	    log_vis(lex_text()), want, hint);
	return 0;
}

/* Two words of a macro's value. Frees both, returns NULL if that failed. */
static char *
join(char *a, char *b)
{
	char *both;

	if (asprintf(&both, "%s %s", a, b) == -1) {
		lex_error("%s", strerror(errno));
		both = NULL;
	}
	free(a);
	free(b);
	return both;
}

struct conf *
conf_parse(const char *path)
{
	last = LEX_NL;
	in_value = 0;
	if (build_begin(path) == -1)
		return NULL;
	if (lex_open(path) == 0 && yyparse() == 0)
		build_finish();
	return build_end(lex_close() == 0);
}
