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

# Telehandler, built with GNU make. The targets:
#
#   make                builds everything below $(O)
#   make deps           installs the Debian packages (needs root)
#   make install        installs below $(DESTDIR)$(PREFIX)
#   make demo           a job under limits, from nothing (needs root)
#   make check          every test; the end-to-end suite runs in a VM
#   make check-native   the end-to-end suite on this host
#   make check-asan     under the address and undefined behaviour sanitizers
#   make check-long     that, and each fuzzer for ten minutes
#   make fuzz           the fuzzers, FUZZ_SECONDS in all
#   make lint           formatting, manuals, static analysis, clang
#   make bench          the benchmarks
#   make clean          removes $(O)

ifeq ($(origin CC),default)
CC := gcc
endif
O ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
YACC := bison
VERSION := 0.1

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
	-Wpointer-arith -Wcast-qual -Wsign-compare \
	-Wmisleading-indentation -Wimplicit-fallthrough -Wformat=2 -Wvla
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now
OPT ?= -O2 -g
WERROR ?=
SANITIZE ?=

# One line per command; make V=1 shows them whole.
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

pc_cflags = $(shell $(PKG_CONFIG) --cflags $(1))
pc_libs = $(shell $(PKG_CONFIG) --libs $(1))

CPPFLAGS_ALL := -D_GNU_SOURCE -DLIBBSD_OPENBSD_VIS \
	-DTH_VERSION='"$(VERSION)"' -Icommon -isystem $(O)/gen $(CPPFLAGS) \
	$(call pc_cflags,libbsd-overlay)
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(SANITIZE) $(CFLAGS)
LDFLAGS_ALL := $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

# ---------------------------------------------------------------- sources

PROTO := drrev/telehandler/foreman/v1alpha1/telehandler \
	google/rpc/status google/rpc/error_details
WKT := google/protobuf/timestamp google/protobuf/duration \
	google/protobuf/empty google/protobuf/any
GEN_C := $(PROTO:%=$(O)/gen/%.pb-c.c) $(WKT:%=$(O)/gen/%.pb-c.c)
GEN_O := $(GEN_C:.c=.o)

COMMON_FRONT := chan imsg log msg priv proc wire
COMMON_SUP := chan imsg log msg proc wire
COMMON_EXEC := exitrec imsg log msg priv proc wire

