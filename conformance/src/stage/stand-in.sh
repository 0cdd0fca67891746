#!/bin/sh
# A plugin that stands in for a delegate: it writes down the call, and answers what it is told to.
# Below `on` lie VERB.before (run first), VERB.stderr, VERB.stdout and VERB.exit; without VERB.stdout the answer
# to ADD is the one for the attachment.
here='@HERE@'
number=100
until mkdir "$here/calls/$number" 2>/dev/null; do number=$((number + 1)); done
call=$here/calls/$number
cat /proc/$$/environ >"$call/environment"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cat >"$call/stdin"
on=$here/on/$CNI_COMMAND
! [ -f "$on.before" ] || . "$on.before"
! [ -f "$on.stderr" ] || cat "$on.stderr" >&2
if [ -f "$on.stdout" ]; then
    cat "$on.stdout"
elif [ "$CNI_COMMAND" = ADD ] && [ -f "$on.$CNI_CONTAINERID.$CNI_IFNAME" ]; then
    cat "$on.$CNI_CONTAINERID.$CNI_IFNAME"
fi
: >"$call/answered"
! [ -f "$on.exit" ] || exit "$(cat "$on.exit")"
