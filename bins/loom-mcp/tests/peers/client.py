"""The official Python client against loom-mcp: client.py MODE SERVER...

MODE is `legacy` or a revision; SERVER is a command line, or one http address with the token after it.
Prints one line for each thing that was seen, and fails where something is missing.
LOOM_PEER_SECONDS is how long the task with progress works, 3 by default.
"""

import asyncio
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

mode, server = sys.argv[1], sys.argv[2:]
seconds = int(os.environ.get("LOOM_PEER_SECONDS", "3"))


def transport():
    if server[0].startswith("http"):
        headers = {"Authorization": f"Bearer {server[1]}"}
        http = httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(60), trust_env=False)
        return streamable_http_client(server[0], http_client=http)
    return stdio_client(StdioServerParameters(command=server[0], args=server[1:]))


def shown(result):
    assert not result.is_error, result.content
    return result.structured_content


async def main():
    asked = []

    async def human(context, params):
        asked.append(params.message)
        return ElicitResult(action="accept", content={"decision": "approve"})

    client = Client(transport(), mode=mode, elicitation_callback=human)
    async with client:
        print("protocol", client.protocol_version)
        tools = (await client.list_tools()).tools
        assert len(tools) == 11 and all(tool.output_schema for tool in tools), tools
        print("tools", len(tools))

        progress = []

        async def told(done, total, message):
            progress.append(done)

        goal = {"goal": f"slow {seconds}", "wait": True}
        done = shown(await client.call_tool("loom_execute_task", goal, progress_callback=told))
        assert done["status"] == "completed", done
        assert len(progress) >= min(seconds / 2, 2) and progress == sorted(set(progress)), progress
        assert len(progress) <= seconds * 2 + 2, "no more than two a second"
        print("progress", len(progress))

        done = shown(await client.call_tool("loom_execute_task", {"goal": "ask", "wait": True}))
        assert done["status"] == "completed" and len(asked) == 1, (done, asked)
        assert "npm publish" in asked[0]
        print("approved by the human", asked[0].splitlines()[0])

        begun = shown(await client.call_tool("loom_execute_task", {"goal": "slow 600"}))
        waits = asyncio.create_task(
            client.call_tool("loom_wait", {"task": begun["task_id"], "seconds": 600})
        )
        await asyncio.sleep(1)
        waits.cancel()
        stands = shown(await client.call_tool("loom_task_status", {"task": begun["task_id"]}))
        assert not stands["finished"], stands
        ended = shown(await client.call_tool("loom_cancel", {"task": begun["task_id"]}))
        assert ended["status"] == "cancelled", ended
        print("a cancelled call left its task alone")

        diff = await client.read_resource(begun["diff"])
        assert "+b" in diff.contents[0].text
        print("diff read")


asyncio.run(asyncio.wait_for(main(), 120 + seconds))
