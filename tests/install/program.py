# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""A user's program, which also tells which override it got."""

import gi

gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp  # noqa: E402
import gi.overrides.Mp  # noqa: E402

print(gi.overrides.Mp.__file__)
error = GLib.Error.new_literal(Mp.error_quark(), 'no room', Mp.Error.FULL)
print(f'{error.message}: {error.domain} {int(error.code)}')
