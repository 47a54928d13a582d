# Shared by the scripts of this folder: source it, call check, end with finish.
#
#     . "$(dirname "$0")/lib.sh"
#     check "help is help" expect 0 flowtwin import --help
#     finish
#
# The working folder is a new one that is removed at the end; $root is the project's.
set -u
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
program=$(realpath "${FLOWTWIN:-build/flowtwin}")
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0 failed=0

# A finding of a sanitizer is not the failure that a test may expect. HDF5 1.10 forgets memory of its
# own when it meets a damaged file.
echo "leak:libhdf5" >"$folder/.leaks"
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99
export LSAN_OPTIONS=exitcode=99:print_suppressions=0:suppressions=$folder/.leaks

flowtwin() { "$program" "$@"; }

check() { # name, condition as a command
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1)); echo "failed: $name"
    fi
}

# Runs a command; its output is in out and err. Whether it ends with that status.
expect() { # status, command
    local expected=$1
    shift
    "$@" >out 2>err </dev/null
    local status=$?
    [ $status -eq "$expected" ] || { echo "status $status: $*"; cat out err; return 1; }
}

# Whether a file has these words.
has() { # file, words
    grep -qF -- "$2" "$1" || { echo "\"$2\" is not in $1:"; cat "$1"; return 1; }
}

# Whether pages are what they should be, also in a browser; where sanitizers slow everything down,
# without one, since the pages are the same.
check_report() { # page ...
    if [ "${FLOWTWIN_PROFILE:-release}" = sanitize ]; then
        "$root/scripts/check-report" --no-browser "$@"
    else
        "$root/scripts/check-report" "$@"
    fi
}

skip() { # name, reason
    echo "skipped: $1: $2"
}

finish() {
    echo "$passed passed, $failed failed"
    exit $((failed > 0))
}
