// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported AsyncFeeder, isLazy, makeFeeder */

// Pushes items that are not at hand, those of generators and of asynchronous iterators, to a ResultIterator as its
// workers need them: so many that they always have some before them, and one more for each result that is taken.

const ROUNDS_AHEAD = 4;

class Feeder {
  constructor(results, items, room) {
    this.results = results;
    this.items = items;
    this.room = room;
    this.failure = null; // what the items' iterator threw, or why one of them cannot be sent
    this.isOver = false;
  }

  finish() {
    this.isOver = true;
    this.results.finish_items();
  }

  fail(error) {
    this.isOver = true;
    this.failure = error;
    this.results.cancel();
  }
}

class SyncFeeder extends Feeder {
  constructor(...args) {
    super(...args);
    this.fill();
  }

  fill() {
    try {
      for (; this.room > 0 && !this.isOver; this.room--) {
        const {value, done} = this.items.next();
        if (done)
          this.finish();
        else
          this.results.push_item(value);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  makeRoom() {
    this.room++;
    this.fill();
  }

  stop() {
    if (!this.isOver)
      this.items.return?.();
    this.isOver = true;
  }
}

var AsyncFeeder = class extends Feeder {
  constructor(...args) {
    super(...args);
    this.wake = () => {};
    this.feed();
  }

  async feed() {
    try {
      for await (const item of this.items) {
        if (this.isOver)
          return;
        this.results.push_item(item);
        this.room--;
        await this.waitForRoom();
      }
      this.finish();
    } catch (error) {
      this.fail(error);
    }
  }

  async waitForRoom() {
    while (this.room <= 0 && !this.isOver) {
      await new Promise(resolve => {
        this.wake = resolve;
      });
    }
  }

  makeRoom() {
    this.room++;
    this.wake();
  }

  stop() {
    this.isOver = true;
    this.wake();
  }
};

/**
 * Makes a feeder.
 *
 * @param {Mp.ResultIterator} results - what the items are for
 * @param {*} items - items of which isLazy() is true
 * @param {number} itemsPerRound - how many items keep all workers busy
 * @returns {Feeder} the feeder
 */
function makeFeeder(results, items, itemsPerRound) {
  const room = Math.max(itemsPerRound, 1) * ROUNDS_AHEAD;
  if (typeof items[Symbol.asyncIterator] === 'function')
    return new AsyncFeeder(results, items, room);
  return new SyncFeeder(results, items, room);
}

/**
 * Tells whether items come one by one.
 *
 * @param {*} items - what a map is made of
 * @returns {boolean} whether they do
 */
function isLazy(items) {
  return typeof items?.[Symbol.asyncIterator] === 'function' || typeof items?.next === 'function';
}
