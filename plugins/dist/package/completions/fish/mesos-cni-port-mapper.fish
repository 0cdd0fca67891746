# fish completion for mesos-cni-port-mapper
complete -c mesos-cni-port-mapper -f
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a list -d 'list the mapped host ports and their owners'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a restore -d 'recreate the rules of all containers that are not gone'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a gc -d 'remove the mappings of containers that are gone'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a doctor -d 'check whether this host meets the requirements'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a explain -d 'follow a packet to a host port'
complete -c mesos-cni-port-mapper -l json -d 'print JSON'
complete -c mesos-cni-port-mapper -l state-dir -x -a '(__fish_complete_directories)' -d 'directory of the state files'
complete -c mesos-cni-port-mapper -l backend -x -a 'iptables iptables-nft iptables-legacy nftables' -d 'backend that doctor checks'
complete -c mesos-cni-port-mapper -l force -x -d 'container whose mappings are removed'
complete -c mesos-cni-port-mapper -l from -x -d 'client whose packet explain follows'
complete -c mesos-cni-port-mapper -l help -d 'print the usage'
complete -c mesos-cni-port-mapper -l version -d 'print the version'
