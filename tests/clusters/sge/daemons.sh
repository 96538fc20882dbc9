# What Grid Engine's scripts share: the environment that its programs and daemons want.
# shellcheck shell=bash disable=SC2034 # the variables are for those that source it
for variable in "${!SGE_@}"; do unset "$variable"; done
LIB=/usr/lib/gridengine # the real programs: those in /usr/bin are slow shell wrappers around them
ARCH=lx-$(dpkg --print-architecture)
BARE_ENV=(
  "SGE_ROOT=$R/root" SGE_CELL=test "SGE_ARCH=$ARCH" SGE_QMASTER_PORT=16444 SGE_EXECD_PORT=16445 SGE_CLUSTER_NAME=test
)
export "${BARE_ENV[@]}"
export PATH=$LIB:$PATH

qmaster_answers() { timeout 10 qconf -sh; }

# execd's spool directory bears the name by which it found its host (vm or localhost)
execd_pidfile() {
  local found
  found=("$R"/spool/execd/*/execd.pid)
  echo "${found[0]}"
}
execd_alive() { alive "$(execd_pidfile)" sge_execd; }

# execd has reported its load, and main.q is in no bad state
queue_ready() { timeout 10 qstat -f | awk '/^main.q@/ {ok = NF == 5 && $4 != "-NA-"} END {exit !ok}'; }

running() {
  [ -e "$R/.configured" ] && alive "$R/spool/qmaster/qmaster.pid" sge_qmaster && execd_alive && queue_ready >/dev/null 2>&1
}
