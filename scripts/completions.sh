#!/bin/sh
# completions.sh PROGRAMS DIRECTORY: writes what bash, zsh and fish need to complete the command lines of the programs in
# PROGRAMS. ArgumentParser writes the scripts; what is wrong in them is put right here.
set -eu
programs=$1
directory=$2

mkdir -p "$directory"
for name in windowd windowctl fdwatch; do
  # A program without commands has no command `help` either.
  help=
  case $name in
  windowctl) ;;
  *) help="/-fa 'help' -d/d; /^ *'help:Show/d; s/compgen -W 'help' --/compgen -W '' --/" ;;
  esac
  # bash would take all words for names of files, and put a backslash before the sign in key=value.
  "$programs/$name" --generate-completion-script bash |
    sed -E -e "$help" -e 's/^complete -o filenames /complete /' \
      -e 's/^( *)(__[a-z]+_add_completions -[fd])$/\1compopt -o filenames\n\1\2/' >"$directory/$name.bash"
  "$programs/$name" --generate-completion-script zsh | sed -e "$help" >"$directory/_$name"
  "$programs/$name" --generate-completion-script fish | sed -e "$help" >"$directory/$name.fish"
done
