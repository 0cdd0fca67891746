#!/bin/sh
# Judges the plugin of a subject file as a step of a workflow: the summary of the step is the report,
# and the outputs are the paths of the reports for programs. The exit status is that of
# cni-conformance.
set -eu

json=$RUNNER_TEMP/cni-conformance.json
junit=$RUNNER_TEMP/cni-conformance.xml

set -- --subject "$SUBJECT" --level "$LEVEL"
[ -z "$BASELINE" ] || set -- "$@" --baseline "$BASELINE"
set -- "$@" --report "text=-,json=$json,junit=$junit,md=$RUNNER_TEMP/cni-conformance.md"

# Namespaces need root, which a runner of GitHub has only by sudo.
root=
[ "$(id -u)" = 0 ] || root="sudo env PATH=$PATH"

status=0
# ARGUMENTS is a list of words.
# shellcheck disable=SC2086
$root cni-conformance run "$@" $ARGUMENTS || status=$?

if [ -e "$RUNNER_TEMP/cni-conformance.md" ]; then
    cat "$RUNNER_TEMP/cni-conformance.md" >>"$GITHUB_STEP_SUMMARY"
fi
echo "json=$json" >>"$GITHUB_OUTPUT"
echo "junit=$junit" >>"$GITHUB_OUTPUT"
exit "$status"
