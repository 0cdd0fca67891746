# fish completion for cni-label-policy
complete -c cni-label-policy -n __fish_is_first_token -f -a explain -d 'what the rules make of a container'
complete -c cni-label-policy -l label -x -d 'a label of the container, KEY=VALUE'
complete -c cni-label-policy -l cni-args -x -d 'arguments of the runtime, KEY=VALUE;...'
complete -c cni-label-policy -l set -x -d 'a value of the configuration, POINTER=VALUE'
complete -c cni-label-policy -l help -d 'how it is called'
complete -c cni-label-policy -l version -d 'which one it is'
