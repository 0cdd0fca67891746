# fish completion for mesos-cni-port-mapper
complete -c mesos-cni-port-mapper -f
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a list -d 'who owns which host port'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a restore -d 'put the rules of all live containers back'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a gc -d 'remove what belongs to containers that are gone'
complete -c mesos-cni-port-mapper -n __fish_is_first_token -a doctor -d 'is this host fit for mapping ports?'
complete -c mesos-cni-port-mapper -l json -d 'for programs'
complete -c mesos-cni-port-mapper -l state-dir -x -a '(__fish_complete_directories)' -d 'where the state files are'
complete -c mesos-cni-port-mapper -l backend -x -a 'iptables iptables-nft iptables-legacy nftables' -d 'what doctor looks at'
complete -c mesos-cni-port-mapper -l help -d 'how it is called'
complete -c mesos-cni-port-mapper -l version -d 'which one it is'
