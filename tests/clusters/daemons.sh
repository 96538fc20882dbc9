# What the scripts of all clusters share; each sources it first.  It sets
#   ROOT     everything lies below it (CLUSTERS_ROOT, by default /tmp/typedxp-clusters), R=$ROOT/<cluster>
#   WIPE     1 after --wipe
#   CALLER_PATH  the PATH that the caller had; the scripts themselves use the system's (no pyenv shims, no conda)
# shellcheck shell=bash disable=SC2034 # the variables are for those that source it
set -Eeuo pipefail

HERE=$(dirname "$(realpath "$0")")
CLUSTER=$(basename "$HERE")
NAME=$CLUSTER/$(basename "$0")
CALLER_PATH=$PATH
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH=$SYSTEM_PATH LC_ALL=C.UTF-8
ROOT=$(realpath -m "${CLUSTERS_ROOT:-/tmp/typedxp-clusters}")
R=$ROOT/$CLUSTER
CPUS=${CLUSTERS_CPUS:-8}
GPUS=${CLUSTERS_GPUS:-4}
HOST=$(hostname -s)
umask 022

# fail MESSAGE [LOG...]: end with the message and the tails of those logs that exist.
fail() {
  echo "$NAME: $1" >&2
  shift
  for log; do
    [ ! -s "$log" ] || { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
  done
  exit 1
}
trap 'echo "$NAME: line $LINENO failed: $BASH_COMMAND" >&2' ERR

# One script per cluster at a time, whoever calls (the daemons do not inherit the lock: see bare).
lock() {
  mkdir -p "$ROOT"
  exec 9>"$ROOT/$CLUSTER.lock"
  flock -w 300 9 || fail "another up or down has held $ROOT/$CLUSTER.lock for 5 minutes"
}

# bare COMMAND...: run it as a daemon should: in /, nothing of the caller's environment, terminal, session or open files.
# (BARE_ENV holds KEY=VALUE words that it shall have besides.)
BARE_ENV=()
bare() {
  (
    cd /
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || exec {fd}>&-
    done
    exec env -i PATH="$SYSTEM_PATH" LANG=C.UTF-8 HOME=/root "${BARE_ENV[@]}" setsid -w "$@" </dev/null
  )
}

# wait_for SECONDS COMMAND...: until the command succeeds; 1 when it never does.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep .1
  done
}

# A zombie is gone, too: in a container PID 1 may never reap it.
gone() { ! [ -d "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null; }

# pid_of PIDFILE COMM: the process id of a living daemon; the name is checked since ids come round again.
pid_of() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -q "$2" "/proc/$pid/comm" 2>/dev/null && ! gone "$pid" && echo "$pid"
}
alive() { pid_of "$@" >/dev/null; }

# end PID...: TERM, and KILL for those that are still there 10 s later.
end() {
  kill "$@" 2>/dev/null || true
  for pid; do wait_for 10 gone "$pid" || kill -KILL "$pid" 2>/dev/null || true; done
}

# stop PIDFILE COMM: end the daemon, if it is alive, and forget its pid file.
stop() {
  local pid
  if pid=$(pid_of "$@"); then end "$pid"; fi
  rm -f "$1"
}

# The first IPv4 address that the host's name has.  (getent's ahostsv4 knows none where there is only a loopback device.)
host_address() {
  { getent ahostsv4 "$HOST" || getent hosts "$HOST" || true; } | awk '$1 !~ /:/ && !found++ {print $1}'
}

# Schedulers look their own host up by its name.  (The file need not end with a newline.)
name_host() { [ -n "$(host_address)" ] || printf '\n127.0.0.1 %s\n' "$HOST" >>/etc/hosts; }

have() { for program; do command -v "$program" >/dev/null || return 1; done; }

# install_packages PACKAGE...: by apt-get, without starting the packages' own daemons (policy-rc.d), also where there is a systemd.
install_packages() {
  local log=$R/apt.log policy=/usr/sbin/policy-rc.d ours='' status=0
  have apt-get || fail "these packages are missing and there is no apt-get: $*"
  exec 8>"$ROOT/apt.lock"
  flock 8
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  [ -e $policy ] || { ours=1; printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; }
  apt_install "$@" >"$log" 2>&1 || { apt-get update && apt_install "$@"; } >>"$log" 2>&1 || status=$?
  [ -z "$ours" ] || rm -f $policy
  exec 8>&-
  [ $status = 0 ] || fail "apt-get cannot install $*" "$log"
}
apt_install() { apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" 8>&- 9>&-; }

case $#,${1:-} in
  0,) WIPE=0 ;;
  1,--wipe) WIPE=1 ;;
  *) fail "usage: $NAME [--wipe]" ;;
esac
[ "$(id -u)" = 0 ] || fail "needs to be run by root"
[ ${#R} -le 80 ] || fail "$R is too long a path for sockets: set CLUSTERS_ROOT"
