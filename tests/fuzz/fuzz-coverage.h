/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What of the library's code an input reaches, in a build whose compiler tells it.  In
 * others nothing is ever reached anew, and nothing compared.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Counts what the calling thread runs, from now on until coverage_end(). */
void     coverage_begin        (void);

/* Whether that was more than all inputs before. */
gboolean coverage_end          (void);

/* Steps from one place to another, so far. */
guint    coverage_count        (void);

/* A number that the code compared with one of its own, which therefore may matter: of `size`
 * bytes, as the code had it.  Returns 0 if there is none.
 */
guint64  coverage_pick_number  (gsize *size);

G_END_DECLS
