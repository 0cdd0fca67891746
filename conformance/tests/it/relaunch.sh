#!/bin/sh
# A wrapper that maps one port with a rule of iptables, as the port mapper of Mesos does. Each test
# replaces @CONFLICT@ by what ADD does when another container has the host port, and @LISTED@ by the
# rules of which DEL removes its own.
#
# No test depends on speed: the ADD of `second` first decides, and only then does the DEL of `first`
# begin its work.
config=$(cat)
number() { printf %s "$config" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
port=$(number host_port)
rules() { iptables -w -t nat -S PREROUTING; }
conflicts() { rules | grep -q -- "--dport $port "; }
delegate() {
    IFS=:
    for directory in $CNI_PATH; do
        [ -x "$directory/fake-delegate" ] && break
    done
    printf %s "$config" | "$directory/fake-delegate"
}
refuse() {
    : >/tmp/decided
    printf '{"cniVersion":"0.1.0","code":105,"msg":"host port %s belongs to first"}' "$port"
    exit 1
}
await_end() {
    : >/tmp/decided
    while conflicts; do sleep 0.01; done
}
case $CNI_COMMAND in
ADD)
    ! conflicts || @CONFLICT@
    result=$(delegate) || exit
    address=$(printf %s "$result" | sed 's/.*"ip4":{[^}]*"ip":"\([0-9.]*\).*/\1/')
    iptables -w -t nat -A PREROUTING -p tcp --dport "$port" -m addrtype --dst-type LOCAL \
        -m comment --comment "$CNI_CONTAINERID" -j DNAT --to "$address:$(number container_port)"
    [ "$CNI_CONTAINERID" != second ] || : >/tmp/decided
    printf '%s\n' "$result"
    ;;
DEL)
    [ "$CNI_CONTAINERID" != first ] || until [ -e /tmp/decided ]; do sleep 0.01; done
    [ "$CNI_CONTAINERID" != second ] || rm -f /tmp/decided
    @LISTED@ | sed -n "/ $CNI_CONTAINERID /s/^-A/iptables -w -t nat -D/p" | sh
    delegate
    ;;
esac
