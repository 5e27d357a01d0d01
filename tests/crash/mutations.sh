#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
#
# mutations.sh [--if-long] [BUILD-DIRECTORY]: a test is trusted only after it has failed.
#
# Builds the library with one fault at a time and expects the test that guards
# against it to fail; and without a fault, to pass.  The faults are in the code as
# MP_FAULT_…, which nothing but this script defines.
#
# --if-long: for `meson test`; does nothing unless MP_TEST_LONG=1

set -u

if [ "${1-}" = --if-long ]; then
  shift
  if [ "${MP_TEST_LONG-}" != 1 ]; then
    echo 'skipped: builds the library many times, which ./dev test --long does'
    exit 77
  fi
fi
unset MP_TEST_LONG

source=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$source/build-mutations}
failures=0

export MP_TEST_SEED="${MP_TEST_SEED:-1}"
export G_DEBUG=fatal-criticals

configure () {
  if [ -f "$build/build.ninja" ]; then
    meson configure "$build" "-Dc_args=$1"
  else
    meson setup "$build" "$source" -Dintrospection=disabled "-Dc_args=$1" >/dev/null
  fi
}

# run PROGRAM ARGUMENT...
run () {
  program=$1
  shift
  if ! ninja -C "$build" "tests/$program" >"$build/mutation.log" 2>&1; then
    cat "$build/mutation.log"
    echo "cannot build $program" >&2
    exit 2
  fi
  timeout 300 "$build/tests/$program" "$@" >"$build/mutation.log" 2>&1
}

# expect_failure FAULT[,FAULT] PROGRAM ARGUMENT...
expect_failure () {
  fault=$1
  shift
  configure "-D$(echo "$fault" | sed 's/,/ -D/g')" || exit 2
  if run "$@"; then
    echo "NOT NOTICED  $fault by $*"
    failures=$((failures + 1))
  else
    echo "noticed      $fault by $*"
  fi
}

expect_success () {
  configure "" || exit 2
  if run "$@"; then
    echo "passes       $*"
  else
    cat "$build/mutation.log"
    echo "FAILS        $* without a fault"
    failures=$((failures + 1))
  fi
}

