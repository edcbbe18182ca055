#!/bin/sh
# Runs all tests, or only those whose name begins with the first argument.
cd "${0%/*}" || exit 1
only=${1:-}
ran=0
failed=0

# expect NAME EXPECTED COMMAND...: the command prints what is expected
expect() {
    name=$1 expected=$2
    shift 2
    case "$name" in "$only"*) ;; *) return ;; esac
    ran=$((ran + 1))
    seen=$("$@" 2>&1)
    if [ "$seen" = "$expected" ]; then
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name: expected '$expected', got '$seen'"
    fi
}

# documented COMMAND: whether the usage page shows how to call it
documented() {
    [ -f USAGE.md ] || { echo "no USAGE.md"; return; }
    while read -r line; do
        case "$line" in *"expenses.sh $1 "*) echo yes; return ;; esac
    done < USAGE.md
    echo no
}

expect "total adds up every line, the last one too" 71479 ./expenses.sh total data/march.csv
expect "category adds up one category" 4079 ./expenses.sh category food data/march.csv
expect "category that never occurs is 0" 0 ./expenses.sh category travel data/march.csv
expect "usage page describes total" yes documented total
expect "usage page describes category" yes documented category

echo "$ran tests, $failed failed"
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
