// The official TypeScript client against loom-mcp: client.mjs ERA SERVER...
//
// ERA is `legacy`, `auto` or a revision; SERVER is a command line, or one http address with the token
// after it. Prints one line for each thing that was seen, and fails where something is missing.
// LOOM_PEER_SECONDS is how long the task with progress works, 3 by default.
import assert from "node:assert";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [era, ...server] = process.argv.slice(2);
const mode = ["legacy", "auto"].includes(era) ? era : { pin: era };
const transport = server[0].startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(server[0]), {
      requestInit: { headers: { Authorization: `Bearer ${server[1]}` } },
    })
  : new StdioClientTransport({ command: server[0], args: server.slice(1), stderr: "ignore" });

const asked = [];
const client = new Client(
  { name: "peer", version: "1" },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
);
client.setRequestHandler("elicitation/create", async (request) => {
  asked.push(request.params.message);
  return { action: "accept", content: { decision: "approve" } };
});

const call = async (name, args, options) => {
  const result = await client.callTool({ name, arguments: args }, options);
  assert(!result.isError, JSON.stringify(result.content));
  return result.structuredContent;
};

const seconds = Number(process.env.LOOM_PEER_SECONDS ?? 3);
setTimeout(() => assert.fail("two minutes more are enough"), 120_000 + seconds * 1_000).unref();
await client.connect(transport);
console.log("protocol", client.getNegotiatedProtocolVersion?.() ?? "unknown");
const { tools } = await client.listTools();
assert.equal(tools.length, 11);
console.log("tools", tools.length);

const progress = [];
const onprogress = (told) => progress.push(told.progress);
const patience = { timeout: 60_000, resetTimeoutOnProgress: true };
const slow = { goal: `slow ${seconds}`, wait: true };
let done = await call("loom_execute_task", slow, { onprogress, ...patience });
assert.equal(done.status, "completed");
assert(progress.length >= Math.min(seconds / 2, 2), progress);
assert(progress.length <= seconds * 2 + 2, "no more than two a second");
progress.reduce((a, b) => (assert(b > a, `${progress}`), b));
console.log("progress", progress.length);

done = await call("loom_execute_task", { goal: "ask", wait: true }, { onprogress: () => {} });
assert.equal(done.status, "completed");
assert.equal(asked.length, 1);
assert(asked[0].includes("npm publish"));
console.log("approved by the human", asked[0].split("\n")[0]);

const begun = await call("loom_execute_task", { goal: "slow 600" });
const leave = new AbortController();
const waits = call("loom_wait", { task: begun.task_id, seconds: 600 }, { signal: leave.signal });
setTimeout(() => leave.abort("enough"), 1_000);
await assert.rejects(waits);
assert.equal((await call("loom_task_status", { task: begun.task_id })).finished, false);
assert.equal((await call("loom_cancel", { task: begun.task_id })).status, "cancelled");
console.log("a cancelled call left its task alone");

const diff = await client.readResource({ uri: begun.diff });
assert(diff.contents[0].text.includes("+b"));
console.log("diff read");
await client.close();
process.exit(0);
