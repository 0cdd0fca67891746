# What a snapshot looks at. The variable `files` holds the directories to list, or nothing; `pruned` is not looked into.
# A tool that is not installed has left nothing to see. Tests take many of these pictures, so no process is started that would show nothing.
ask() { ! command -v "$1" >/dev/null || "$@" 2>/dev/null || true; }

echo '== ip'
ip -oneline -batch - <<END
link show
address show
route show table all
rule show
END
ip -oneline -6 rule show 2>/dev/null || true

echo '== settings'
v4=/proc/sys/net/ipv4/conf/*
v6=/proc/sys/net/ipv6/conf/*
settings="$v4/route_localnet /proc/sys/net/ipv4/ip_forward"
# What a plugin sets in a container goes with it; and what is mounted on /sys is the host's picture.
[ -z "$files" ] || settings="$settings $v4/forwarding $v4/proxy_arp $v4/rp_filter $v4/arp_ignore $v4/log_martians
    $v6/forwarding $v6/disable_ipv6 $v6/accept_ra $v6/proxy_ndp /proc/sys/net/bridge/bridge-nf-call-*
    /sys/class/net/*/brport/hairpin_mode"
for file in $settings; do
    # A sysctl gives its first byte and then ends, which `read` takes for a failure.
    [ -r "$file" ] && read -r value <"$file" || :
    [ "${value:-0}" = 0 ] || echo "$file:$value"
    value=
done

for family in ip ip6; do
    # The kernel names here the tables that somebody has asked it for; the others are not there.
    tables=/proc/net/${family}_tables_names
    if [ -r $tables ] && read -r table <$tables; then
        echo "== ${family}tables-legacy"
        ask ${family}tables-legacy-save
    fi
done

tables='table ip table ip6 '
if command -v nft >/dev/null && ruleset=$(nft --stateless list ruleset 2>/dev/null); then
    tables=$ruleset
    echo '== nft'
    printf '%s\n' "$ruleset"
fi
for family in ip ip6; do
    case $tables in *"table $family "*)
        echo "== ${family}tables-nft"
        ask ${family}tables-nft-save
    esac
done

if [ -n "$files" ]; then
    echo '== files'
    find $files -path /run/netns -prune -o -path "$pruned" -prune -o -path /run/xtables.lock -o \
        -type f -printf '%p %y %m %s bytes\n' -o -printf '%p %y %m\n'
fi
