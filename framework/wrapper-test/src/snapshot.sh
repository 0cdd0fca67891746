# What a snapshot looks at. The variable `files` holds the directories to list, or nothing.
# A tool that is not installed has left nothing to see.
ask() { command -v "$1" >/dev/null || return 0; "$@" 2>/dev/null || true; }

echo '== links'
ip -o link show | awk '{
    name = $2; sub(/@.*|:$/, "", name)
    state = $3 ~ /[<,]UP[,>]/ ? "up" : "down"; mtu = ""; master = ""
    for (i = 4; i < NF; i++) {
        if ($i == "mtu") mtu = $(i + 1)
        if ($i == "master") master = " master " $(i + 1)
    }
    print name, state, "mtu", mtu master
}'
echo '== addresses'
ip -o address show | awk '$4 !~ /^fe80:/ { print $2, $4 }'
echo '== routes'
{ ip -4 route show table all; ip -6 route show table all; } | grep -v -e 'fe80:' -e '^multicast ff00::/8' \
    | sed -E 's/ expires [0-9]+sec//' || true
echo '== rules'
ip -4 rule show
ip -6 rule show 2>/dev/null || true
echo '== settings'
settings='/proc/sys/net/ipv4/conf/*/route_localnet /proc/sys/net/ipv4/ip_forward'
# What is mounted on /sys is the host's picture.
[ -z "$files" ] || settings="$settings /sys/class/net/*/brport/hairpin_mode"
grep -H 1 $settings 2>/dev/null || true
echo '== iptables-nft'
ask iptables-nft-save
echo '== iptables-legacy'
ask iptables-legacy-save
echo '== ip6tables-nft'
ask ip6tables-nft-save
echo '== ip6tables-legacy'
ask ip6tables-legacy-save
echo '== nft'
ask nft --stateless list ruleset
if [ -n "$files" ]; then
    echo '== files'
    find $files -path /run/netns -prune -o -path /run/xtables.lock -o \
        -type f -printf '%p %y %m %s bytes\n' -o -printf '%p %y %m\n'
fi
