#!/bin/sh
# Installs plugins so that a runtime never meets half a file: each is written beside its place, and renamed into it.
#   PLUGINS_FROM  where they are (default: /opt/cni-wrapper-plugins)
#   PLUGINS_TO    the runtime's directory (default: /host/opt/cni/bin)
#   STAY          "yes": wait afterwards, as a DaemonSet's container has to
set -eu
from=${PLUGINS_FROM:-/opt/cni-wrapper-plugins}
to=${PLUGINS_TO:-/host/opt/cni/bin}
[ -d "$to" ] || { echo "$to is no directory; mount the node's there, or set PLUGINS_TO" >&2; exit 1; }
new=
# The first process of a container is told TERM only when it asks for it.
trap 'rm -f "$new"; echo "ended before all was installed" >&2; exit 1' TERM INT
for plugin in "$from"/*; do
    [ -f "$plugin" ] || { echo "there is no plugin in $from" >&2; exit 1; }
    name=${plugin##*/}
    new=$to/.$name.new
    rm -f "$new"
    cp "$plugin" "$new"
    chmod 0755 "$new"
    # A name must not outlive a power loss without its content.
    sync "$new" 2>/dev/null || sync
    mv -f "$new" "$to/$name"
    echo "installed $to/$name"
done
if [ "${STAY:-}" = yes ]; then
    trap 'exit 0' TERM INT
    echo "all is installed; this goes on until it is ended"
    while :; do sleep 3600 & wait $!; done
fi
