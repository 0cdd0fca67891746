# fish --no-config offered.fish DIRECTORY LINE: prints what fish offers at the end of LINE, one per
# line.
set program (string split ' ' $argv[2])[1]
source $argv[1]/$program.fish
complete --do-complete $argv[2] | string match --regex '^[^\t]+'
