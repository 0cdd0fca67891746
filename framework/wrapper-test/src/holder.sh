# Makes the inside of a throw-away host and then waits. It is process 1 of its own process
# namespace: when it ends, the kernel ends every other process in there.
#
# Says `ready PID` (the pid as seen from outside) once all stands; a step that fails ends it,
# and the name of the step is the last line on stderr.
trap 'echo "the step that failed: $step" >&2' EXIT
set -eu

step='read its own process id from /proc'
read -r pid rest </proc/self/stat

step='mount a tmpfs on /var/lib/cni'
# The list of mounts lies there until it is hidden by one of them.
[ -d /var/lib/cni ] && state=/var/lib/cni || state=/var/lib
mount -t tmpfs -o mode=755 "host-$pid" $state
# `mount --all` leaves out what is mounted already, so the sources have names that nobody else gives.
tmp=
if [ -n "${CNI_TEST_OWN_TMP+set}" ]; then
    tmp="host-$pid-tmp /tmp tmpfs mode=1777"
fi
if [ -n "${CNI_TEST_SEEN-}" ]; then
    # Held open while /tmp is hidden.
    exec 9<"$CNI_TEST_SEEN"
    tmp="$tmp
/proc/self/fd/9 $CNI_TEST_OWN_TMP none bind,x-mount.mkdir"
fi
printf '%s\n' "host-$pid /proc proc defaults
host-$pid /sys sysfs defaults
host-$pid /run tmpfs mode=755
host-$pid /run/lock tmpfs mode=755,x-mount.mkdir
/run/netns /run/netns none bind,rshared,x-mount.mkdir
host-$pid-state /var/lib/cni tmpfs mode=755,x-mount.mkdir
$tmp" >$state/mounts
step='mount fresh file systems on /proc, /sys, /run and /var/lib/cni, and share /run/netns as `ip netns` does'
mount --no-mtab --no-canonicalize --all --fstab $state/mounts
exec 9<&-
unset CNI_TEST_OWN_TMP CNI_TEST_SEEN
step='find /run and /var/lib/cni empty'
set -- /run/* /var/lib/cni/*
[ "$*" = '/run/lock /run/netns /var/lib/cni/*' ]

step='write sysctls below /proc/sys/net'
# A new namespace takes most IPv4 values from the machine: a test must not depend on them.
for which in all default; do
    echo 0 >/proc/sys/net/ipv4/conf/$which/route_localnet
    echo 0 >/proc/sys/net/ipv4/conf/$which/rp_filter
    # Without duplicate address detection an IPv6 address is usable at once.
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
# Ignoring CHLD makes the kernel reap the orphans that process 1 inherits. `cat` ends when the
# other end of its input is closed: by the test, or by the kernel when the test is killed.
trap '' CHLD
exec cat >/dev/null 2>&1
