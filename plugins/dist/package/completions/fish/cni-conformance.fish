# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_cni_conformance_global_optspecs
	string join \n h/help V/version
end

function __fish_cni_conformance_needs_command
	# Figure out if the current invocation already has a command.
	set -l cmd (commandline -opc)
	set -e cmd[1]
	argparse -s (__fish_cni_conformance_global_optspecs) -- $cmd 2>/dev/null
	or return
	if set -q argv[1]
		# Also print the command, so this can be used to figure out what it is.
		echo $argv[1]
		return 1
	end
	return 0
end

function __fish_cni_conformance_using_subcommand
	set -l cmd (__fish_cni_conformance_needs_command)
	test -z "$cmd"
	and return 1
	contains -- $cmd[1] $argv
end

complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -s V -l version -d 'Print version'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "run" -d 'Judge a plugin against the requirements of the specification'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "list" -d 'List the requirements: id, code, severity, versions and profiles'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "explain" -d 'Explain a requirement and its case; with a PLUGIN, show each call that the case makes'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "matrix" -d 'Show JSON reports side by side: plugins × requirements'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "diff" -d 'Compare two JSON reports; the exit status is 1 if anything got worse'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "validate" -d 'Check network configurations before a runtime uses them; of plugins only VERSION is called'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "lifecycle" -d 'Run whole lifecycles of attachments as a runtime drives them, on disposable hosts'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "replay" -d 'Repeat the calls that cni-trace recorded, with another plugin, and compare its answers'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "add" -d 'Attach a container to a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "check" -d 'Check an attachment as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "del" -d 'Detach a container from a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "gc" -d 'Remove the stale attachments of a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "status" -d 'Ask whether a network is ready as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "man" -d 'Write the manual pages, one for each command, into a directory'
complete -c cni-conformance -n "__fish_cni_conformance_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l subject -d 'Read the plugin and everything it needs from a JSON file, instead of PLUGIN' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l config -d 'The plugin\'s object in a network configuration' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l profile -d 'The kind of plugin [default: interface]' -r -f -a "interface\t''
chained\t''
wrapper\t''
ipam\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l spec -d 'Judge by this version of the specification; repeatable [default: all that PLUGIN claims]' -r -f -a "0.1.0\t''
0.2.0\t''
0.3.0\t''
0.3.1\t''
0.4.0\t''
1.0.0\t''
1.1.0\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l level -d 'Fail if a requirement of this severity or above is broken' -r -f -a "must\t''
should\t''
convention\t''
stricter\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l skip -d 'Leave out these cases; repeatable' -r -f -a "execution.exit-status-tells-failure\t''
execution.failure-prints-error-object\t''
execution.error-goes-to-stdout\t''
execution.stdout-holds-one-document\t''
execution.stderr-does-not-matter\t''
execution.reserved-codes-keep-meaning\t''
execution.error-carries-version\t''
execution.unsupported-field-is-named\t''
execution.bad-variables-are-named\t''
execution.bad-input-has-its-code\t''
execution.code-3-leaves-nothing\t''
execution.code-11-passes\t''
execution.leaves-no-child-on-stdout\t''
execution.works-with-minimal-environment\t''
execution.reads-all-of-stdin\t''
execution.unknown-keys-are-tolerated\t''
execution.full-stdout-is-a-failure\t''
environment.add-needs-its-variables\t''
environment.del-needs-its-variables\t''
environment.check-needs-its-variables\t''
environment.path-is-optional\t''
environment.gc-needs-only-path\t''
environment.status-needs-nothing\t''
environment.version-needs-only-command\t''
environment.unknown-command-is-refused\t''
environment.no-command-does-nothing\t''
environment.bad-container-id-is-refused\t''
environment.long-ids-do-not-collide\t''
environment.bad-ifname-is-refused\t''
environment.unknown-args-are-tolerated\t''
environment.bad-netns-is-refused\t''
environment.own-netns-is-refused\t''
environment.tracing-is-handed-on\t''
version.lists-versions\t''
version.repeats-input-version\t''
version.list-is-truthful\t''
version.unsupported-version-is-code-1\t''
version.missing-means-0.1.0\t''
version.check-needs-0.4.0\t''
version.gc-and-status-need-1.1.0\t''
version.is-an-exact-string\t''
version.result-echoes-version\t''
version.higher-minor-keeps-working\t''
version.claimed-versions-work\t''
add.makes-the-interface\t''
add.refuses-existing-ifname\t''
add.reports-the-container-interface\t''
add.result-agrees-with-kernel\t''
add.failure-then-del-leaves-nothing\t''
add.failure-leaves-nothing\t''
add.interfaces-are-independent\t''
add.works-again-after-del\t''
result.shape-0.1-0.2\t''
result.shape-0.3-0.4\t''
result.addresses-stand-in-ips\t''
result.shape-1.0\t''
result.newer-keys-stay-out\t''
result.addresses-are-well-formed\t''
result.interface-indexes-are-in-range\t''
result.ipam-has-no-interfaces\t''
result.empty-members-are-tolerated\t''
chain.passes-prev-result\t''
chain.changes-only-what-it-means-to\t''
chain.loses-nothing\t''
chain.prev-result-without-version\t''
chain.prev-result-of-other-version\t''
chain.needs-prev-result\t''
chain.several-interfaces-and-addresses\t''
chain.any-kind-of-interface\t''
del.undoes-add\t''
del.twice-succeeds\t''
del.without-add-succeeds\t''
del.without-netns-cleans\t''
del.without-prev-result-cleans\t''
del.without-interface-succeeds\t''
del.prints-nothing\t''
del.without-runtime-config-cleans\t''
del.cleans-after-config-changed\t''
del.touches-only-its-own\t''
del.cleans-although-delegate-fails\t''
del.after-flush-succeeds\t''
del.at-the-same-time-succeeds\t''
del.after-failed-add-succeeds\t''
del.with-refused-config-succeeds\t''
check.succeeds-after-add\t''
check.needs-prev-result\t''
check.misses-what-was-removed\t''
check.misses-rules\t''
check.notices-wrong-state\t''
check.accepts-later-changes\t''
check.runs-on-delegates\t''
check.has-no-side-effects\t''
check.fails-after-del\t''
check.hands-on-delegates-error\t''
gc.succeeds-silently\t''
gc.removes-stale-attachments\t''
gc.keeps-valid-attachments\t''
gc.leaves-other-networks-alone\t''
gc.reaches-delegates\t''
gc.goes-on-after-an-error\t''
gc.reads-both-keys\t''
gc.without-list-removes-nothing\t''
gc.works-without-netns\t''
status.tells-readiness\t''
status.asks-delegates\t''
status.has-no-side-effects\t''
status.notices-exhaustion\t''
status.hands-on-delegates-error\t''
status.has-its-codes\t''
delegate.is-found-on-cni-path\t''
delegate.gets-the-environment\t''
delegate.gets-the-configuration\t''
delegate.stderr-is-handed-on\t''
delegate.gets-every-verb\t''
delegate.error-is-handed-on\t''
delegate.failed-add-is-deleted\t''
delegate.result-is-converted\t''
delegate.may-misbehave\t''
delegate.is-undone-after-own-failure\t''
delegate.is-deleted-last\t''
delegate.may-hang\t''
capability.port-mappings-are-honoured\t''
capability.bad-values-are-refused\t''
capability.absence-is-no-error\t''
capability.args-win-over-cni-args\t''
capability.unknown-args-are-ignored\t''
config.bad-network-name-is-refused\t''
config.cni-dev-keys-are-ignored\t''
concurrency.many-containers-at-once\t''
concurrency.killed-add-is-cleaned\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l timeout -d 'The time limit of one call of the plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l jobs -d 'Run this many cases at a time [default: four for each processor]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l shard -d 'Run only the Nth of M parts of the cases, to spread them over machines' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l retries -d 'Run a case that fails up to N times more, until it passes' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l baseline -d 'A JSON report whose deviations are no failures, by case and version' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l report -d 'Write reports of these kinds: text, json, junit, md, html, tap, badge; `-` is stdout [default: text=-]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l exchanges -d 'The runs whose calls JSON and HTML reports contain: `findings` are those that did not pass' -r -f -a "all\t''
findings\t''
none\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l quick -d 'Judge only by the newest version that the plugin claims'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l fail-fast -d 'Stop at the first failure'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -l keep -d 'Keep the namespaces of the first failure until the end of stdin, and print how to enter them'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand run" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand list" -l json -d 'Print everything about each requirement as JSON'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand list" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l subject -d 'Read the plugin and everything it needs from a JSON file, instead of PLUGIN' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l config -d 'The plugin\'s object in a network configuration' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l profile -d 'The kind of plugin [default: interface]' -r -f -a "interface\t''
chained\t''
wrapper\t''
ipam\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l spec -d 'Run the case in this version of the specification [default: the newest that applies]' -r -f -a "0.1.0\t''
0.2.0\t''
0.3.0\t''
0.3.1\t''
0.4.0\t''
1.0.0\t''
1.1.0\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l timeout -d 'The time limit of one call of the plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -l keep -d 'Keep the namespaces as the case left them until the end of stdin, and print how to enter them'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand explain" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand matrix" -l report -d 'Write the matrix in these forms: text, md, html; `-` is stdout [default: text=-]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand matrix" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand diff" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand validate" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand validate" -l json -d 'Print the problems as JSON'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand validate" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l subject -d 'Read the plugin and everything it needs from a JSON file, instead of PLUGIN' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l config -d 'The plugin\'s object in a network configuration' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l profile -d 'The kind of plugin [default: interface]' -r -f -a "interface\t''
chained\t''
wrapper\t''
ipam\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l runtime -d 'The runtime that drives them' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l lifecycles -d 'Only these lifecycles [default: all]' -r -f -a "plain\t''
add-after-del\t''
repeated-del\t''
out-of-order\t''
del-without-add\t''
failed-add\t''
container-gone\t''
restart\t''
restart-without-cache\t''
gc-lost-containers\t''
gc-lost-cache\t''
two-at-once\t''
many-at-once\t''
relaunch\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l spec -d 'The version of the specification [default: the newest that the plugin claims]' -r -f -a "0.1.0\t''
0.2.0\t''
0.3.0\t''
0.3.1\t''
0.4.0\t''
1.0.0\t''
1.1.0\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l cap -d 'Capability arguments; with a subject file, its `runtimeConfig` is used' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l info -d 'With NETCONF and --runtime mesos: the NetworkInfo that the framework sends' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l path -d 'Further directories of plugins, searched before the usual ones' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l list -d 'List the lifecycles'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l json -d 'Print the steps, with their times, and the verdicts as JSON'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -l keep -d 'Keep the host of the first failure until the end of stdin, and print how to enter it'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand lifecycle" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l network -d 'Replay only the calls of this network' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l delegate -d 'Replay only the calls of this delegate, if several were recorded' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l prepare -d 'A shell script that prepares the host' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l path -d 'Further directories of plugins, searched before PLUGIN\'s own and the usual ones' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l timeout -d 'The time limit of one call of the plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -l json -d 'Print the comparison as JSON'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand replay" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l runtime -d 'Behave like this runtime' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l netconf-dir -d 'The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l cache -d 'The directory of results and other state that is kept between calls [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l ifname -d 'The name of the interface [default: eth0]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l id -d 'The container id [default: derived from NETNS, as cnitool does]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l args -d 'The value of CNI_ARGS' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l cap -d 'Capability arguments; repeat them on check and del' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -l info -d 'With --runtime mesos: the NetworkInfo that the framework sends' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -s v -l verbose -d 'Print every call of a plugin to stderr'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand add" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l runtime -d 'Behave like this runtime' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l netconf-dir -d 'The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l cache -d 'The directory of results and other state that is kept between calls [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l ifname -d 'The name of the interface [default: eth0]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l id -d 'The container id [default: derived from NETNS, as cnitool does]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l args -d 'The value of CNI_ARGS' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l cap -d 'Capability arguments; repeat them on check and del' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -l info -d 'With --runtime mesos: the NetworkInfo that the framework sends' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -s v -l verbose -d 'Print every call of a plugin to stderr'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand check" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l runtime -d 'Behave like this runtime' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l netconf-dir -d 'The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l cache -d 'The directory of results and other state that is kept between calls [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l ifname -d 'The name of the interface [default: eth0]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l id -d 'The container id [default: derived from NETNS, as cnitool does]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l args -d 'The value of CNI_ARGS' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l cap -d 'Capability arguments; repeat them on check and del' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -l info -d 'With --runtime mesos: the NetworkInfo that the framework sends' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -s v -l verbose -d 'Print every call of a plugin to stderr'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand del" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l runtime -d 'Behave like this runtime' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l netconf-dir -d 'The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l cache -d 'The directory of results and other state that is kept between calls [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l valid -d 'Keep this attachment (default interface: eth0) and remove all others; repeatable' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -s v -l verbose -d 'Print every call of a plugin to stderr'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -l all -d 'Remove all attachments'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand gc" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -l runtime -d 'Behave like this runtime' -r -f -a "libcni\t''
mesos\t''"
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -l path -d 'The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -l netconf-dir -d 'The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -l cache -d 'The directory of results and other state that is kept between calls [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]' -r -F
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -l timeout -d 'The time limit of one call of a plugin' -r
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -s v -l verbose -d 'Print every call of a plugin to stderr'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand status" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand completions" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand man" -s h -l help -d 'Print help'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "run" -d 'Judge a plugin against the requirements of the specification'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "list" -d 'List the requirements: id, code, severity, versions and profiles'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "explain" -d 'Explain a requirement and its case; with a PLUGIN, show each call that the case makes'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "matrix" -d 'Show JSON reports side by side: plugins × requirements'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "diff" -d 'Compare two JSON reports; the exit status is 1 if anything got worse'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "validate" -d 'Check network configurations before a runtime uses them; of plugins only VERSION is called'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "lifecycle" -d 'Run whole lifecycles of attachments as a runtime drives them, on disposable hosts'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "replay" -d 'Repeat the calls that cni-trace recorded, with another plugin, and compare its answers'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "add" -d 'Attach a container to a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "check" -d 'Check an attachment as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "del" -d 'Detach a container from a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "gc" -d 'Remove the stale attachments of a network as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "status" -d 'Ask whether a network is ready as a runtime does, on this machine'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "completions" -d 'Print the completions for a shell'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "man" -d 'Write the manual pages, one for each command, into a directory'
complete -c cni-conformance -n "__fish_cni_conformance_using_subcommand help; and not __fish_seen_subcommand_from run list explain matrix diff validate lifecycle replay add check del gc status completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
