# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""A rule is a generator of (label of the item, what is wrong with it) over a gir.Library."""

RULES = {}


def rule(function):
    RULES[function.__name__.replace('_', '-')] = function
    return function


def read_allowed(lines):
    """Reads rows of `rule label reason…`; returns {(rule, label): reason}."""
    allowed = {}
    for line in lines:
        line = line.strip()
        if line and not line.startswith('#'):
            name, label, reason = line.split(None, 2)
            allowed[name, label] = reason
    return allowed


def complaints(library, allowed):
    """Yields a line for each breach that is not allowed, and for each allowance that nothing needs."""
    used = set()
    for name, function in sorted(RULES.items()):
        for label, message in function(library):
            if (name, label) in allowed:
                used.add((name, label))
            else:
                yield f'{name} {label}: {message}'
    for name, label in sorted(set(allowed) - used):
        yield f'{name} {label}: is allowed in the list, but there is no such breach (any more)'
