# bash offered.bash DIRECTORY LINE: prints what bash offers at the end of LINE, one per line.
program=${2%% *}
source "$1/$program"
read -ra COMP_WORDS <<<"$2"
case $2 in *' ') COMP_WORDS+=("") ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
# The arguments of a completion function: the command, the word and the word before it.
[[ $(complete -p "$program") =~ -F\ ([^ ]+) ]] &&
    "${BASH_REMATCH[1]}" "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
