#!/bin/sh
# Adds up expenses in a CSV file of date,category,cents.
set -eu

total() {
    sum=0
    while IFS=, read -r date category cents; do
        sum=$((sum + cents))
    done < "$1"
    echo "$sum"
}

case "${1:-}" in
    total) total "$2" ;;
    *)
        echo "usage: expenses.sh total FILE" >&2
        exit 2
        ;;
esac
