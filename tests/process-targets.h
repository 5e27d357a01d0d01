/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What the children of the process tests can do, and how tests start and end them. */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

typedef void (*MethodTest) (MpContext *context);

extern const MpStartMethod methods[2];

/* First thing in main. */
void       process_targets_init (void);
/* Starts and ends a child by each method, so that what is kept for good is there before tests look for what they
 * leave.
 */
void       process_warm_up      (void);
/* A test that is run with a context of each method. */
void       add_with_methods     (const char  *path,
                                 MethodTest   test);

MpProcess *start                (MpContext   *context,
                                 const char  *target,
                                 GVariant    *arguments);
gboolean   start_in_form        (MpProcess   *process,
                                 gboolean     is_async,
                                 GError     **error);
void       join                 (MpProcess   *process);
/* Kills and joins it. */
void       end_process          (MpProcess   *process);
/* What warms up is a test, too. */
void       run_without_loop     (MpContext   *context);

/* Of a child that has a template: that one */
int        get_parent           (int          pid);
void       wait_until_rests     (int          template_);

G_END_DECLS
