// What stands between us and an agent: it writes down the pid and the exit status, whatever becomes of us. Promises: an attempt
// happens once; no status is lost to a full disk; nothing of the task is in its text.

/**
 * POSIX shell, one per run, the agent's parent. It creates `pid` with noclobber and leaves if it exists (an attempt happens once);
 * reserves the bytes of `exit` before the agent starts, so that a full disk loses no status, and keeps that file open, so that
 * no link leads it elsewhere; outlives signals to its group, and starts nothing after one. An agent may have removed the folder,
 * and we have made it again: then the status is written there, if that is where it was.
 */
export const SHIM = `_run=$1; shift; set -C
{ true >"$_run/pid"; } 2>/dev/null || exit 0
set +C
printf '   \\n' >"$_run/exit" && echo $$ >"$_run/pid" || exit 0
exec 9<>"$_run/exit"
_told=; trap _told=1 INT TERM HUP
[ -z "$_told" ] && "$@" 9<&-
_end=$?; printf '%3d\\n' $_end >&9
_top=$ORCHESTRATE_WORKSPACE
[ -e "$_run/exit" ] || [ "$(cd "$_run" && pwd -P)" != "$(cd "$_top" && pwd -P)\${_run#"$_top"}" ] || printf '%3d\\n' $_end >"$_run/exit"`