# Nobody is told of a death.
expect_failure MP_FAULT_NO_BROADCAST crash/test-crash --long -p /crash/slot/bury
expect_failure MP_FAULT_NO_BROADCAST crash/test-crash --long -p /crash/watch/neighbour-dies
expect_failure MP_FAULT_NO_BROADCAST crash/test-crash-started --long -p /crash/barrier/wait
expect_failure MP_FAULT_NO_BROADCAST test-participant -p /participant/death-is-told
# Two sleep on one word to hear of a death, and one takes the wake to its grave.
expect_failure MP_FAULT_SHARED_VIGIL crash/test-crash-watchers --long -p /crash/ring/crowd-dies
# What the dead held is forgotten when the slot is used again.
expect_failure MP_FAULT_NO_SWEEP test-arena -p /arena/death
expect_failure MP_FAULT_NO_SWEEP test-arena -p /arena/slot-reuse
expect_failure MP_FAULT_NO_SWEEP crash/test-crash-arena --long -p /crash/arena/sweep
# Who ends a favour does not wait for the stores of the favourite.
expect_failure MP_FAULT_NO_PROCESS_BARRIER test-biased-lock -p /biased-lock/exclusion
# Others can truncate what is mapped here.
expect_failure MP_FAULT_NO_SEAL_SHRINK test-segment
# The kernel hears of a slot after it was taken.
expect_failure MP_FAULT_LATE_REGISTRATION crash/test-crash --long -p /crash/slot/claim
# Who leaves marks its words as the kernel does, which then leaves them alone.
expect_failure MP_FAULT_LEAVE_WITHOUT_ID crash/test-crash --long -p /crash/slot/leave
# Changes of an arena are made one by one.
expect_failure MP_FAULT_NO_JOURNAL crash/test-crash-arena --long -p /crash/arena/release
# Each change of an arena is committed for itself.
expect_failure MP_FAULT_TWO_WORD_COMMIT crash/test-crash-arena --long -p /crash/arena/alloc
expect_failure MP_FAULT_TWO_WORD_COMMIT crash/test-crash-arena --long -p /crash/arena/release
# A slot is free before its generation is another.
expect_failure MP_FAULT_TWO_WORD_COMMIT crash/test-crash --long -p /crash/slot/bury
# What was checked is read once more before it is used.
expect_failure MP_FAULT_DOUBLE_FETCH crash/test-crash-arena --long -p /crash/arena/replay-meanwhile
expect_failure MP_FAULT_DOUBLE_FETCH crash/test-crash-arena --long -p /crash/segment/open-meanwhile
# A ringer that is stopped before it rang looks as if it had.
expect_failure MP_FAULT_NO_MARK crash/test-crash --long -p /crash/doorbell/ring-stopped
# A lock is free before anybody is woken, and no death tells those who sleep.
expect_failure MP_FAULT_WAKE_AFTER_UNLOCK,MP_FAULT_NO_BROADCAST crash/test-crash --long -p /crash/lock/release-others
# So is that of one that is stopped before it wakes anybody.
expect_failure MP_FAULT_WAKE_AFTER_UNLOCK crash/test-crash --long -p /crash/lock/release-stopped
# Who gives up after it was woken says nothing to those who sleep.
expect_failure MP_FAULT_NO_PASS_ON crash/test-crash-sync --long -p /crash/rlock/stopped-meanwhile
# The mark is taken off, but not with all who sleep.
expect_failure MP_FAULT_CLEAR_ALONE crash/test-crash-permits --long -p /crash/counter/asleep-meanwhile
expect_failure MP_FAULT_CLEAR_ALONE crash/test-crash-permits --long -p /crash/permits/asleep-meanwhile
# A note dies with its receiver.
expect_failure MP_FAULT_NO_INHERITANCE test-notes -p /notes/inherited
expect_failure MP_FAULT_NO_INHERITANCE crash/test-crash-sync --long -p /crash/notes/first-sleepers
# What is replaced is written over.
expect_failure MP_FAULT_ONE_HALF test-cell -p /cell/processes
expect_failure MP_FAULT_ONE_HALF crash/test-crash-shared --long -p /crash/cell/write
# Who writes after one that died in the midst of it says nothing of that.
expect_failure MP_FAULT_FORGET_TORN test-cell -p /cell/torn
expect_failure MP_FAULT_FORGET_TORN crash/test-crash-shared --long -p /crash/whole/write-from-dead
# A list with a name is changed without a word before.
expect_failure MP_FAULT_NO_LIST_JOURNAL crash/test-crash-shared --long -p /crash/named-list/set
# The position that holds is written before the commit.
expect_failure MP_FAULT_ONE_POSITION crash/test-crash-ring --long -p /crash/ring/put
# What one that died has left to who puts next is believed.
expect_failure MP_FAULT_OLD_LAST crash/test-crash-ring --long -p /crash/ring/put
# Whoever was to be woken waits for one that is stopped.
expect_failure MP_FAULT_WAKE_AFTER_COMMIT crash/test-crash-ring-waits --long -p /crash/ring/put-stopped
expect_failure MP_FAULT_WAKE_AFTER_COMMIT crash/test-crash-ring-waits --long -p /crash/ring/take-stopped
# Likewise whoever waits for all to be done.
expect_failure MP_FAULT_WAKE_AFTER_COMMIT crash/test-crash-ring-waits --long -p /crash/ring/acknowledge-stopped
# Who commits looks at the bell before that.
expect_failure MP_FAULT_EARLY_BELL test-ring-bell
expect_failure MP_FAULT_EARLY_BELL crash/test-crash-ring-waits --long -p /crash/ring/put-armed-meanwhile
# Chunks are given to new numbers in the words that tell the old ones.
expect_failure MP_FAULT_SHORT_MAP crash/test-crash-ring --long -p /crash/ring/put-much
# A sweep that looks for a record of a dead one from the first one on.
expect_failure MP_FAULT_NO_PLACE test-ring-memory -p /ring/place-of-dead

for program in test-segment test-participant test-arena test-doorbell test-owner-rlock test-counter test-permits \
  test-flag test-notes test-rendezvous test-cell \
  test-ring test-ring-hands test-ring-lies test-ring-memory test-ring-waits \
  crash/test-crash crash/test-crash-arena crash/test-crash-permits crash/test-crash-ring \
  crash/test-crash-ring-extents crash/test-crash-ring-waits crash/test-crash-shared crash/test-crash-started \
  crash/test-crash-storm crash/test-crash-sync crash/test-crash-waits crash/test-crash-watchers; do
  expect_success $program
done

[ $failures = 0 ]
