// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// What the workers of checksums.js do.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const BLOCK = 256 * 1024;
const BLOCKS_PER_COLLECTION = 256;

// A path can be any bytes, which no JavaScript string holds; a URI tells them all in ASCII.
function openFile(path) {
  return Gio.File.new_for_uri(`file://${GLib.Uri.escape_bytes(path, '/')}`).read(null);
}

/**
 * Computes the SHA-256 of a file.
 *
 * @param {Uint8Array} path - its absolute path
 * @returns {string} the sum
 */
export function checksum(path) {
  const stream = openFile(path);
  const sum = new GLib.Checksum(GLib.ChecksumType.SHA256);
  for (let i = 1; ; i++) {
    const block = stream.read_bytes(BLOCK, null);
    if (block.get_size() === 0)
      break;
    sum.update(block.toArray());
    // Nothing tells the collector how large the blocks are.
    if (i % BLOCKS_PER_COLLECTION === 0)
      System.gc();
  }
  stream.close(null);
  return sum.get_string();
}
