# fish completion for cni-label-policy
complete -c cni-label-policy -n __fish_is_first_token -f -a explain -d 'explain how the rules apply to a container'
complete -c cni-label-policy -l label -x -d 'a label of the container, KEY=VALUE'
complete -c cni-label-policy -l cni-args -x -d 'CNI_ARGS, KEY=VALUE;...'
complete -c cni-label-policy -l set -x -d 'set a value in the configuration, POINTER=VALUE'
complete -c cni-label-policy -l help -d 'print the usage'
complete -c cni-label-policy -l version -d 'print the version'
