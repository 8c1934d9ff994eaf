#!/bin/bash
# boot-systemd.sh STAGE TESTS COMMAND...: runs COMMAND beside a systemd of its own. This machine's systemd is booted as the
# first process of fresh namespaces, over a root directory in memory that borrows /usr; STAGE/usr/local is its /usr/local
# and TESTS its /tests, all of them read-only. With `bash` as the COMMAND one can look around.
#
# Takes root, systemd and util-linux. Exit status: the command's; 0 with a loud word where this is not root's.
set -euo pipefail

# What the machine outside must not be told from inside, whoever is root there.
lost_capabilities=-sys_module,-sys_time,-sys_rawio,-sys_boot,-syslog,-wake_alarm,-mac_admin,-mac_override

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin

# The few files that systemd and a user need; everything else has its default in /usr.
make_tree() {
  local root=$1
  mkdir -p "$root"/{usr,etc/pam.d,etc/systemd/system,run,tmp,var/tmp,var/log,proc,sys,dev,root,home/user1,tests}
  local directory
  for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
  chmod 1777 "$root/tmp" "$root/var/tmp"
  chown 1000:1000 "$root/home/user1"
  # Which awk it is, and the like.
  cp -a /etc/alternatives "$root/etc/"
  cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
user1:x:1000:1000:user1:/home/user1:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
PASSWD
  printf '%s\n' root:x:0: tty:x:5: user1:x:1000: nogroup:x:65534: >"$root/etc/group"
  # With systemd's own names, so that a dynamic user has one.
  printf '%s\n' 'passwd: files systemd' 'group: files systemd' >"$root/etc/nsswitch.conf"
  # Set, or systemd would take this for a first boot.
  echo 5f1d70a36bd14b2a8b1c9ec6d4b20f77 >"$root/etc/machine-id"
  # For user@.service, which asks for a session without which it does not start.
  printf '%s required pam_permit.so\n' auth account session >"$root/etc/pam.d/systemd-user"
  # What logind does elsewhere: a user's run-time directory, and its name.
  cat >"$root/etc/systemd/system/user-runtime-dir@.service" <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/install -d -m 0700 -o %i -g %i /run/user/%i
UNIT
  mkdir "$root/etc/systemd/system/user@.service.d"
  printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >"$root/etc/systemd/system/user@.service.d/booted.conf"
  # Everything that belongs to a machine with disks, consoles and logins is left out.
  cat >"$root/etc/systemd/system/booted.target" <<'UNIT'
[Unit]
Requires=systemd-journald.service sockets.target
After=systemd-journald.service sockets.target
AllowIsolate=yes
UNIT
  local unit
  for unit in systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-initctl.socket dbus.socket; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
  done
}

show() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

make_devices() {
  mount -t tmpfs -o mode=755,nosuid,noexec tmpfs "$1"
  local device
  for device in null zero full random urandom tty; do
    : >"$1/$device"
    mount --bind "/dev/$device" "$1/$device"
  done
  mkdir "$1/pts" "$1/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$1/shm"
  ln -s pts/ptmx "$1/ptmx"
  ln -s /proc/self/fd "$1/fd"
}

# The first process in the new namespaces: mounts, tells its number outside, goes into a control group of its own and
# becomes systemd.
first() {
  local work=$1 stage=$2 tests=$3 pid root=$1/root
  # /proc is the machine's still, and so is what it says of this process.
  read -r pid _ </proc/self/stat
  mount -t cgroup2 cgroup2 "$work/cgroup"
  mkdir "$work/cgroup/${work##*/}"
  echo 0 >"$work/cgroup/${work##*/}/cgroup.procs"

  mount -t tmpfs -o mode=755,nosuid tmpfs "$root"
  make_tree "$root"
  show /usr "$root/usr"
  show "$stage/usr/local" "$root/usr/local"
  show "$tests" "$root/tests"
  make_devices "$root/dev"
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  local entry
  for entry in sys sysrq-trigger; do [ ! -e "$root/proc/$entry" ] || show "$root/proc/$entry" "$root/proc/$entry"; done
  mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys"
  hostname booted
  echo "$pid" >"$work/pid"
  # In a control group namespace that begins here, so that systemd finds a hierarchy that is its own.
  exec unshare --cgroup bash "$self" --second "$root"
}

second() {
  cd "$1"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
  mkdir .outside
  pivot_root . .outside
  # shellcheck disable=SC2016  # the inner shell's
  exec /usr/sbin/chroot . /bin/sh -c '
    umount -l /.outside && rmdir /.outside
    exec env --ignore-environment container=booted PATH="$2" setpriv --bounding-set "$1" --inh-caps "$1" \
      /lib/systemd/systemd --unit=booted.target --log-target=journal --show-status=no' sh "$lost_capabilities" "$path"
}

inside() {
  nsenter --target "$booted" --mount --uts --ipc --net --pid --cgroup --root -- \
    env --chdir=/ --ignore-environment PATH="$path" HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 "$@"
}

# Waits for what the arguments say, a minute at most.
until_true() {
  local _
  for _ in {1..3000}; do
    "$@" && return
    kill -0 "$outer" 2>/dev/null || break
    sleep 0.02
  done
  cat "$work/console"
  echo "boot-systemd: systemd did not come up" >&2
  return 1
}

# The kernel ends everything in a process namespace whose first process ends.
# shellcheck disable=SC2317  # a trap reaches it
clean_up() {
  trap - EXIT
  [ -z "$outer" ] || kill -KILL "${booted:-$outer}" 2>/dev/null || true
  [ -z "$outer" ] || wait "$outer" 2>/dev/null || true
  # shellcheck disable=SC2016  # the inner shell's
  unshare --mount sh -c 'mount -t cgroup2 cgroup2 "$1/cgroup" && [ ! -e "$1/cgroup/${1##*/}" ] ||
    find "$1/cgroup/${1##*/}" -depth -type d -exec rmdir {} +' sh "$work" || true
  rm -rf --one-file-system "$work"
}

self=$(readlink -f "$0")
case ${1:-} in
  --first) shift; first "$@" ;;
  --second) shift; second "$@" ;;
esac
if [ $# -lt 3 ]; then
  echo "usage: boot-systemd.sh STAGE TESTS COMMAND..." >&2
  exit 64
fi
if [ "$(id -u)" -ne 0 ]; then
  printf '\n*** SKIPPED: needs root: %s\n*** Nothing was tested with systemd.\n\n' "${*:3}" >&2
  exit 0
fi

stage=$(readlink -f "$1")
tests=$(readlink -f "$2")
shift 2
booted=
outer=
work=$(mktemp -d "${TMPDIR:-/tmp}/booted.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/root" "$work/cgroup"
unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net \
  bash "$self" --first "$work" "$stage" "$tests" </dev/null >"$work/console" 2>&1 &
outer=$!
until_true test -s "$work/pid"
booted=$(cat "$work/pid")
until_true test -S "/proc/$booted/root/run/systemd/private"
inside systemctl is-system-running --wait >/dev/null || true

status=0
inside "$@" || status=$?
if [ "$status" -ne 0 ] && [ "${BOOT_JOURNAL:-100}" -gt 0 ]; then
  inside journalctl --no-pager --quiet --output=short-precise --lines="${BOOT_JOURNAL:-100}" >&2 || true
fi
exit "$status"
