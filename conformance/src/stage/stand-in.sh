#!/bin/sh
# A plugin that stands in for a delegate: it writes down the call, and answers what it is told to.
# Below `on` lie VERB.before (run first), VERB.stderr, VERB.stdout (run to print the answer) and VERB.exit; without
# VERB.stdout the answer to ADD is the one for the attachment.
here='@HERE@'
set -C -- "$here"/calls/*.call
[ -e "$1" ] || shift
number=$((100 + $#))
# Of two calls at once only one can make the file.
until true >"$here/calls/$number.call"; do number=$((number + 1)); done 2>/dev/null
set +C
call=$here/calls/$number
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# Each variable ends with a NUL byte, and the input follows.
cat /proc/$$/environ - >"$call.call"
on=$here/on/$CNI_COMMAND
! [ -f "$on.before" ] || . "$on.before"
! [ -f "$on.stderr" ] || cat "$on.stderr" >&2
if [ -f "$on.stdout" ]; then
    . "$on.stdout"
elif [ "$CNI_COMMAND" = ADD ] && [ -f "$on.$CNI_CONTAINERID.$CNI_IFNAME" ]; then
    . "$on.$CNI_CONTAINERID.$CNI_IFNAME"
fi
: >"$call.answered"
! [ -f "$on.exit" ] || { read -r status <"$on.exit" || :; exit "$status"; }
