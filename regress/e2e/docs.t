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

"""The manuals against the programs and their sources: nothing is on one side
only. $THD and $THCTL are the programs. Needs no root and no daemon.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import labtest  # noqa: E402
import mdoc  # noqa: E402

THD, THCTL = os.environ['THD'], os.environ['THCTL']
PLACEHOLDER = re.compile(r'\b(ADDRESS|CAPABILITY|COMMAND|DETAIL|FILE|IDENTITY|KEY|LINE|'
                         r'NAMES?|N|PATH|REASON|STAGE|TEXT|UUID|WHAT)\b')

thd8 = mdoc.page('thd.8')
thctl8 = mdoc.page('thctl.8')
conf5 = mdoc.page('thd.conf.5')


def source(path):
    with open(f'{labtest.TOP}/{path}') as f:
        return f.read()


def same(page, program, name):
    """Two sets are equal; if not, says what stands on one side only."""
    page, program = set(page), set(program)
    labtest.ok(page == program and page, name,
               f'only in the manual: {sorted(page - program)}, '
               f'only in the program: {sorted(program - page)}')


def output(*args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **kw).stdout


def flat(text):
    """Running text without macros."""
    out = []
    for line in text.split('\n'):
        if line.startswith('.'):
            line = ' '.join(w for w in line[1:].split()
                            if not re.fullmatch(r'[A-Z][a-z]', w))
        out.append(mdoc.plain(line))
    return re.sub(r' ([,.;)])', r'\1', ' '.join(out))


def macro_words(lines, macro):
    return [w for line in lines for w in mdoc.words(line, macro)]


# ------------------------------------------------------------------- thctl

def help_options(text):
    """{long name: short name and argument} of a help text."""
    out = {}
    for line in text.split('\n'):
        m = re.match(r'  (?:-(\w), |    )--([\w-]+)(?: ([A-Z=]+))?(?:  |$)',
                     line)
        if m:
            out[m.group(2)] = (m.group(1), (m.group(3) or '').lower())
    return out


def item_options(lines):
    """The same of the items of an option list."""
    out = {}
    for head, _ in mdoc.items(lines):
        letter = None
        for form in head.split(' , '):
            form = re.sub(r'\b(Fl|Ar|Ns)\b', ' ', form).split()
            if form[0].startswith('-'):
                out[form[0][1:]] = (letter, ''.join(form[1:]))
            else:
                letter = form[0]
    return out


def synopsis():
    """{verb: names of options} from the SYNOPSIS."""
    out, short = {}, {v[0]: k for k, v in every.items() if v[0]}
    text = '\n'.join(mdoc.section(thctl8, 'SYNOPSIS'))
    for form in re.split(r'^\.Nm$', text, flags=re.M)[1:]:
        names = {'quiet', 'help'}
        for line in form.split('\n'):
            for flag in mdoc.words(line, 'Fl'):
                if flag.startswith('-'):
                    names |= {flag[1:]} - {''}
                else:
                    names.add(short[flag])
        if '.Op Ar connection' in form:
            names |= set(connection)
        verb = re.search(r'^\.Cm (\w+)', form, re.M).group(1)
        out[verb] = out.get(verb, set()) | names
    return out


top = output(THCTL, 'help')
verbs = re.findall(r'^  ([a-z]+) +\S', top, re.M)
helps = {v: help_options(output(THCTL, 'help', v)) for v in verbs}
helps[''] = help_options(top)
every = {}
for options in helps.values():
    every.update(options)
connection = item_options(mdoc.section(thctl8, 'Connection options', '.Ss'))

same((h.split()[1] for h, _ in
      mdoc.items(mdoc.section(thctl8, 'Verbs', '.Ss'))
      if h.startswith('Cm ')), verbs, 'thctl(8) describes every verb')
shown = synopsis()
same(shown, verbs, 'thctl(8), SYNOPSIS: every verb')
for v in verbs:
    same(shown.get(v, ()), helps[v], f'thctl(8), SYNOPSIS: options of {v}')

listed = set()
for title in ('Options of start and run', 'Options of other verbs',
              'Connection options', 'General options'):
    listed |= set(item_options(
        mdoc.section(thctl8, title, '.Ss')).items())
# --server is two options: of the connection, and of pki.
same(listed, set(every.items()) | set(helps[''].items()) |
     set(helps['pki'].items()),
     'thctl(8) describes every option, with its argument')


def completed(*words):
    """What bash completes an empty word after these to."""
    return output('bash', '-c', 'eval "$($0 completion bash)"; '
                  'COMP_WORDS=(thctl "$@" ""); COMP_CWORD=$(($# + 1)); '
                  '_thctl; printf "%s\\n" "${COMPREPLY[@]}"',
                  THCTL, *words).split()


def spelt(options):
    return ([f'--{k}' for k in options] +
            [f'-{v[0]}' for v in options.values() if v[0]])


same(completed(), verbs + spelt(helps['']),
     'completion: verbs, and options before them')
for v in verbs:
    same(completed(v), spelt(helps[v]), f'completion: options of {v}')

settings = source('thctl/settings.c')
file_words = [t for h, t in mdoc.items(mdoc.section(thctl8, 'FILES'))
              if 'thctl.conf' in h][0]
same((w for line in file_words.split('\n') for w in mdoc.words(line, 'Ic')),
     re.findall(r'\{ "(\w+)", "THCTL_', settings),
     'thctl(8), FILES: the words of thctl.conf')

shown = source('thctl/print.c')
shown = shown[:shown.index('JSON')]
same({w for h, _ in mdoc.items(mdoc.section(thctl8, 'Verbs', '.Ss'))
      for w in mdoc.words(h, 'Li')},
     re.findall(r'\bline(?:_\w+)?\("(\w+)"', shown) +
     re.findall(r'\bprintf\("([a-z]\w+)', shown),
     'thctl(8): all that status prints')

codes = dict(re.findall(r'#define (EXIT_\w+) (\d+)', source('thctl/thctl.h')))
same((h for h, _ in mdoc.items(mdoc.section(thctl8, 'EXIT STATUS'))),
     codes.values(), 'thctl(8), EXIT STATUS: every code')


# --------------------------------------------------- what all programs have

def environment(files):
    """What a program reads from its environment."""
    text = '\n'.join(source(f) for f in files)
    return re.findall(r'(?:getenv|number)\("([A-Z_]+)"\)', text) + \
        re.findall(r'"(THCTL_[A-Z]+)"', text)


def files_of(*folders):
    return sorted(os.path.relpath(p, labtest.TOP) for d in folders
                  for p in glob.glob(f'{labtest.TOP}/{d}/*.[chy]'))


def variables(lines):
    return [v for h, _ in mdoc.items(mdoc.section(lines, 'ENVIRONMENT'))
            for v in mdoc.words(h, 'Ev')]


same(variables(thctl8), environment(files_of('thctl')),
     'thctl(8), ENVIRONMENT: every variable')
same(variables(thd8), environment(files_of('supervisor', 'common')),
     'thd(8), ENVIRONMENT: every variable')

main = source('supervisor/main.c')
usage = re.search(r'usage: thd (.*)\\n', main).group(1)
flags = set(re.findall(r'-D|-f', usage)) | \
    {f'-{c}' for c in re.search(r'\[-(\w+)\]', usage).group(1)}
same((f'-{mdoc.words(h, "Fl")[0]}' for h, _ in
      mdoc.items(mdoc.section(thd8, 'DESCRIPTION')) if h.startswith('Fl ')),
     flags, 'thd(8) describes every option')
same((f'-{c}' for line in mdoc.section(thd8, 'SYNOPSIS')
      for w in mdoc.words(line, 'Fl') for c in w), flags,
     'thd(8), SYNOPSIS: every option')
same((f'-{c}' for c in re.search(r'getopt\(argc, argv, "(.*?)"', main)
      .group(1).replace(':', '')), flags, 'thd: usage and getopt agree')

same((h for h, _ in mdoc.items(mdoc.section(thd8, 'EXIT STATUS'))),
     {'0'} | set(re.findall(r'\bexit\((\d)\)', main)) |
     set(re.findall(r'\bexit_status = (\d)', main)),
     'thd(8), EXIT STATUS: every code')
same((s for h, _ in mdoc.items(mdoc.section(thd8, 'Signals', '.Ss'))
      for s in mdoc.words(h, 'Dv')),
     re.findall(r'add_signal\((SIG\w+)', main), 'thd(8): every signal')
same((w for h, t in mdoc.items(mdoc.section(thd8, 'How a job ends', '.Ss'))
      for w in mdoc.words(h, 'Li')),
     set(re.findall(r'\[REASON_\w+\] = "([\w-]+)"',
                    source('common/msg.c'))) &
     {r.lower().replace('_', '-') for r in
      re.findall(r'\bREASON_(\w+)', source('supervisor/jobfsm.c'))},
     'thd(8): every reason that a job can end for')


clients = mdoc.section(thd8, 'Other clients', '.Ss')
proto = source('proto/drrev/telehandler/foreman/v1alpha1/telehandler.proto')
same((w for w in macro_words(clients, 'Li')
      if re.search(r'^[A-Z][a-z]+[A-Z]', w) and w.endswith(('Job', 'Status',
                                                            'Output'))),
     re.findall(r'^  rpc (\w+)', proto, re.M), 'thd(8): every method')
# UNKNOWN stands only for a code that is none.
same((h[3:] for h, _ in mdoc.items(clients)),
     {code for f in files_of('supervisor', 'frontend')
      for code in re.findall(r'\bRES_(\w+)', source(f))} - {'OK', 'UNKNOWN'},
     'thd(8): every code of an error')


def formats(files):
    """The texts that the sources can print, "\\0" for what varies."""
    literal = r'"(?:[^"\\\n]|\\.)*"'
    out = []
    for f in files:
        for m in re.finditer(rf'{literal}(?:\s*{literal})*', source(f)):
            text = ''.join(t[1:-1] for t in re.findall(literal, m.group(0)))
            text = text.replace('\\"', '"').replace('\\n', '')
            out.append(re.sub(r'%[-*.\d]*l*[a-z]', '\0', text))
    return out


everywhere = formats(files_of('common', 'supervisor', 'frontend', 'jobexec',
                              'thctl'))
for name, lines in (('thd(8)', thd8), ('thctl(8)', thctl8)):
    missing = []
    for head, _ in mdoc.items(mdoc.section(lines, 'DIAGNOSTICS')):
        core = PLACEHOLDER.sub('\0', mdoc.plain(head)).strip('\0 ')
        if not any(core in text for text in everywhere):
            missing.append(head)
    labtest.ok(not missing, f'{name}, DIAGNOSTICS: each is printed somewhere',
               str(missing))


# ---------------------------------------------------------------- thd.conf

parse = source('supervisor/parse.y')
val = source('supervisor/conf_val.c')
keywords = re.findall(r'\{ "([\w-]+)", [A-Z]+ \}', parse)
same(macro_words(conf5, 'Ic'), keywords, 'thd.conf(5) has every keyword')
values = re.findall(r'"([a-z-]+)"', ''.join(
    re.findall(r'_words\s*\[\] = \{.*?\}', val, re.S))) + \
    re.findall(r'"(unlimited)"', val) + \
    re.findall(r'"(\w+)"', re.search(r'conf_methods\[\] = \{(.*?)\}',
                                     source('supervisor/conf.c'),
                                     re.S).group(1))
same(macro_words(conf5, 'Cm'), values, 'thd.conf(5) has every fixed value')
labtest.ok(not set(macro_words(thd8, 'Ic')) - set(keywords),
           'thd(8) names only keys that there are',
           str(set(macro_words(thd8, 'Ic')) - set(keywords)))

# {key: text of its item}
keys = {}
for head, text in mdoc.items(conf5):
    key = re.match(r'Ic ([a-z -]+?)(?= [A-Z])', head)
    if key:
        keys.setdefault(key.group(1), mdoc.plain(head) + ' ' + flat(text))
names = re.findall(r'\[(?:KEY|CLASS)_\w+\] = \{ "([a-z -]+)"', val)
same(keys, set(names) - {'cpu period'} |
     {'listen on', 'socket', 'include', 'class', 'permit', 'deny'},
     'thd.conf(5) has an item for every statement')


def check(text, *args):
    """thd -n with that configuration: exit status and all that it says."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write(text)
        f.flush()
        r = subprocess.run([THD, '-n', '-f', f.name, *args], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return r.returncode, r.stdout


def said(key, phrase):
    text = keys.get(key, '').lower()
    return re.search(r'(?<![\w.])' + re.escape(phrase.lower()) + r'(?![\w])',
                     text)


wrong = []
for line in check('')[1].split('\n'):
    m = re.match(r'\s*([a-z -]+?) ("?[/\w0-9].*)$', line)
    if not m or line.startswith('class'):
        continue
    key, value = m.groups()
    for k in sorted(names + ['listen on', 'socket'], key=len, reverse=True):
        if line.strip().startswith(k + ' '):
            key, value = k, line.strip()[len(k) + 1:]
            break
    value = value.replace(' period ', ' in ').replace('"', '')
    value = value.split(' mode ')[-1]
    if not said(key, f'default is {value}'):
        wrong.append(f'{key}: {value}')
labtest.ok(not wrong, 'thd.conf(5) has every default', str(wrong))

wrong, n = [], 0
inside = [k for k in names if re.search(
    rf'\[CLASS_\w+\] = {{ "{k}"', val)]
bad = ''.join(f'{k} @\n' for k in names if k not in inside) + 'class x {\n' + \
    ''.join('cpu quota @ period @\n' if k == 'cpu quota' else f'{k} @\n'
            for k in inside if k != 'cpu period') + '}\n'
for key, form in re.findall(r'\d+: ([a-z -]+): "@" .*?, expected (.*)$',
                            check(bad)[1], re.M):
    if ' from ' not in form or form.startswith('one that'):
        continue
    n += 1
    if key == 'cpu period':
        key, form = 'cpu quota', form.replace('duration', 'period')
    if not said(key, form):
        wrong.append(f'{key}: {form}')
labtest.ok(not wrong and n > 15, 'thd.conf(5) has every range',
           f'{wrong}, {n} looked at')

# What the supervisor keeps over a reload, by member, and so by key.
members = dict((m, k) for k, m in re.findall(
    r'\[KEY_\w+\] = \{ "([a-z -]+)",\s*\w+,\s*CONF\((\w+)\)', val))
members['socket'] = 'socket'
fixed = {members[m] for m in re.findall(r'\bold->(\w+)', re.search(
    r'^keep_fixed\(.*?^\}', main, re.S | re.M).group(0))}
reload_items = [(h, {k for line in t.split('\n')
                     for k in re.split(' , ', re.sub(
                         r'^\.(Pq )?Ic (.*?) ?[.,]?$', r'\2', line))
                     if re.match(r'\.(Pq )?Ic ', line)})
                for h, t in mdoc.items(mdoc.section(
                    conf5, 'What a reload changes', '.Ss'))]
same(reload_items[2][1] if len(reload_items) == 3 else (), fixed,
     'thd.conf(5): what only a restart changes')
told = set().union(*(k for _, k in reload_items)) - {'deny', 'permit'}
same(told - {'class', 'listen on', 'socket'},
     {k for k in names if k not in inside},
     'thd.conf(5) tells for every key when it changes')

examples = mdoc.displays(mdoc.section(conf5, 'EXAMPLES'))
labtest.ok(len(examples) >= 3, 'thd.conf(5) has three examples')
for i, example in enumerate(examples):
    code, text = check('\n'.join(example) + '\n')
    labtest.ok(code == 0, f'thd.conf(5): example {i + 1} is accepted', text)
    again = check(text)
    labtest.ok(again == (0, text), f'thd.conf(5): example {i + 1}, printed, '
               'is accepted', again[1])
shipped = source('etc/thd.conf')
code, text = check(re.sub(r'(?m)^#(?=[a-z\t}].*)', '', shipped))
labtest.ok(code == 0, 'thd.conf: what is commented out is accepted', text)


# ---------------------------------------------------------- the pages as such

for name, lines in (('thd.8', thd8), ('thctl.8', thctl8),
                    ('thd.conf.5', conf5)):
    path = f'{labtest.TOP}/man/{name}'
    text = output('mandoc', '-Tlint', '-Wwarning', path)
    labtest.ok(text == '', f'{name}: mandoc has no complaint', text)
    seen = output('mandoc', '-Tascii', '-Owidth=200', path)
    seen = {line.strip() for line in re.sub('.\b', '', seen).split('\n')}
    lost = [line for display in mdoc.displays(lines) for line in display
            if line.strip() not in seen]
    labtest.ok(not lost, f'{name}: examples look as they are tested',
               str(lost))
for name, lines, least in (('thd.8', thd8, 5), ('thctl.8', thctl8, 8)):
    labtest.ok(len(mdoc.commands(mdoc.section(lines, 'EXAMPLES'))) >= least,
               f'{name}: at least {least} commands')
labtest.finish()
