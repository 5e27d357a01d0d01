# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The Python side of mpglib; programs write `from gi.repository import Mp`.

Nothing is imported here: a worker that runs plain functions starts without gi.
"""
