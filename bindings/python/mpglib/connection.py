# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The names of multiprocessing.connection."""

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp  # noqa: E402

AuthenticationError = Mp.AuthenticationError
Client = Mp.Client
Connection = Mp.Connection
Listener = Mp.Listener
Pipe = Mp.Pipe
wait = Mp.wait
deliver_challenge = Connection.deliver_challenge
answer_challenge = Connection.answer_challenge

__all__ = ['AuthenticationError', 'Client', 'Connection', 'Listener', 'Pipe', 'answer_challenge', 'deliver_challenge',
           'wait']
