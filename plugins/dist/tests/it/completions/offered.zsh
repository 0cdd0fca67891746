# zsh -f offered.zsh DIRECTORY LINE: what zsh offers at the end of the line, a word a line.
# It completes in an interactive shell only, so there is one on a terminal of its own, which begins with the line typed.
zmodload zsh/zpty
export completions=$1 line=$2 offered=$(mktemp -u)
mkfifo $offered
zpty shell "zsh -f -i"
zpty -w shell "source ${(q)0:a:h}/inside.zsh"
cat $offered
rm $offered
