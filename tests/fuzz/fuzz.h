/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A fuzz target is a file with these functions.  With libFuzzer or AFL++ the
 * first is all that is used; fuzz-main.c makes a test of it, which feeds it the
 * seeds, the files of corpus/NAME/ if there are any, and mutations of both, and, in a build
 * with the address sanitizer, of what led further into the code than all before.
 *
 *   fuzz-NAME                       for seconds; with MP_TEST_LONG=1 for ten minutes
 *   fuzz-NAME FILE...               these inputs, as one that was kept of a crash
 *   fuzz-NAME --write-seeds FOLDER  begins a corpus for the others
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

G_BEGIN_DECLS

int  LLVMFuzzerTestOneInput (const uint8_t *data,
                             size_t         size);

/* Adds inputs that reach deep: GByteArrays. */
void fuzz_add_seeds         (GPtrArray     *seeds);

/* Makes what stays for the life of a process. */
void fuzz_warm_up           (void);

/* Of fuzz-main.c, for fuzz_warm_up(): what cannot be released is warned of, which is no fault. */
void fuzz_hush              (void);

G_END_DECLS
