import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { createKeyPairFromPrivateKeyBytes, getAddressEncoder, signBytes } from "@solana/kit";
import { BlobError, type BlobStore, blobStore, httpBlobs } from "../../src/blobs.js";
import { sha256, utf8 } from "../../src/bytes.js";
import { followJobLog, type LogSource, type LogUpdate } from "../../src/client/log.js";
import type { JobUpdate } from "../../src/client/watch.js";
import { GantryError } from "../../src/errors.js";
import { getJobDecoder, getJobSize, type Job } from "../../src/generated/index.js";
import {
  LogError,
  type LogErrorKind,
  type LogPiece,
  type LogPlace,
  LogReader,
  logPartName,
} from "../../src/live-log.js";
import type { ResultManifest } from "../../src/manifest.js";
import { folderBlobs } from "../../src/node.js";
import { SealError, Sealer, SealKey } from "../../src/seal.js";
import { describeJob } from "../../src/state.js";
import { key } from "../support.js";

const MOST = 128 * 1024;
const nodePair = await createKeyPairFromPrivateKeyBytes(new Uint8Array(32).fill(3), true);
const nodeKey = (await SealKey.from(nodePair)).address;
const customer = await SealKey.from(new Uint8Array(32).fill(4));
const place: LogPlace = { context: { genesisHash: new Uint8Array(32).fill(7), job: key(1) }, assignment: 2 };

/** A store, and what it holds. */
function bench(): { blobs: BlobStore; files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const blobs = blobStore({
    read: async (name) => files.get(name),
    write: async (name, bytes) => void files.set(name, new Uint8Array(bytes)),
  });
  return { blobs, files };
}

/** Part `number` as a node writes it, by the words of docs/job-spec.md. */
async function part(
  number: number,
  offset: number,
  log: string | Uint8Array,
  sealer?: Sealer,
  at = place,
): Promise<Uint8Array> {
  const begins = Buffer.alloc(8);
  begins.writeBigUInt64LE(BigInt(offset));
  const plain = Buffer.concat([begins, typeof log === "string" ? utf8(log) : log]);
  const content = sealer === undefined ? plain : await sealer.seal("log", plain);
  const tag = Buffer.alloc(24);
  tag.write("gantry.log.v1");
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32LE(at.assignment);
  numbers.writeBigUInt64LE(BigInt(number), 4);
  const job = new Uint8Array(getAddressEncoder().encode(at.context.job));
  const message = Buffer.concat([tag, new Uint8Array(at.context.genesisHash), job, numbers, await sha256(content)]);
  const signature = await signBytes(nodePair.privateKey, message);
  return new Uint8Array(
    Buffer.concat([utf8("gantry.log"), [1], signature, content].map((piece) => Buffer.from(piece))),
  );
}

const bytes = (text: string): LogPiece => ({ type: "bytes", bytes: utf8(text) });

async function refused(work: Promise<unknown>, kinds: LogErrorKind[], what: string): Promise<void> {
  const error: unknown = await work.then(
    (value) => value,
    (caught) => caught,
  );
  assert.ok(error instanceof LogError && kinds.includes(error.kind), `${what}: ${error ?? "accepted"}`);
}

test("parts are read in order, and the result has the rest", async () => {
  const { blobs, files } = bench();
  const reader = new LogReader(place, nodeKey);
  assert.equal(await reader.next(blobs), undefined);
  assert.deepEqual(await reader.restOf(utf8("all")), utf8("all"));
  files.set(logPartName(place, 0), await part(0, 0, "one "));
  files.set(logPartName(place, 1), await part(1, 4, "two "));
  assert.deepEqual(await reader.next(blobs), bytes("one "));
  assert.deepEqual(await reader.next(blobs), bytes("two "));
  assert.equal(await reader.next(blobs), undefined);
  assert.deepEqual(await reader.restOf(utf8("one two three")), utf8("three"));
  assert.deepEqual(await reader.restOf(utf8("one two ")), utf8(""));
  for (const other of ["one too three", "one", ""]) assert.equal(await reader.restOf(utf8(other)), undefined);
});

