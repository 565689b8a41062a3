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

"""Reads mdoc(7) pages as far as ours need it: sections, items, the words under
a macro, and literal displays.
"""

import re

import labtest

ESCAPES = {'\\e': '\\', '\\&': '', '\\(dq': '"', '\\(aq': "'", '\\(ti': '~',
           '\\(ha': '^', '\\-': '-'}


def page(name):
    """The lines of a page, without comments."""
    with open(f'{labtest.TOP}/man/{name}') as f:
        return [line for line in f.read().split('\n')
                if not line.startswith('.\\"')]


def plain(text):
    """What escapes stand for; one that is not known is an error."""
    def char(m):
        return ESCAPES[m.group(0)]
    return re.sub(r'\\(\(..|.)', char, text)


def section(lines, name, macro='.Sh'):
    """The lines of a section, or of a subsection with macro .Ss."""
    out, inside = [], False
    for line in lines:
        if line.startswith('.Sh ') or line.startswith(macro + ' '):
            inside = line == f'{macro} {name}'
        elif inside:
            out.append(line)
    if not out:
        raise LookupError(f'no section {name}')
    return out


def items(lines):
    """The heads of list items, of inner lists too, each with its own text."""
    out, stack = [], []
    for line in lines:
        if line.startswith('.Bl '):
            stack.append(None)
        elif line == '.El':
            stack.pop()
        elif line.startswith('.It '):
            stack[-1] = (line[4:], [])
            out.append(stack[-1])
        elif stack and stack[-1]:
            stack[-1][1].append(line)
    return [(head, '\n'.join(text)) for head, text in out]


def words(line, macro):
    """The arguments of a macro within a line, up to the next macro."""
    out, taking = [], False
    for word in line.lstrip('.').split():
        if re.fullmatch(r'[A-Z][a-z]', word):
            taking = word == macro or taking and word == 'Ns'
        elif taking and word not in (',', '.', '|', ';', '...', ':', ')'):
            out.append(plain(word))
    return out


def displays(lines):
    """The literal displays, each a list of lines."""
    out, inside = [], False
    for line in lines:
        if line.startswith('.Bd -literal'):
            inside = True
            out.append([])
        elif line == '.Ed':
            inside = False
        elif inside:
            out[-1].append(plain(line))
    return out


def commands(lines):
    """The commands of literal displays: [command, [line of output, ...]].

    A command follows "$ " or "# "; with a backslash at its end it goes on
    in the next line. The lines up to the next command are its output.
    """
    out = []
    for display in displays(lines):
        more = False
        for line in display:
            if more:
                out[-1][0] += '\n' + line
            elif line.startswith(('$ ', '# ')):
                out.append([line[2:], []])
            else:
                out[-1][1].append(line)
                continue
            more = out[-1][0].endswith('\\')
    return out
