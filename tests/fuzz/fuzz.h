/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A fuzz target is a file with these two functions.  With libFuzzer or AFL++ the
 * first is all that is used; fuzz-main.c makes a test of it, which feeds it the
 * seeds, the files of corpus/NAME/ if there are any, and mutations of both.
 * `fuzz-NAME --write-seeds FOLDER` begins a corpus for the others.
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

G_END_DECLS
