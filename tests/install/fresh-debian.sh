#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
#
# Runs a command in a clean clone of this tree on a fresh, minimal Debian 12:
#
#   tests/install/fresh-debian.sh FOLDER [COMMAND]
#
# The Debian is made in FOLDER if it is not there yet, which needs root and
# debootstrap; what the command installs stays in it, so remove FOLDER for the
# next truly fresh one.  The command is './dev demo && ./dev test' if none is
# given.  MIRROR names the Debian mirror.  Not a part of `./dev test`: it takes
# minutes, the network and root.

set -eu

folder=$1
command=${2-'./dev demo && ./dev test'}
mirror=${MIRROR:-http://deb.debian.org/debian}
top=$(cd "$(dirname "$0")/../.." && pwd)

[ -e "$folder/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$folder" "$mirror"
folder=$(cd "$folder" && pwd)

rm -rf "$folder/srv/mpglib"
git clone --quiet --no-hardlinks "$top" "$folder/srv/mpglib"

# The mounts, and whatever the command leaves running, end with the namespaces.
export folder command
# shellcheck disable=SC2016 # the inner shell expands them
exec unshare --mount --pid --fork --kill-child sh -euc '
  mount -t proc proc "$folder/proc"
  mount --rbind /sys "$folder/sys"
  mount --rbind /dev "$folder/dev"
  exec env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$folder" /bin/sh -euc "cd /srv/mpglib && $command"
'
