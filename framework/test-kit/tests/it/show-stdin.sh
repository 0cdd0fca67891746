#!/bin/sh
# Prints the file type of its input.
exec stat -L -c %F /proc/self/fd/0
