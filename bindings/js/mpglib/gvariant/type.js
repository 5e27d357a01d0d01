// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported MAX_DEPTH, MAX_TYPE_LENGTH, parseType, isSignature */

// GVariant type strings, parsed into a tree that says of each type how it lies in memory.
//
// A node has: `string`, `code` (the character code of its first letter), `alignment` (1, 2, 4 or 8), `size`
// (bytes when every value of the type has the same number, else 0), `weight` (the tuples and arrays that a value has
// at least) and, for containers, `element` (arrays and maybes) or `members` (tuples and dictionary entries).

// Containers within containers, variants included, that a value may have: the bound of the wire formats.
var MAX_DEPTH = 64;

// The longest type string that a variant inside a value may carry.
var MAX_TYPE_LENGTH = 255;

const BASIC_SIZES = {y: 1, b: 1, n: 2, q: 2, i: 4, u: 4, h: 4, x: 8, t: 8, d: 8, s: 0, o: 0, g: 0};
const BASIC_CODES = new Set(Object.keys(BASIC_SIZES));

function makeNode(string, alignment, size) {
  return {string, code: string.charCodeAt(0), alignment, size, weight: 0, element: null, members: null};
}

function alignUp(offset, alignment) {
  return (offset + alignment - 1) & -alignment;
}

class TypeParser {
  constructor(string) {
    this.string = string;
    this.offset = 0;
    this.depth = 0;
  }

  refuse(problem) {
    throw new RangeError(`GVariant type “${this.string}”: ${problem} at position ${this.offset}`);
  }

  parseOne() {
    const start = this.offset;
    const letter = this.string[this.offset++];

    if (BASIC_CODES.has(letter)) {
      const size = BASIC_SIZES[letter];
      return makeNode(letter, size || 1, size);
    }

    switch (letter) {
    case 'v':
      return makeNode('v', 8, 0);
    case 'a':
    case 'm':
      return this.nest(() => this.finishElement(start));
    case '(':
      return this.nest(() => this.finishTuple(start));
    case '{':
      return this.nest(() => this.finishEntry(start));
    default:
      this.offset = start;
      return this.refuse(letter === undefined ? 'a type is missing' : 'no definite type begins');
    }
  }

  nest(parse) {
    if (++this.depth > MAX_DEPTH)
      this.refuse(`more than ${MAX_DEPTH} nested containers`);
    const node = parse();
    this.depth--;
    return node;
  }

  finishElement(start) {
    const element = this.parseOne();
    const node = makeNode(this.string.slice(start, this.offset), element.alignment, 0);
    node.element = element;
    node.weight = node.code === 0x61 ? 1 : 0; // a
    return node;
  }

  finishTuple(start) {
    const members = [];
    while (this.string[this.offset] !== ')')
      members.push(this.parseOne());
    this.offset++;
    return this.finishMembers(start, members);
  }

  finishEntry(start) {
    if (!BASIC_CODES.has(this.string[this.offset]))
      this.refuse('the key of a dictionary entry must be a basic type');
    const members = [this.parseOne(), this.parseOne()];
    if (this.string[this.offset] !== '}')
      this.refuse('a dictionary entry must end');
    this.offset++;
    return this.finishMembers(start, members);
  }

  finishMembers(start, members) {
    let alignment = 1;
    let size = 0;
    let fixed = true;

    for (const member of members) {
      alignment = Math.max(alignment, member.alignment);
      size = alignUp(size, member.alignment) + member.size;
      fixed = fixed && member.size > 0;
    }

    // The unit type takes one byte.
    size = fixed ? Math.max(alignUp(size, alignment), 1) : 0;
    const node = makeNode(this.string.slice(start, this.offset), alignment, size);
    node.members = members;
    node.weight = members.reduce((sum, {weight}) => sum + weight, 1);
    return node;
  }
}

function parseType(string) {
  const parser = new TypeParser(string);
  const node = parser.parseOne();
  if (parser.offset !== string.length)
    parser.refuse('more than one type');
  return node;
}

// Whether string can be a value of type “g”: any number of complete types, none of them with a maybe.
function isSignature(string) {
  if (string.includes('m'))
    return false;
  const parser = new TypeParser(string);
  try {
    while (parser.offset < string.length)
      parser.parseOne();
    return true;
  } catch (error) {
    if (error instanceof RangeError)
      return false;
    throw error;
  }
}
