// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

GLib.spawn_command_line_sync(`kill -KILL ${new Gio.Credentials().get_unix_pid()}`);
