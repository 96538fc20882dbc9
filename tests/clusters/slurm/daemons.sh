# What Slurm's scripts share.
# shellcheck shell=bash disable=SC2034 # the variables are for those that source it
DBD=${SLURM_DBD:-1}
[ "$DBD" = 0 ] || [ "$DBD" = 1 ] || fail "SLURM_DBD is neither 0 nor 1: $DBD"
# what the caller's shell says (inside a job, say) must not change what our own commands do
for variable in "${!SLURM_@}" "${!SBATCH_@}" "${!SQUEUE_@}" "${!SACCT_@}" "${!SINFO_@}" "${!SCANCEL_@}"; do
  unset "$variable"
done
export SLURM_CONF=$R/etc/slurm.conf
BARE_ENV=("SLURM_CONF=$SLURM_CONF")
MUNGE=$R/munge/munge.socket

# start DAEMON: slurmctld, slurmd or slurmdbd, unless it is alive.
start() {
  alive "$R/$1.pid" "^$1\$" && return
  bare "$1" >"$R/log/$1.out" 2>&1 || fail "$1 does not start" "$R/log/$1.out" "$R/log/$1.log"
  wait_for 20 alive "$R/$1.pid" "^$1\$" || fail "$1 has ended" "$R/log/$1.out" "$R/log/$1.log"
}

node_up() {
  case "$(timeout 5 sinfo -h -N -p main -o %T 2>/dev/null)" in
    idle | mixed | allocated | completing) ;;
    *) return 1 ;;
  esac
}

running() {
  [ -s "$R/etc/dbd" ] && alive "$R/munge/munged.pid" munged && alive "$R/slurmctld.pid" '^slurmctld$' &&
    alive "$R/slurmd.pid" '^slurmd$' || return 1
  [ "$(cat "$R/etc/dbd")" = 0 ] || { alive "$R/mysql.pid" mariadbd && alive "$R/slurmdbd.pid" '^slurmdbd$'; } || return 1
  node_up
}
