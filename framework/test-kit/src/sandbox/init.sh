# Sets up a sandbox and then waits. It is process 1 of its own process namespace: when it exits, the
# kernel kills every other process in there.
#
# Prints `ready PID` (the pid in the parent namespace) when the setup is complete. If a step fails,
# it exits with the step's name as the last line on stderr.
trap 'echo "failed to $step" >&2' EXIT
set -eu

step='read its own process id from /proc'
read -r pid rest </proc/self/stat

# Bind mounts of what will be hidden are kept below /sys until the end. Each takes three arguments:
# directory|file|link, its path, and for a link its target.
kept=/sys
keep() {
    while [ $# -gt 0 ]; do
        step="find $2"
        case $1 in
        directory)
            mkdir $kept/$#
            mount --no-mtab --rbind -- "$2" $kept/$#
            ;;
        file)
            : >$kept/$#
            mount --no-mtab --bind -- "$2" $kept/$#
            ;;
        esac
        shift 3
    done
}
show() {
    while [ $# -gt 0 ]; do
        step="show $2"
        mkdir -p -- "${2%/*}"
        case $1 in
        directory)
            mkdir -p -- "$2"
            mount --no-mtab --rbind -- $kept/$# "$2"
            ;;
        file)
            : >"$2"
            mount --no-mtab --bind -- $kept/$# "$2"
            ;;
        link) [ -L "$2" ] || ln -s -- "$3" "$2" ;;
        esac
        shift 3
    done
}
step="mount a tmpfs on $kept"
mount --no-mtab -t tmpfs -o mode=755 "host-$pid" $kept
keep "$@"

# `mount --all` skips sources that are already mounted, so the sources have unique names.
tmp=
[ -z "${CNI_TEST_PRIVATE_TMP-}" ] || tmp="host-$pid-tmp /tmp tmpfs mode=1777"
# Mounting /sys hides what is kept there.
sys="host-$pid-sys /sys sysfs defaults"
[ $# -eq 0 ] || sys=
unset CNI_TEST_PRIVATE_TMP
printf '%s\n' >$kept/mounts "host-$pid /proc proc defaults
host-$pid /run tmpfs mode=755
host-$pid /run/lock tmpfs mode=755,x-mount.mkdir
/run/netns /run/netns none bind,rshared,x-mount.mkdir
host-$pid-state /var/lib/cni tmpfs mode=755,x-mount.mkdir
$tmp
$sys"
step='mount new file systems on /proc, /sys, /run and /var/lib/cni, and share /run/netns'
mount --no-mtab --no-canonicalize --all --fstab $kept/mounts
step='find /run and /var/lib/cni empty'
is_empty() { [ "$*" = '/run/lock /run/netns /var/lib/cni/*' ]; }
is_empty /run/* /var/lib/cni/*
if [ $# -gt 0 ]; then
    show "$@"
    step='mount a new sysfs on /sys'
    mount --no-mtab -t sysfs "host-$pid-sys" /sys
fi

step='write sysctls below /proc/sys/net'
# A new namespace inherits most IPv4 values from the machine; tests must not depend on them.
for which in all default; do
    echo 0 >/proc/sys/net/ipv4/conf/$which/route_localnet
    echo 0 >/proc/sys/net/ipv4/conf/$which/rp_filter
    # Without duplicate address detection an IPv6 address is usable immediately.
    ! [ -d /proc/sys/net/ipv6 ] || echo 0 >/proc/sys/net/ipv6/conf/$which/accept_dad
done
echo 1 >/proc/sys/net/ipv4/ip_forward
! [ -d /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for family in iptables ip6tables arptables; do
    file=/proc/sys/net/bridge/bridge-nf-call-$family
    ! [ -e $file ] || echo 0 >$file
done

trap - EXIT
echo "ready $pid"
# Ignoring CHLD makes the kernel reap the orphans that process 1 inherits. `cat` exits when the
# other end of its input is closed: by the test, or by the kernel if the test is killed.
trap '' CHLD
exec cat >/dev/null 2>&1
