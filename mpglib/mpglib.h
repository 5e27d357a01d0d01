/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

#define MP_INSIDE

#include "mp-array.h"
#include "mp-auth-key.h"
#include "mp-barrier.h"
#include "mp-bounded-semaphore.h"
#include "mp-condition.h"
#include "mp-connection.h"
#include "mp-context.h"
#include "mp-descriptor.h"
#include "mp-enums.h"
#include "mp-error.h"
#include "mp-event.h"
#include "mp-gjs.h"
#include "mp-init.h"
#include "mp-interruptible.h"
#include "mp-joinable-queue.h"
#include "mp-launcher.h"
#include "mp-listener.h"
#include "mp-lock.h"
#include "mp-lockable.h"
#include "mp-looping.h"
#include "mp-message.h"
#include "mp-pool.h"
#include "mp-pool-result.h"
#include "mp-pool-state.h"
#include "mp-pool-worker.h"
#include "mp-process.h"
#include "mp-queue.h"
#include "mp-result-iterator.h"
#include "mp-rlock.h"
#include "mp-semaphore.h"
#include "mp-shareable.h"
#include "mp-shareable-list.h"
#include "mp-shared-memory.h"
#include "mp-simple-queue.h"
#include "mp-target.h"
#include "mp-task-options.h"
#include "mp-task-state.h"
#include "mp-tls-settings.h"
#include "mp-value.h"
#include "mp-version.h"
#include "mp-waitable.h"
#include "mp-wire.h"
#include "mp-worker.h"
#include "mp-worker-task.h"

#undef MP_INSIDE
