# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Checks that each file of the library includes only headers of its own layer or an earlier one.

    check_layers.py FOLDER LAYER...     the layers in their order

Headers are included by their bare names, as they are installed, so no two
layers may have a header of the same name. What is generated from all layers
holds no code of any and counts as the first. `mpglib.h` includes all layers,
so only programs (mpglib-*.c) may include it.
"""

import os
import re
import sys

# What there is, or will be: a layer that comes later takes its place in this order.
ORDER = ('base', 'memory', 'engine', 'sync', 'shared', 'queue', 'channel', 'process', 'pool', 'manager')

GENERATED = {'config.h', 'mp-enums.h', 'mp-version.h'}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def read_layers(folder, layers):
    """Returns ({file: layer}, complaints), with a row for each C file and header."""
    files, found = {}, []
    for layer in layers:
        if not os.path.isdir(os.path.join(folder, layer)):
            found.append(f'{layer}: there is no such folder')
            continue
        for name in sorted(os.listdir(os.path.join(folder, layer))):
            if not name.endswith(('.c', '.h')):
                continue
            if name in files:
                found.append(f'{layer}/{name}: {files[name]}/ has a file of that name too')
            files[name] = layer
    for name in sorted(os.listdir(folder)):
        if os.path.isdir(os.path.join(folder, name)) and name not in layers:
            found.append(f'{name}: a folder that is no layer')
    return files, found


def check_includes(path, text, layer, files, layers):
    """Yields what is wrong with the includes of one file."""
    name = os.path.basename(path)
    for included in INCLUDE.findall(text):
        short = os.path.basename(included)
        if short == 'mpglib.h':
            if not re.fullmatch(r'mpglib-.*\.c', name):
                yield f'{path}: includes mpglib.h, which is for programs'
        elif short in files:
            if included != short:
                yield f'{path}: includes {included} and not the bare name'
            if layers.index(files[short]) > layers.index(layer):
                yield f'{path}: {layer} comes before {files[short]} and includes its {short}'
        elif included.startswith('mp-') and short not in GENERATED:
            yield f'{path}: includes {included}, which no layer has'


def check(folder, layers):
    files, found = read_layers(folder, layers)
    if layers != [layer for layer in ORDER if layer in layers]:
        found.append(f'{", ".join(layers)}: is not the order of the design')
    for name, layer in files.items():
        path = os.path.join(folder, layer, name)
        with open(path, encoding='utf-8') as file:
            found += check_includes(f'{layer}/{name}', file.read(), layer, files, layers)
    return found


def main(folder, *layers):
    found = check(folder, list(layers))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
