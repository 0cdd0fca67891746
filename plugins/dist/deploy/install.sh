#!/bin/sh
# Installs plugins atomically: each is written to a temporary file in the runtime's directory and
# renamed, so that a runtime never executes an incomplete file.
#   PLUGINS_FROM  directory of the plugins (default: /opt/cni-wrapper-plugins)
#   PLUGINS_TO    the runtime's directory (default: /host/opt/cni/bin)
#   STAY          "yes": keep running afterwards, as a DaemonSet requires
set -eu
from=${PLUGINS_FROM:-/opt/cni-wrapper-plugins}
to=${PLUGINS_TO:-/host/opt/cni/bin}
if [ ! -d "$to" ]; then
    echo "$to is not a directory; mount the node's plugin directory there, or set PLUGINS_TO" >&2
    exit 1
fi
new=
# The first process of a container receives TERM only if it has a handler.
trap 'rm -f "$new"; echo "terminated before all plugins were installed" >&2; exit 1' TERM INT
for plugin in "$from"/*; do
    [ -f "$plugin" ] || { echo "there are no plugins in $from" >&2; exit 1; }
    name=${plugin##*/}
    new=$to/.$name.new
    rm -f "$new"
    cp "$plugin" "$new"
    chmod 0755 "$new"
    # After a power loss, the new name must not refer to an incomplete file.
    sync "$new" 2>/dev/null || sync
    mv -f "$new" "$to/$name"
    echo "installed $to/$name"
done
if [ "${STAY:-}" = yes ]; then
    trap 'exit 0' TERM INT
    echo "all plugins are installed; waiting for termination"
    while :; do sleep 3600 & wait $!; done
fi
