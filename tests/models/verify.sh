#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
#
# verify.sh MODEL SCOPE FAULT...: has Spin look at every state of a model within a
# scope, in which nothing may go wrong; and then with one fault defined at a time,
# each of which must be found, or the model could not fail.  Output is TAP.

set -u

model=$(realpath "$1")
scope=$2
shift 2

if ! command -v spin >/dev/null; then
  echo '1..0 # SKIP spin is not installed (Debian: apt-get install spin)'
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
number=0

# explore DEFINE...: writes what the verifier says to the file `report`
explore () {
  spin "-D$scope" "$@" -a "$model" >report 2>&1 </dev/null &&
    "${CC:-cc}" -O1 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1500 -o pan pan.c >>report 2>&1 &&
    ./pan -E -m20000 -w22 >report 2>&1 </dev/null
}

result () {
  number=$((number + 1))
  echo "$1 $number - $2"
  [ "$1" = ok ] || sed 's/^/# /' report
}

echo "1..$(($# + 1))"

# Scopes for which a test has no time belong to the long run.
[ "${MP_TEST_LONG-}" = 1 ] && [ "$scope" = NEWCOMER ] && scope=LONG

explore
if grep -q 'errors: 0' report && ! grep -q 'Search not completed\|max search depth too small' report; then
  result ok "nothing goes wrong in $(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' report) states"
else
  result 'not ok' 'nothing goes wrong'
fi

for fault in "$@"; do
  explore "-D$fault"
  if grep -q 'assertion violated' report; then
    result ok "$fault is found"
  else
    result 'not ok' "$fault is found"
  fi
done
