/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* An error on its way between processes and languages: body of the frames FAILED and ERROR.
 * GVariant (sissssay): domain, code, message; type name, traceback; codec and bytes of the language's own form
 * of it (an exception's pickle), both empty if there is none. */
#pragma once

#include <gio/gio.h>

#include "mp-error.h"

G_BEGIN_DECLS

#define MP_REPORT_TYPE "(sissssay)"

GVariant *mp_report_new          (const GError *error); /* sinks not: floating */
GVariant *mp_report_new_remote   (MpError       code,
                                  const char   *type,
                                  const char   *message,
                                  const char   *traceback,
                                  const char   *codec,
                                  GBytes       *payload);
/* A GError with the domain and code of the report if this process knows that domain (MP_ERROR, G_IO_ERROR, others
 * registered already, and those of this program), else MP_ERROR_REMOTE; message "TYPE: MESSAGE" for those with a
 * type */
GError   *mp_report_to_error     (GVariant     *report,
                                  gboolean      is_own,  /* whether this program wrote it, in another process */
                                  const char   *prefix); /* nullable: "target 'x' in worker 3" */

G_END_DECLS