objs = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard $(1)/*.c))) \
	$(patsubst %.y,$(O)/%.o,$(wildcard $(1)/*.y))
common_objs = $(patsubst %,$(O)/common/%.o,$(1))

# thd finds its helpers by a path compiled into one object.
THD_OBJS := $(filter-out $(O)/supervisor/paths.o,$(call objs,supervisor)) \
	$(call common_objs,$(COMMON_SUP))
FRONT_OBJS := $(call objs,frontend) $(call common_objs,$(COMMON_FRONT)) $(GEN_O)
EXEC_OBJS := $(call objs,jobexec) $(call common_objs,$(COMMON_EXEC))
CTL_OBJS := $(call objs,thctl) $(GEN_O)

THD := $(O)/sbin/thd
THD_INSTALL := $(O)/install/thd
FRONT := $(O)/libexec/thd/frontend
EXEC := $(O)/libexec/thd/jobexec
CTL := $(O)/bin/thctl

LIBS_SUP = $(call pc_libs,libevent_core libbsd-overlay)
LIBS_FRONT = $(call pc_libs,libssl libcrypto libnghttp2 libprotobuf-c \
	libevent_core libseccomp libbsd-overlay)
# Static: a fork has less to copy, and a job's helper less to page in. The
# sanitizers cannot do that.
LIBS_EXEC = $(call pc_libs,libbsd-overlay)
ifeq ($(SANITIZE),)
EXEC_STATIC = -static-pie $(shell $(PKG_CONFIG) --static --libs libbsd-overlay)
endif
LIBS_CTL = $(call pc_libs,libssl libcrypto libnghttp2 libprotobuf-c \
	libbsd-overlay)

.PHONY: all deps install install-docs check check-native lint demo bench clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(THD) $(FRONT) $(EXEC) $(CTL)

# ------------------------------------------------------------------ rules

$(O)/%.o: %.c $(O)/flags.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote $(<D) $(CFLAGS_ALL) $(WERROR) -MMD -MP -c $< -o $@

# Generated code: not ours to format or to warn about.
$(O)/gen/%.o: $(O)/gen/%.c $(O)/flags.stamp
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -w -MMD -MP -c $< -o $@

$(O)/%.c: %.y
	@mkdir -p $(@D)
	$(call say,YACC,$<)
	$(Q)$(YACC) -Wno-yacc -o $@ $<

$(O)/supervisor/parse.o: $(O)/supervisor/parse.c $(O)/flags.stamp
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote supervisor $(CFLAGS_ALL) $(WERROR) -MMD -MP -c $< -o $@

$(O)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(O)/gen
	$(call say,PROTOC,$<)
	$(Q)$(PROTOC_C) --c_out=$(O)/gen -Iproto -I/usr/include $<

$(WKT:%=$(O)/gen/%.pb-c.c): $(O)/gen/%.pb-c.c: /usr/include/%.proto
	@mkdir -p $(O)/gen
	$(call say,PROTOC,$<)
	$(Q)$(PROTOC_C) --c_out=$(O)/gen -I/usr/include $<

# Headers of the generated code must be there before it is included.
$(call objs,frontend) $(call objs,thctl) $(GEN_O): | $(GEN_C)

# A change of compiler or flags rebuilds; a second make does nothing.
$(O)/flags.stamp: FORCE
	@mkdir -p $(O)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(EXEC_STATIC))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(O)/prefix.stamp: FORCE
	@mkdir -p $(O)
	@printf '%s\n' '$(PREFIX)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(O)/tree/paths.o: supervisor/paths.c $(O)/flags.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote supervisor $(CFLAGS_ALL) $(WERROR) \
	    -DTH_LIBEXEC='"$(abspath $(O))/libexec/thd"' -MMD -MP -c $< -o $@

$(O)/install/paths.o: supervisor/paths.c $(O)/flags.stamp $(O)/prefix.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -iquote supervisor $(CFLAGS_ALL) $(WERROR) \
	    -DTH_LIBEXEC='"$(PREFIX)/libexec/thd"' -MMD -MP -c $< -o $@

link = $(Q)mkdir -p $(@D); echo '  LD      $@'; $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) \
	-o $@ $(filter %.o,$^)

$(THD): $(THD_OBJS) $(O)/tree/paths.o
	$(link) $(LIBS_SUP)
$(THD_INSTALL): $(THD_OBJS) $(O)/install/paths.o
	$(link) $(LIBS_SUP)
$(FRONT): $(FRONT_OBJS)
	$(link) $(LIBS_FRONT)
$(EXEC): $(EXEC_OBJS)
	$(link) $(or $(EXEC_STATIC),$(LIBS_EXEC))
$(CTL): $(CTL_OBJS)
	$(link) $(LIBS_CTL)

# ---------------------------------------------------------------- install

deps:
	regress/deps

COMPLETION := $(O)/install/thctl.bash
$(COMPLETION): $(CTL)
	@mkdir -p $(@D)
	$(Q)$(CTL) completion bash > $@

# The manuals say where jobexec and frontend are.
MAN := $(O)/install/man
SHARE := $(DESTDIR)$(PREFIX)/share

install-docs: $(COMPLETION)
	install -d $(MAN) $(SHARE)/man/man5 $(SHARE)/man/man8 \
	    $(SHARE)/bash-completion/completions
	for page in thd.8 thctl.8 thd.conf.5; do \
	    sed 's|/usr/local/libexec|$(PREFIX)/libexec|' man/$$page \
	        > $(MAN)/$$page || exit 1; done
	install -m 644 $(MAN)/*.8 $(SHARE)/man/man8
	install -m 644 $(MAN)/*.5 $(SHARE)/man/man5
	install -m 644 $(COMPLETION) $(SHARE)/bash-completion/completions/thctl

# What an administrator installs names programs below $(PREFIX).
ETC := $(addprefix $(O)/etc/,thd.service thd-jobs.service thd.init)
$(O)/etc/%: etc/% $(O)/prefix.stamp
	@mkdir -p $(@D)
	$(Q)sed 's,@PREFIX@,$(PREFIX),g' $< > $@

install: all $(THD_INSTALL) $(ETC) install-docs
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(PREFIX)/libexec/thd
	install -m 755 $(THD_INSTALL) $(DESTDIR)$(PREFIX)/sbin/thd
	install -m 755 $(FRONT) $(DESTDIR)$(PREFIX)/libexec/thd/frontend
	install -m 755 $(EXEC) $(DESTDIR)$(PREFIX)/libexec/thd/jobexec
	install -m 755 $(CTL) $(DESTDIR)$(PREFIX)/bin/thctl
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/thd
	test -e $(DESTDIR)$(SYSCONFDIR)/thd/thd.conf || \
	    install -m 644 etc/thd.conf $(DESTDIR)$(SYSCONFDIR)/thd/thd.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(O)/etc/thd.service $(O)/etc/thd-jobs.service
	install -D -m 644 etc/thd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/thd.conf
	install -D -m 644 etc/thd.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/thd.conf
	install -D -m 755 $(O)/etc/thd.init $(DESTDIR)$(SYSCONFDIR)/init.d/thd

clean:
	rm -rf $(O)

include regress/Makefile.inc

-include $(wildcard $(foreach d,common supervisor frontend jobexec thctl tree install unit gen/*/* gen/*/*/*/*,$(O)/$(d)/*.d))
