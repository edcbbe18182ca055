#!/usr/bin/env python3
"""Further rows in the harness of standins.py.

  standins_more.py STANDINS.py ROWS.jsonl 'WRAPPER ... --'
"""
import json, os, sys

script, rows, wrapper = sys.argv[1:4]
harness = {"__name__": "harness"}
# All of it but the call at its end.
source = open(script).read().rstrip().removesuffix("main()")
if "LOOM_CANARY_ENV" not in os.environ:  # must be in /proc/PID/environ of this process
    environment = {**os.environ, "LOOM_CANARY_ENV": "LOOM_CANARY_ENV"}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)
exec(compile(source, script, "exec"), harness)
parsed = (json.loads(line) for line in open(rows) if line.strip())
harness["ROWS"] = [(row["id"], row["kind"], row["command"]) for row in parsed]
sys.argv = [script, wrapper]
harness["main"]()
