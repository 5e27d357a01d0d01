#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
#
# The checksums of all files under some folders, by pools of workers in all languages, compared byte by byte with
# what sha256sum prints. Fails if anything differs. `./dev demo [FOLDER]...` runs it.

set -eu

examples=${MPGLIB_EXAMPLES:?is not set: run ./dev demo}
sources=$(dirname "$0")
python=${MPGLIB_PYTHON:-python3}
[ $# -gt 0 ] || set -- /usr/share/doc

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

c () {
  "$examples/checksums-c" "$@"
}

vala () {
  "$examples/checksums-vala" "$@"
}

python () {
  "$python" "$sources/checksums.py" "$@"
}

javascript () {
  gjs -m "$sources/checksums.js" "$@"
}

python_with_c () {
  python --target="$examples/libchecksums-worker.so#checksum" "$@"
}

javascript_with_python () {
  javascript --worker-language=python "$@"
}

reference () {
  LC_ALL=C sort -z "$scratch/files" | xargs -0 -r sha256sum --
}

# measure OUTPUT COMMAND...: its exit status is in $status, the seconds that it took in $seconds
measure () {
  output=$1
  shift
  begin=$(date +%s%N)
  status=0
  "$@" >"$output" || status=$?
  seconds=$(awk "BEGIN { printf \"%.3f\", ($(date +%s%N) - $begin) / 1e9 }")
}

# show NAME WORKERS SECONDS SECONDS-WITH-ONE-WORKER VERDICT
show () {
  awk "BEGIN { printf \"%-32s %7s %9.2f %11.2f %12.2f   %s\n\", \"$1\", \"$2\", $3, $4 / $3, $reference / $3, \"$5\" }"
}

# try NAME PROGRAM FOLDER...: with one worker, then with one a processor
try () {
  name=$1
  program=$2
  shift 2
  alone=
  for workers in 1 $processors; do
    measure "$scratch/output" "$program" --workers="$workers" "$@"
    verdict=same
    if [ "$status" -ne "$expected_status" ] || ! cmp -s "$scratch/output" "$scratch/expected"; then
      verdict="DIFFERS (exit status $status)"
      differences=$((differences + 1))
    fi
    alone=${alone:-$seconds}
    show "$name" "$workers" "$seconds" "$alone" "$verdict"
  done
}

processors=$(nproc)
differences=0

expected_status=0
find "$@" -type f -print0 >"$scratch/files" || expected_status=1
# The first run brings the files into memory.
measure "$scratch/expected" reference
measure "$scratch/expected" reference
reference=$seconds
[ "$status" -eq 0 ] || expected_status=1

megabytes=$(du -c -BMB --files0-from="$scratch/files" | tail -n 1 | cut -d M -f 1)
printf '%s files, %s MB, %s processors, load %s\n\n' "$(wc -l <"$scratch/expected")" "$megabytes" "$processors" \
  "$(cut -d ' ' -f 1 /proc/loadavg)"
printf '%-32s %7s %9s %11s %12s\n' program workers seconds 'x 1 worker' 'x sha256sum'
show sha256sum '' "$seconds" "$seconds" ''
try C c "$@"
try Vala vala "$@"
try Python python "$@"
try JavaScript javascript "$@"
try 'Python with workers in C' python_with_c "$@"
try 'JavaScript with Python workers' javascript_with_python "$@"

if [ "$differences" -gt 0 ]; then
  printf '\n%s of the runs printed something else than sha256sum\n' "$differences" >&2
  exit 1
fi
printf '\nall print what sha256sum prints\n'
