# fish completion for cni-conformance: commands and options are those that --help lists
function __cni_conformance_verbs
    cni-conformance --help | string match --regex --groups-only '^cni-conformance ([a-z|]+)' | string split '|'
end
function __cni_conformance_options
    set --local words (commandline --tokenize --current-process)
    cni-conformance $words[2] --help | string match --regex --all -- '--[a-z-]+'
end
function __cni_conformance_begins_option
    not __fish_is_first_token; and string match --quiet -- '-*' (commandline --current-token)
end
complete -c cni-conformance -n __fish_is_first_token -f -a '(__cni_conformance_verbs) --help --version'
complete -c cni-conformance -n __cni_conformance_begins_option -f -a '(__cni_conformance_options)'
