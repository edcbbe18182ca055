#!/bin/sh
# Begins a task with curl and follows it: loom.sh poll|stream GOAL DIR
set -eu
[ $# -eq 3 ] || { echo "usage: loom.sh poll|stream GOAL DIR" >&2; exit 2; }
how=$1 goal=$2 dir=$3
raw() { # METHOD PATH [CURL ARGUMENTS...]
    method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --noproxy '*' --request "$method" "$LOOM_URL$path" \
        --header "Authorization: Bearer $LOOM_TOKEN" --header 'Content-Type: application/json' "$@"
}
ask() { # The same; an answer that is no success goes to standard error, and fails.
    answer=$(raw "$@") || { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s' "$answer"
}

body=$(jq --null-input --arg goal "$goal" --arg dir "$dir" '{goal: $goal, workspace: $dir}')
# With a key of its own the request may be sent again, and the same task answers.
made=$(ask POST /tasks --data "$body" --header "Idempotency-Key: $$-$(date +%s)")
task=$(printf '%s' "$made" | jq --raw-output .task_id)
echo "task $task"

status=
look() { # Sets `status` when the task has ended.
    shown=$(ask GET "/tasks/$task")
    status=$(printf '%s' "$shown" | jq --raw-output 'select(.status | IN("completed", "failed", "cancelled")) | .status')
}
last=0
while :; do
    case $how in
    poll) ;;
    stream)
        # A stream that is cut goes on after the last event; one that is over answers 204 and says nothing.
        events=$(mktemp)
        raw GET "/tasks/$task/stream?live=false" --no-buffer --header "Last-Event-ID: $last" |
            tee "$events" | sed -n 's/^event: //p' || true
        seen=$(sed -n 's/^id: //p' "$events" | tail -n 1)
        last=${seen:-$last}
        rm -f "$events"
        ;;
    *) echo "poll or stream, not $how" >&2; exit 2 ;;
    esac
    look
    [ -z "$status" ] || break
    sleep 1
done
echo "$status"
diff=$(ask GET "/tasks/$task/diff")
printf '%s' "$diff" | jq --join-output '.files[].patch'
[ "$status" = completed ]
