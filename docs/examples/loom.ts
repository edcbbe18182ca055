// A client of Loom in TypeScript, with nothing but node:
//
//   node loom.ts poll GOAL DIR      begins a task and asks now and then
//   node loom.ts stream GOAL DIR    begins a task and is told of each event
//   node loom.ts webhook PORT       receives what Loom reports
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

type Status = "pending" | "planning" | "executing" | "completed" | "failed" | "cancelled" | (string & {});
interface Event {
  seq: number;
  event_type: string;
}

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
};

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(need("LOOM_URL") + path, {
    method,
    headers: {
      Authorization: `Bearer ${need("LOOM_TOKEN")}`,
      "Content-Type": "application/json",
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) {
    const problem = (await answer.json()) as { error: string; detail?: string };
    throw new Error(`${problem.error}: ${problem.detail}`);
  }
  return answer;
}

async function begin(goal: string, workspace: string): Promise<string> {
  // With a key of its own the request may be sent again, and the same task answers.
  const key = { "Idempotency-Key": randomUUID() };
  const { task_id } = (await (await ask("POST", "/tasks", { goal, workspace }, key)).json()) as { task_id: string };
  console.log("task", task_id);
  return task_id;
}

async function status(task: string): Promise<Status> {
  return ((await (await ask("GET", `/tasks/${task}`)).json()) as { status: Status }).status;
}

async function poll(task: string): Promise<Status> {
  for (;;) {
    const now = await status(task);
    if (["completed", "failed", "cancelled"].includes(now)) return now;
    await sleep(1_000);
  }
}

// Each event once and in order, also when the service is restarted meanwhile.
async function* events(task: string): AsyncGenerator<Event> {
  let last = 0;
  for (;;) {
    try {
      const path = `/tasks/${task}/stream?live=false`;
      const answer = await ask("GET", path, undefined, { "Last-Event-ID": String(last) });
      if (answer.status === 204 || !answer.body) return;
      let text = "";
      for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const blocks = text.split(/\r?\n\r?\n/);
        text = blocks.pop() ?? "";
        for (const block of blocks) {
          const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
          if (data.length === 0) continue;
          const event = JSON.parse(data.map((line) => line.slice(5)).join("\n")) as Event;
          // Without `seq` it is the farewell of a service that stops.
          if ((event.seq ?? 0) > last) {
            last = event.seq;
            yield event;
          }
        }
      }
    } catch (error) {
      console.error("cut:", (error as Error).message);
    }
    await sleep(500);
  }
}

async function stream(task: string): Promise<Status> {
  for await (const event of events(task)) {
    console.log(event.seq, event.event_type);
    if (/^task_(completed|failed|cancelled)$/.test(event.event_type)) return event.event_type.slice(5);
  }
  return status(task);
}

function isFromLoom(request: IncomingMessage, body: Buffer): boolean {
  const header = (name: string) => String(request.headers[name] ?? "");
  const stamp = header("loom-timestamp");
  const digest = createHmac("sha256", need("LOOM_WEBHOOK_SECRET")).update(`${stamp}.`).update(body).digest("hex");
  const mine = Buffer.from(`sha256=${digest}`);
  const theirs = Buffer.from(header("loom-signature"));
  const recent = Math.abs(Date.now() / 1000 - Number(stamp)) < 300;
  return recent && mine.length === theirs.length && timingSafeEqual(mine, theirs);
}

function webhook(port: number): void {
  const seen = new Set<string>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of request) {
      size += piece.length;
      if (size > 1 << 20) return request.destroy();
      pieces.push(piece);
    }
    const body = Buffer.concat(pieces);
    if (!isFromLoom(request, body)) {
      response.writeHead(401).end();
      return;
    }
    // First the answer, then the work: Loom waits for ten seconds and comes again.
    response.writeHead(204).end();
    const delivery = String(request.headers["loom-delivery"]);
    if (seen.has(delivery)) return;
    seen.add(delivery);
    const record = JSON.parse(body.toString()) as Event & { task_id: string };
    console.log(record.event_type, record.task_id);
  });
  server.listen(port, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    console.log(`listening on http://127.0.0.1:${port}`);
  });
}

const [how, first = "", second = ""] = process.argv.slice(2);
if (how === "webhook") {
  webhook(Number(first));
} else if (how === "poll" || how === "stream") {
  const task = await begin(first, second);
  const end = await { poll, stream }[how](task);
  console.log(end);
  const { files } = (await (await ask("GET", `/tasks/${task}/diff`)).json()) as { files: { patch: string }[] };
  for (const file of files) process.stdout.write(file.patch);
  process.exitCode = end === "completed" ? 0 : 1;
} else {
  console.error("usage: node loom.ts poll|stream GOAL DIR, or webhook PORT");
  process.exitCode = 2;
}
