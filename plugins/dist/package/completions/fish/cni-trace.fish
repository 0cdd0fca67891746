# fish completion for cni-trace
complete -c cni-trace -n __fish_is_first_token -f -a report -d 'make an HTML page of recordings'
complete -c cni-trace -s o -l output -r -d 'the page, instead of stdout'
complete -c cni-trace -l help -d 'print the usage'
complete -c cni-trace -l version -d 'print the version'
