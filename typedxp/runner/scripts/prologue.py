"""Owns what bash does beside a script while it executes it: it notes commands, and which of them fail."""

from __future__ import annotations

POSITION = "TYPEDXP_SUBMIT_AT"
"""The variable that tells a command behind which note it was started."""
OWN = "TYPEDXP_SUBMIT_BASH_ENV"
"""The variable that holds what BASH_ENV was before."""

# Nothing here starts a process, changes a variable of the script or is shown by `set -x`. Names are odd since functions
# of bash see each other's variables.
PROLOGUE = r"""
if [ -n "${TYPEDXP_SUBMIT_BASH_ENV-}" ]; then
  BASH_ENV=$TYPEDXP_SUBMIT_BASH_ENV
  unset TYPEDXP_SUBMIT_BASH_ENV
  . "$BASH_ENV"
else
  unset BASH_ENV TYPEDXP_SUBMIT_BASH_ENV
fi

__typedxp_own() {
  local __typedxp_each
  for __typedxp_each in "${BASH_SOURCE[@]:2}"; do
    [ "$__typedxp_each" = "$0" ] || return 1
  done
  for __typedxp_each in "${FUNCNAME[@]:2}"; do
    case $__typedxp_each in module | ml | conda | mamba | micromamba | spack) return 1 ;; esac
  done
}

__typedxp_names() {
  local __typedxp_rest=$1 __typedxp_name
  while :; do
    __typedxp_rest=${__typedxp_rest#"${__typedxp_rest%%[A-Za-z_]*}"}
    __typedxp_name=${__typedxp_rest%%[!A-Za-z0-9_]*}
    __typedxp_rest=${__typedxp_rest#"$__typedxp_name"}
    case $__typedxp_name in
      '') return 0 ;;
      __typedxp*) ;;
      *) declare -p "$__typedxp_name" && printf '\0' ;;
    esac
  done
}

__typedxp_variables() {
  local __typedxp_rest=$1
  case $1 in
    *=*) ;;
    export\ * | declare\ * | typeset\ *) __typedxp_names "$1" ;;
  esac
  case $1 in *\$[0-9@*#]* | *\${[0-9@*]* | *\${#[@*}]*)
    printf 'set --'
    [ $# = 1 ] || printf ' %q' "${@:2}"
    printf '\0'
    ;;
  esac
  while [[ $__typedxp_rest == *\$* ]]; do
    __typedxp_rest=${__typedxp_rest#*\$}
    case $__typedxp_rest in
      # There, names have values without being asked for them.
      '(('* | '{'*'['*) __typedxp_names "$__typedxp_rest" && return 0 ;;
      [A-Za-z_]*) __typedxp_names "${__typedxp_rest%%[!A-Za-z0-9_]*}" ;;
      '{'*) __typedxp_names "${__typedxp_rest%%\}*}" ;;
    esac
  done
}

__typedxp_chain() {
  local __typedxp_theirs
  __typedxp_theirs=$(trap -p ERR)
  case $__typedxp_theirs in *__typedxp_failed*) return ;; esac
  eval "set -- ${__typedxp_theirs#trap -- }"
  trap "{ __typedxp_failed \"\$?\" \"\$LINENO\" \"\$BASH_COMMAND\"; } 2>/dev/null || { ${1:-:}
}" ERR
}

__typedxp_trace() {
  # From now on it is the note of an earlier command; how deep in functions this one is tells whether that has ended.
  case ${TYPEDXP_SUBMIT_AT-} in '') ;; *) TYPEDXP_SUBMIT_AT=${TYPEDXP_SUBMIT_AT%.*}.${#FUNCNAME[@]} ;; esac
  case ${__typedxp_trapped-} in 1) __typedxp_trapped= && __typedxp_chain ;; esac
  case ${BASH_COMMAND%%[[:space:]]*} in
    trap) __typedxp_trapped=1 && return 0 ;;
    module | ml | conda | mamba | micromamba | spack | source | . | export | declare | typeset) ;;
    unset | ulimit | umask | eval | deactivate | set | env | exec | nohup | [A-Za-z_]*=*) ;;
    *) return 0 ;;
  esac
  __typedxp_own || return 0
  local __typedxp_at=${BASHPID:-$$}-$RANDOM$RANDOM$RANDOM
  {
    printf '%s\0' "${TYPEDXP_SUBMIT_AT-}" "$1" "${#FUNCNAME[@]}" "$PWD" "$BASH_COMMAND"
    __typedxp_variables "$BASH_COMMAND" "${@:2:$#-2}"
  } >"${TYPEDXP_SUBMIT%/*}/trace/$__typedxp_at"
  export TYPEDXP_SUBMIT_AT=$__typedxp_at
}

__typedxp_failed() {
  __typedxp_own && printf '%s\0' "$1" "$2" "$3" >>"${TYPEDXP_SUBMIT%/*}/failed"
  return "$1"
}

set -T -E
trap '{ __typedxp_failed "$?" "$LINENO" "$BASH_COMMAND" || :; } 2>/dev/null' ERR
trap '{ __typedxp_trace "$LINENO" "$@" "$_" || :; } 2>/dev/null' DEBUG
"""
"""What bash reads before the script, by BASH_ENV."""
