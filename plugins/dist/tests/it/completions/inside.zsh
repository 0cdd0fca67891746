# Read by the interactive shell that offered.zsh starts.
fpath=($completions $fpath)
autoload -Uz compinit
compinit -D -u
exec {out}>$offered
# Completion functions also use it to query matches (-A, -D, -O); all other calls offer completions.
compadd() {
    local -a asked=(${@[1,(i)--]}) words
    if (( ! $asked[(I)-[ADO]] )); then
        builtin compadd -O words "$@"
        print -lu $out -- $words
    fi
    builtin compadd "$@"
}
zle-line-init() {
    BUFFER=$line CURSOR=$#line
    zle list-choices
    exit
}
zle -N zle-line-init
