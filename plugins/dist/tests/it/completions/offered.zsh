# zsh -f offered.zsh DIRECTORY LINE: prints what zsh offers at the end of LINE, one per line.
# zsh completes in interactive shells only, so one is started on a pseudo-terminal.
zmodload zsh/zpty
export completions=$1 line=$2 offered=$(mktemp -u)
mkfifo $offered
zpty shell "zsh -f -i"
zpty -w shell "source ${(q)0:a:h}/inside.zsh"
cat $offered
rm $offered