test("a job that is started again begins anew, and a gap is none", async () => {
  const { blobs, files } = bench();
  const reader = new LogReader(place, nodeKey);
  for (const [number, offset, text] of [
    [0, 0, "one "],
    [1, 0, ""],
    [2, 0, "uno "],
    [3, 9, "tre"],
  ] as const) {
    files.set(logPartName(place, number), await part(number, offset, text));
  }
  assert.deepEqual(await reader.next(blobs), bytes("one "));
  assert.deepEqual(await reader.next(blobs), { type: "again" });
  assert.deepEqual(await reader.next(blobs), bytes(""));
  assert.deepEqual(await reader.next(blobs), bytes("uno "));
  assert.deepEqual(await reader.restOf(utf8("uno due")), utf8("due"));
  await refused(reader.next(blobs), ["gap"], "byte 9 after 4");
});

test("nobody but the node makes a part, and none is moved", async () => {
  const { blobs, files } = bench();
  const whole = await part(0, 0, "one ");
  const name = (number: number, at = place) => logPartName(at, number);
  for (let index = 0; index < whole.length; index += 1) {
    const changed = new Uint8Array(whole);
    changed[index] = (changed[index] ?? 0) ^ 0x20;
    files.set(name(0), changed);
    await refused(new LogReader(place, nodeKey).next(blobs), index < 11 ? ["malformed"] : ["forged"], `byte ${index}`);
  }
  for (let length = 0; length < whole.length; length += 1) {
    files.set(name(0), whole.slice(0, length));
    await refused(
      new LogReader(place, nodeKey).next(blobs),
      length < 75 ? ["malformed"] : ["forged"],
      `${length} bytes`,
    );
  }
  files.set(name(0), whole);
  const reader = new LogReader(place, nodeKey);
  await reader.next(blobs);
  files.set(name(1), whole);
  await refused(reader.next(blobs), ["forged"], "the same part as another number");
  for (const other of [
    { ...place, assignment: 3 },
    { ...place, context: { ...place.context, job: key(2) } },
    { ...place, context: { ...place.context, genesisHash: new Uint8Array(32) } },
  ]) {
    files.set(name(0, other), whole);
    await refused(new LogReader(other, nodeKey).next(blobs), ["forged"], JSON.stringify(other));
  }
  await refused(new LogReader(place, customer.address).next(blobs), ["forged"], "another node");
  files.set(name(0), await part(0, 0, "").then((empty) => empty.slice(0, 75)));
  await refused(new LogReader(place, nodeKey).next(blobs), ["forged"], "no content");
});

test("a sealed log is its customer's", async () => {
  const { blobs, files } = bench();
  const secret = "s".repeat(65_536);
  const stored = await part(0, 0, secret, new Sealer(customer.address, place.context));
  assert.ok(stored.length <= MOST && !Buffer.from(stored).includes("ssssssss"), `${stored.length}`);
  files.set(logPartName(place, 0), stored);
  await refused(new LogReader(place, nodeKey).next(blobs), ["sealed"], "no key");
  const other = await SealKey.from(new Uint8Array(32).fill(5));
  await assert.rejects(new LogReader(place, nodeKey).next(blobs, other), SealError);
  assert.deepEqual(await new LogReader(place, nodeKey).next(blobs, customer), bytes(secret));
});

test("stores read names within bounds, and those that cannot say so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gantry-ts-logs-"));
  const name = logPartName(place, 0);
  const serve = createServer((request, response) => {
    if (request.url === `/${name}`) response.end(Buffer.from(content));
    else response.writeHead(404).end();
  });
  await new Promise<void>((ready) => serve.listen(0, "127.0.0.1", ready));
  after(async () => {
    serve.close();
    await rm(folder, { recursive: true });
  });
  let content = await part(0, 0, "one ");
  const write = async () => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  };
  const stores = [folderBlobs(folder), httpBlobs(`http://127.0.0.1:${(serve.address() as AddressInfo).port}/`)];
  for (const blobs of stores) {
    await write();
    const reader = new LogReader(place, nodeKey);
    assert.deepEqual(await reader.next(blobs), bytes("one "));
    assert.equal(await reader.next(blobs), undefined);
    await assert.rejects(async () => await blobs.getNamed?.("../key.json", 10), BlobError);
  }
  content = new Uint8Array(MOST + 1);
  await write();
  for (const blobs of stores) {
    await assert.rejects(new LogReader(place, nodeKey).next(blobs), (error) => {
      return error instanceof BlobError && /131073 bytes, at most 131072/.test(error.message);
    });
  }
  const { getNamed: _, ...nameless } = bench().blobs;
  await refused(new LogReader(place, nodeKey).next(nameless), ["store"], "a store without names");
});

