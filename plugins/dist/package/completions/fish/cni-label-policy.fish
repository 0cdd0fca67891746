# fish completion for cni-label-policy
complete -c cni-label-policy -n __fish_is_first_token -f -a explain -d 'how the rules decide for a container'
complete -c cni-label-policy -l label -x -d 'a label of the container, KEY=VALUE'
complete -c cni-label-policy -l cni-args -x -d 'CNI_ARGS of the container, KEY=VALUE;...'
complete -c cni-label-policy -l set -x -d 'a value in the configuration, POINTER=VALUE'
complete -c cni-label-policy -l help -d 'print a help text'
complete -c cni-label-policy -l version -d 'print the version'
