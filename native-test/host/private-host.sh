#!/bin/bash
# The init (pid 1) of a private libvirt host: a mount and a pid namespace in which a libvirtd runs
# on folders of its own. Started as
#
#   unshare --mount --pid --fork --kill-child --propagation private bash private-host.sh FOLDER
#
# where FOLDER/etc holds libvirtd's configuration. It first writes its pid as seen outside, then
# obeys one command per line of standard input and answers each with one line:
#
#   start-daemon       the pid of the new libvirtd, as seen outside
#   signal NAME PID    "done" or "failed"; PID as seen inside
#
# At the end of its input it kills everything in here, removes FOLDER and ends. The other end of
# that pipe is the test process, so this happens too when a test is killed.
#
# Why bash stays pid 1: it reaps orphans. libvirtd in its place does not, and then waits in vain for
# its dead QEMUs to vanish.

set -euo pipefail
# QEMU runs as a user of its own and must pass through what is made here.
umask 022
folder=$1

# Once a new /proc covers the machine's, a process in here can still learn its pid as seen outside
# through a descriptor of the old one: there "self" is the reader, under its outside pid. It must be
# read by bash itself, for any other program would read about itself.
exec {outer_proc}</proc
tell_outside_pid() {
  local pid
  read -r pid _ <"/proc/self/fd/$outer_proc/self/stat"
  echo "$pid"
}

# On machines where /dev/kvm exists but cannot be used, libvirtd probes QEMU anew at each start of a
# domain, 50 s each. Where it can be used, tests would differ from machine to machine. libvirtd asks
# whether the file exists, so it must be absent, not merely replaced.
hide_kvm() {
  local new=$folder/dev entry name
  mkdir "$new"
  mount -t tmpfs -o mode=755 tmpfs "$new"
  for entry in /dev/*; do
    name=${entry##*/}
    case $name in
      # Consoles: no use in here, and half of all the mounts.
      kvm | tty[0-9]* | vcs*) continue ;;
    esac
    # Links before folders: a link to a folder is both, and bound as a folder /dev/fd would be ours.
    if [[ -L $entry ]]; then
      cp --no-dereference "$entry" "$new/$name"
    elif [[ -d $entry ]]; then
      mkdir "$new/$name"
      mount --rbind "$entry" "$new/$name"
    else
      : >"$new/$name"
      mount --bind "$entry" "$new/$name"
    fi
  done
  mount --move "$new" /dev
}

# All of /run, not only /run/libvirt: without the system bus libvirtd cannot register the VMs with
# the machine's systemd-machined (under pids that are others' outside), nor ask its firewalld; and
# the pid files beside /run/libvirt are its own.
use_own_folders() {
  local own place
  for own in etc:/etc/libvirt lib:/var/lib/libvirt cache:/var/cache/libvirt log:/var/log/libvirt; do
    place=${own#*:}
    mkdir -p "$folder/${own%%:*}" "$place"
    mount --bind "$folder/${own%%:*}" "$place"
  done
  mkdir "$folder/run"
  # Last, for FOLDER itself may lie under /run and be hidden from here on.
  mount --bind "$folder/run" /run
}

start_daemon() {
  (
    # The subshell becomes libvirtd, so that its pid is the daemon's.
    tell_outside_pid
    exec libvirtd </dev/null >>/var/log/libvirt/libvirtd.log 2>&1 {outer_proc}<&-
  ) &
}

end() {
  # From pid 1, -1 means all processes of this namespace but itself.
  while kill -KILL -1; do sleep 0.01; done 2>/dev/null
  umount --lazy /run
  rm -rf "$folder"
}

# Not by unshare --mount-proc, since the outer one is needed first, see above.
mount -t proc proc /proc
hide_kvm
use_own_folders
trap end EXIT
# QEMU's console goes through it, as on a real host. It drops our stderr once it is in order.
virtlogd --daemon </dev/null >/dev/null {outer_proc}<&-
tell_outside_pid

while read -r command arguments; do
  case $command in
    start-daemon) start_daemon ;;
    signal)
      # Unquoted: a name and a pid.
      # shellcheck disable=SC2086
      if kill -s $arguments; then echo "done"; else echo "failed"; fi
      ;;
    *) echo "failed" ;;
  esac
done