/** A job with these fields, and zeros in all others. */
function update(fields: Partial<Job>): JobUpdate {
  const job = { ...getJobDecoder().decode(new Uint8Array(getJobSize())), ...fields };
  return { type: "live", job, view: describeJob(job) };
}

const RUNNING = { status: 2, assignment: place.assignment };

/** What following gives, when `steps` are what happens to the job, and `log` what its result has. */
async function followed(
  blobs: BlobStore,
  steps: (JobUpdate | (() => Promise<void>))[],
  log: string | undefined,
  follow = true,
): Promise<string[]> {
  const gantry: LogSource = {
    logReader: async (_, job) => new LogReader({ ...place, assignment: job.assignment }, nodeKey),
    sealedResult: async () => assert.fail("nothing is sealed"),
    async result(address) {
      if (log === undefined) throw new GantryError("not-found", `nothing at ${address}`);
      const sha = Buffer.from(await blobs.put(utf8(log))).toString("hex");
      return { logs: { path: "log.txt", sha256: sha, size: utf8(log).length } } as ResultManifest;
    },
  };
  async function* updates(): AsyncGenerator<JobUpdate, void, void> {
    for (const step of steps) {
      if (typeof step === "function") await step();
      else yield step;
    }
  }
  const seen: LogUpdate[] = [];
  for await (const item of followJobLog(gantry, updates(), place.context.job, blobs, { follow })) seen.push(item);
  const output = seen.filter((item) => item.type === "output");
  // The text says what the bytes do.
  const whole = new TextDecoder().decode(Buffer.concat(output.map((item) => item.bytes)));
  assert.equal(output.map((item) => item.text).join(""), whole);
  return seen.map((item) => (item.type === "output" ? item.text : `[${item.type}]`));
}

const done = update({ ...RUNNING, status: 3, outputDigest: new Uint8Array(32).fill(1) });

test("a log is followed from its parts into its result", async () => {
  const { blobs, files } = bench();
  const put = async (number: number, offset: number, text: string, assignment = place.assignment) => {
    const at = { ...place, assignment };
    files.set(logPartName(at, number), await part(number, offset, text, undefined, at));
  };
  await put(0, 0, "one ");
  const open = update({ status: 0 });
  assert.deepEqual(await followed(blobs, [open, update(RUNNING), done], "one two"), ["one ", "two"]);
  // What the node stores while nothing changes on chain is seen as well.
  let asked = () => {};
  const read = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const watched: BlobStore = {
    ...blobs,
    async getNamed(name, most) {
      if (name === logPartName(place, 2)) asked();
      return await blobs.getNamed?.(name, most);
    },
  };
  const later = async () => {
    await put(1, 4, "two ");
    await read;
  };
  assert.deepEqual(await followed(watched, [update(RUNNING), later, done], "one two "), ["one ", "two "]);
  assert.deepEqual(await followed(blobs, [update(RUNNING), done], "uno due"), ["one ", "two ", "[differs]", "uno due"]);
  await put(0, 0, "neu ", 3);
  const moved = update({ ...RUNNING, assignment: 3 });
  assert.deepEqual(await followed(blobs, [update(RUNNING), moved, done], "neu !"), [
    "one ",
    "two ",
    "[again]",
    "neu ",
    "!",
  ]);
  // What is there, and no more.
  assert.deepEqual(await followed(blobs, [update(RUNNING)], undefined, false), ["one ", "two "]);
  assert.deepEqual(await followed(blobs, [open], undefined, false), []);
});

test("a job that ends without a result says so, and letters are whole wherever pieces end", async () => {
  const { blobs, files } = bench();
  const letters = utf8("grö");
  files.set(logPartName(place, 0), await part(0, 0, letters.slice(0, 3)));
  const lapsed = update({ ...RUNNING, status: 4 });
  assert.deepEqual(await followed(blobs, [lapsed], undefined), ["gr", "\ufffd", "[no-result]"]);
  files.set(logPartName(place, 1), await part(1, 3, letters.slice(3)));
  assert.deepEqual(await followed(blobs, [update(RUNNING), { type: "closed" }], undefined), ["gr", "ö", "[no-result]"]);
  await assert.rejects(followed(blobs, [{ type: "closed" }], undefined), /nothing at/);
});
