# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What Python adds to the introspected namespace Mp: values, functions, exceptions, iteration."""

from mpglib import errors
from mpglib.errors import *  # noqa: F403

__all__ = [*errors.__all__]
