// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported prepareWorkers, preferOwnLanguage */

// What the workers of a JavaScript program are.

const {toVariant} = imports.mpglib.values;

/**
 * Makes JavaScript the language of processes and pools of which nothing else is said.
 *
 * @param {object} Mp - the namespace
 */
function preferOwnLanguage(Mp) {
  Mp.Context.get_default().set_launcher(Mp.Launcher.lookup('gjs'));
}

/**
 * Lets workers that are started from now on find modules where this program finds them now: what `gjs -I` added is
 * in no environment variable.
 *
 * @param {object} Mp - the namespace
 */
function prepareWorkers(Mp) {
  Mp.Launcher.lookup('gjs').set_preparation(toVariant({'search-path': imports.searchPath}));
}
