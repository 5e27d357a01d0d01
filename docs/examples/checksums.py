#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Prints the SHA-256 of every file under some folders, as sha256sum does, computed by a pool of worker processes.

    checksums.py [--workers=N] [--target=MODULE.so#FUNCTION] FOLDER...
"""

import argparse
import hashlib
import os
import stat
import sys

import gi

gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp      # noqa: E402


def checksum(path):
    """What the workers do."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


complaints = []


# Paths are bytes here, since names of files can be any bytes.
def complain(path, error):
    reason = error.strerror if isinstance(error, OSError) else getattr(error, 'message', error)
    print(f'checksums: {os.fsdecode(path)}: {reason}', file=sys.stderr)
    complaints.append(path)


def find_files(path):
    """Yields the regular files; links are not followed."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode):
            yield path
        elif stat.S_ISDIR(mode):
            for name in os.listdir(path):
                yield from find_files(os.path.join(path, name))
    except OSError as error:
        complain(path, error)


def compute(paths, pool, target):
    loop = GLib.MainLoop()
    result = pool.map_async(target, paths)
    if sys.stderr.isatty():
        result.connect('progress-changed', show_progress)
    result.connect('finished', lambda _: loop.quit())
    loop.run()

    if sys.stderr.isatty():
        print(end='\r\033[K', file=sys.stderr)
    for i, path in enumerate(paths):
        try:
            print_line(path, result.get_item(i))
        except Exception as error:
            complain(path, error)


def show_progress(result, fraction, text):
    bar = '#' * int(fraction * 40)
    print(f'\r[{bar:40}] {int(fraction * 100):3} %', end='', file=sys.stderr, flush=True)


def print_line(path, digest):
    """The line of a name that is more than a line begins with a backslash."""
    name = path.replace(b'\\', b'\\\\').replace(b'\n', b'\\n').replace(b'\r', b'\\r')
    mark = b'\\' if name != path else b''
    sys.stdout.buffer.write(b'%s%s  %s\n' % (mark, digest.encode(), name))


def main():
    parser = argparse.ArgumentParser(prog='checksums', description=__doc__.splitlines()[0])
    parser.add_argument('folders', nargs='+', metavar='FOLDER', type=os.fsencode)
    parser.add_argument('--workers', type=int, default=0, metavar='N', help='how many processes (one a processor)')
    parser.add_argument('--target', default=checksum, metavar='MODULE.so#FUNCTION', help='has C workers do it')
    options = parser.parse_args()
    if options.workers < 0:
        parser.error('there cannot be less than no workers')

    context = Mp.Context() if options.target is checksum else Mp.Context(launcher='native')
    paths = sorted(path for folder in options.folders for path in find_files(folder))
    with Mp.Pool(options.workers or None, context=context) as pool:
        compute(paths, pool, options.target)
    return 1 if complaints else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
