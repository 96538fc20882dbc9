# What OAR's scripts share.
# shellcheck shell=bash disable=SC2034 # the variables are for those that source it
for variable in "${!OAR_@}" "${!PG@}"; do unset "$variable"; done
OAR_PORT=16666 SSH_PORT=16667 SQL_PORT=16432
shopt -s nullglob

# the newest PostgreSQL's programs
postgres_programs() { printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1; }
as_postgres() { bare runuser -u postgres -- "$@"; }
postgres_runs() { [ -s "$R/pg/postmaster.pid" ] && as_postgres "$(postgres_programs)/pg_ctl" -D "$R/pg" status; }

# Almighty and its helpers (who hold its port and outlive it), by process id: OAR writes no pid file.
almighty() {
  local directory name
  for directory in /proc/[0-9]*; do
    { read -r name <"$directory/comm"; } 2>/dev/null || continue
    case $name in Almighty | Almighty:*) gone "${directory#/proc/}" || echo "${directory#/proc/}" ;; esac
  done
}
server_listens() { (: <"/dev/tcp/127.0.0.1/$OAR_PORT") 2>/dev/null; }

running() {
  [ -e "$R/.configured" ] && postgres_runs >/dev/null 2>&1 && alive "$R/sshd.pid" sshd && [ -n "$(almighty)" ] &&
    server_listens
}
