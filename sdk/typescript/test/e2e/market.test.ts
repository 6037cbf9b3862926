import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type Address, generateKeyPairSigner, type TransactionSigner } from "@solana/kit";
import { toHex } from "../../src/bytes.js";
import {
  type ApiMessage,
  claimableRewards,
  describeNode,
  type EventOf,
  type FollowLogOptions,
  formatAmount,
  Gantry,
  GantryError,
  type JobSpec,
  type JobUpdate,
  LogError,
  type Preview,
  prepareSpec,
  SealError,
  Sealer,
  SealKey,
  sha256,
  stakedAmount,
} from "../../src/index.js";
import { vote } from "../../src/instructions.js";
import { folderBlobs, loadKeypair, saveResult } from "../../src/node.js";
import { plain, ROOT } from "../support.js";
import { fund, renderSpec, type Stack, startStack } from "./stack.js";

let stack: Stack;
let gantry: Gantry;
let customer: TransactionSigner;

before(async () => {
  stack = await startStack();
  gantry = Gantry.connect({ rpc: stack.rpc, rpcSubscriptions: stack.ws, indexer: stack.api });
  customer = await loadKeypair(stack.key("customer"));
});

after(async () => await stack?.stop());

const show = (value: unknown) => JSON.stringify(plain(value));

const sum = (parts: EventOf<"JobSettled">) =>
  parts.toProvider + parts.toDelegators + parts.toMatcher + parts.toTreasury + parts.toCustomer + parts.claimed;

/** Follows a job and says what there is to do at each change, until it is closed. */
async function follow(
  client: Gantry,
  job: Address,
  act: (update: JobUpdate & { type: "live" }) => Promise<void>,
): Promise<Exclude<JobUpdate, { type: "live" }>> {
  for await (const update of client.watch(job, { signal: AbortSignal.timeout(120_000) })) {
    if (update.type !== "live") return update;
    await act(update);
  }
  throw new Error("the updates ended before the job did");
}

async function collect(messages: AsyncIterable<ApiMessage>, last: string): Promise<(ApiMessage & { type: "event" })[]> {
  const events: (ApiMessage & { type: "event" })[] = [];
  for await (const message of messages) {
    if (message.type !== "event") continue;
    events.push(message);
    if (message.data.name === last) return events;
  }
  throw new Error(`the stream ended without ${last}`);
}

test("a job runs from its deposit to its settlement, and every base unit is accounted for", async () => {
  const blobs = folderBlobs(stack.blobs);
  const prepared = await prepareSpec(await renderSpec(100, 120), blobs);
  const before = await gantry.tokenBalance(customer.address, {
    mint: stack.payment.mint,
    tokenProgram: stack.payment.token_program,
  });
  const cost = await gantry.previewJob(customer, { spec: prepared, id: 0n });
  assert.equal(formatAmount(cost.deposit, cost.decimals), "0.066667");
  assert.ok(cost.fee >= 5_000n && cost.rent > 4_000_000n && cost.preview.computeUnits > 1_000, show(cost));
  const moved = cost.preview.tokens.find((token) => token.owner === customer.address);
  assert.equal(moved?.change, -cost.deposit);
  assert.equal(
    await gantry
      .job((await gantry.openJob(customer, { spec: prepared, id: 0n })).address)
      .then((job) => job?.deposited),
    cost.deposit,
  );

  // Once more with the same number: the same job, and nothing sent.
  const job = await gantry.openJob(customer, { spec: prepared, id: 0n });
  assert.equal(job.signature, undefined);
  const other = await prepareSpec(await renderSpec(1, 60), blobs);
  await assert.rejects(gantry.openJob(customer, { spec: other, id: 0n }), /runs another spec/);

  const folder = await mkdtemp(join(tmpdir(), "gantry-ts-result-"));
  const seen = new Set<string | undefined>();
  const closed = await follow(gantry, job.address, async ({ view }) => {
    seen.add(view.status);
    if (view.status !== "finished" || view.accepted) return;
    assert.equal(view.outcome, "completed");
    const manifest = await gantry.result(job.address, blobs);
    assert.equal(toHex(view.outputDigest ?? new Uint8Array()).length, 64);
    assert.equal(manifest.outputs[0]?.path, "picture.png");
    const [path] = await saveResult(manifest, blobs, folder);
    const picture = await readFile(path ?? "");
    assert.equal(toHex(await sha256(picture)), manifest.outputs[0]?.sha256);
    // A PNG of the size that was asked for: its width and height are in the header.
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [128, 80]);
    await gantry.accept(customer, job.address);
  });
  await rm(folder, { recursive: true });
  assert.ok(closed.type === "settled", show(closed));
  assert.ok(seen.has("finished") && seen.size >= 2, [...seen].join());
  const { toMatcher, toTreasury, toCustomer, bill, paidSeconds } = closed.settled;
  assert.ok(paidSeconds >= 1 && bill > 0n && toMatcher + toTreasury > 0n);
  assert.equal(sum(closed.settled), cost.deposit);
  const left = await gantry.tokenAmount(before.account);
  assert.equal(left, before.amount - cost.deposit + toCustomer);
  await assert.rejects(gantry.openJob(customer, { spec: prepared, id: 0n }), /was opened and is closed/);

  // The same from the indexer: its table, its events, and the stream resumed in the middle.
  const { slot } = (await gantry.history(job.address)).transactions.at(-1) ?? { slot: 0n };
  const path = { address: job.address };
  const { data } = await gantry.api.get("/v1/jobs/{address}", { path, query: { min_slot: Number(slot) } });
  assert.deepEqual(
    [data.status, data.outcome, data.deposited.amount],
    ["closed", "completed", cost.deposit.toString()],
  );
  const timeline: string[] = [];
  for await (const event of gantry.api.all("/v1/jobs/{address}/timeline", { path, query: { limit: 2 } }))
    timeline.push(event.name);
  assert.ok(timeline.includes("JobOpened") && timeline.includes("JobSettled"), timeline.join());
});

test("the stream of events is resumed without a gap or a repetition", async () => {
  const blobs = folderBlobs(stack.blobs);
  const prepared = await prepareSpec(await renderSpec(1, 60), blobs);
  const signal = AbortSignal.timeout(120_000);
  const quit = new AbortController();
  const stream = gantry.events({ signal: AbortSignal.any([signal, quit.signal]) });
  const start = (await stream.next()).value;
  assert.equal(start?.type, "start");
  await stream.return();
  const job = await gantry.openJob(customer, { spec: prepared });
  // What happened between two streams is in the second, which begins after the last id of the first.
  const filter = { job: job.address, signal };
  const whole = collect(gantry.events({ ...filter, after: start?.id ?? "0" }), "JobSettled");
  const closed = await follow(gantry, job.address, async ({ view }) => {
    if (view.status === "finished" && !view.accepted) await gantry.accept(customer, job.address);
  });
  assert.equal(closed.type, "settled");
  const events = await whole;
  assert.equal(events[0]?.data.name, "JobOpened");
  const resumed = await collect(gantry.events({ ...filter, after: events[1]?.id ?? "0" }), "JobSettled");
  assert.deepEqual(resumed, events.slice(2));
  quit.abort();
});

/** In all that a sealed job is told, and in all that it writes. */
const SECRET = "topsecret";

/** The files of the blob store, by their paths. */
async function stored(): Promise<Map<string, Buffer>> {
  const entries = await readdir(stack.blobs, { recursive: true, withFileTypes: true });
  const files = new Map<string, Buffer>();
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    // A part of a log goes when its job has ended.
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined) files.set(path, bytes);
  }
  return files;
}

test("a sealed job is run by its node, and its log and its result are read by its customer alone", async () => {
  const blobs = folderBlobs(stack.blobs);
  const before = await stored();
  /** Nothing that the job is told or writes is readable, in any file that has come since; gives those files. */
  const unreadable = async (): Promise<string[]> => {
    const files = [...(await stored())].filter(([path]) => !before.has(path));
    for (const [path, bytes] of files) {
      for (const word of [SECRET, "gantry-render", "samples", "IHDR", "exit_code", "progress"]) {
        assert.ok(!bytes.includes(word), `${path} has ${word} for all to read`);
      }
    }
    return files.map(([path]) => path.slice(stack.blobs.length + 1));
  };
  const key = await SealKey.from(await loadKeypair(stack.key("customer"), { extractable: true }));
  const stranger = await SealKey.from(crypto.getRandomValues(new Uint8Array(32)));
  await assert.rejects(SealKey.from(await loadKeypair(stack.key("customer"))), /extractable/);
  const nodes = await gantry.nodes();
  const free = nodes.filter(({ account }) => describeNode(account).status === "available");
  const [node, other] = free.map(({ address }) => address);
  assert.ok(node !== undefined && other !== undefined, show(nodes));

  const plain = await renderSpec(300, 120);
  const [scene] = plain.inputs ?? [];
  const command = ["gantry-render", `${SECRET}.json`, "--out", `${SECRET}.png`, "--threads", "1"];
  const spec: JobSpec = {
    ...plain,
    runner: { process: { command } },
    inputs: [{ path: `${SECRET}.json`, bytes: scene?.bytes ?? new Uint8Array() }],
    outputs: [`${SECRET}.png`],
  };
  const { sealer, id } = await gantry.sealer(key, node);
  const prepared = await prepareSpec(spec, blobs, { sealer });
  assert.equal((await unreadable()).length, 2);
  await assert.rejects(gantry.openJob(customer, { spec: prepared, id }), /sealed to one node/);
  await assert.rejects(gantry.openJob(customer, { spec: prepared, id, node: other }), /sealed to node key/);
  const later = await prepareSpec(spec, blobs, {
    sealer: new Sealer(sealer.recipient, { ...sealer.context, job: node }),
  });
  await assert.rejects(gantry.openJob(customer, { spec: later, node }), /sealed for job/);
  const job = await gantry.openJob(customer, { spec: prepared, node, id });
  assert.equal(job.id, id);

  const signal = AbortSignal.timeout(120_000);
  let log = "";
  let live = 0;
  for await (const update of gantry.followLog(job.address, blobs, { key, signal })) {
    assert.ok(update.type === "output", show(update));
    log += update.text;
    const files = await unreadable();
    if (!files.some((path) => path.startsWith(`logs/${job.address}/`))) continue;
    live += 1;
    if (live > 1) continue;
    // While it runs, its customer reads what it has written, and nobody else does.
    const read = async (options: FollowLogOptions) => {
      const pieces: string[] = [];
      for await (const piece of gantry.followLog(job.address, blobs, { ...options, follow: false, signal })) {
        pieces.push(piece.type === "output" ? piece.text : piece.type);
      }
      return pieces.join("");
    };
    assert.ok((await read({ key })).startsWith(log));
    await assert.rejects(read({}), (error) => error instanceof LogError && error.kind === "sealed");
    await assert.rejects(read({ key: stranger }), (error) => error instanceof SealError && error.kind === "closed");
  }
  assert.ok(live > 0, "nothing came while the job ran");
  assert.match(log, new RegExp(`scene: ${SECRET}\\.json at 128x80, 300 samples[^]*\\ndone: ${SECRET}\\.png in `));

  await assert.rejects(gantry.result(job.address, blobs), /sealed to the job's customer/);
  const folder = await mkdtemp(join(tmpdir(), "gantry-ts-sealed-"));
  const look = async () => {
    const wrong = gantry.sealedResult(job.address, blobs, stranger);
    await assert.rejects(wrong, (error) => error instanceof SealError && error.kind === "wrong-key");
    const { manifest, opener } = await gantry.sealedResult(job.address, blobs, key);
    await assert.rejects(saveResult(manifest, blobs, folder), /is sealed to the job's customer/);
    const [picture, text] = await saveResult(manifest, blobs, folder, opener);
    assert.equal(picture, join(folder, `${SECRET}.png`));
    assert.equal((await readFile(picture)).readUInt32BE(16), 128);
    assert.equal(await readFile(text ?? "", "utf8"), log);
    assert.equal(manifest.exit_code, 0);
  };
  await look();
  const closed = await follow(gantry, job.address, async ({ view }) => {
    if (view.status === "finished" && !view.accepted) await gantry.accept(customer, job.address);
  });
  assert.equal(closed.type, "settled");
  // The same when the job is closed, and from the log's end alone.
  await look();
  await rm(folder, { recursive: true });
  const whole: string[] = [];
  for await (const update of gantry.followLog(job.address, blobs, { key, signal })) {
    whole.push(update.type === "output" ? update.text : update.type);
  }
  assert.equal(whole.join(""), log);
  // Spec, input, picture, log and manifest, the spec that was refused and its input; the parts of the log are gone.
  const left = await unreadable();
  assert.ok(left.length >= 7 && left.every((path) => path.startsWith("sha256/")), left.join());
});

test("a dispute is opened, decided and paid, and refusals say what to do", async () => {
  const blobs = folderBlobs(stack.blobs);
  const reviewed: Preview[] = [];
  // No subscription here: the watch wakes by the indexer's events.
  const client = Gantry.connect({
    rpc: stack.rpc,
    indexer: stack.api,
    review: (preview) => void reviewed.push(preview),
  });
  const prepared = await prepareSpec(await renderSpec(16_384, 200), blobs);
  const job = await client.openJob(customer, { spec: prepared });
  assert.equal(reviewed.length, 1);
  const authority = await loadKeypair(stack.key("authority"));
  let disputed = false;
  const closed = await follow(client, job.address, async ({ job: account, view }) => {
    if (view.status !== "running" || account.servedSeconds < 1 || disputed) return;
    disputed = true;
    await assert.rejects(
      client.accept(customer, job.address),
      (error) => error instanceof GantryError && error.kind === "program",
    );
    await assert.rejects(client.stop(authority, job.address), /sign with/);
    const more = client.topUpCost(account, 60) ?? 0n;
    await client.topUp(customer, job.address, 60);
    assert.equal((await client.requireJob(job.address)).deposited, account.deposited + more);
    await client.acknowledge(customer, job.address, 1);
    await client.openDispute(customer, job.address, "it computed nothing");
    await client.send([await vote(authority, job.address, 0, 0)], authority);
  });
  assert.ok(closed.type === "resolved", show(closed));
  assert.ok(closed.settled !== undefined && closed.resolved.providerShareBps === 0, show(closed));
  assert.equal(sum(closed.settled), closed.settled.deposited);
  const history = await client.history(job.address);
  const names = history.transactions.flatMap(({ events }) => events.map((event) => event.name));
  for (const name of ["JobToppedUp", "SecondsReleased", "DisputeOpened", "JobSettled"] as const) {
    assert.ok(names.includes(name), `${name} in ${names.join()}`);
  }
});

test("a provider lists itself, a delegator stakes behind it, and revenue is claimed", async () => {
  const [provider, nodeKey, delegator] = await Promise.all([1, 2, 3].map(() => generateKeyPairSigner()));
  assert.ok(provider !== undefined && nodeKey !== undefined && delegator !== undefined);
  for (const [wallet, amount] of [
    [provider.address, 5_000_000_000n],
    [delegator.address, 2_000_000_000n],
  ] as const) {
    await gantry.airdrop(wallet, 1_000_000_000n);
    await fund(gantry, stack, wallet, stack.stake, amount);
  }
  const account = await gantry.registerProvider(provider);
  assert.equal(await gantry.registerProvider(provider), account);
  const pool = await gantry.createPool(provider, stack.payment.mint, 1_000);
  const listing = {
    pricePerHour: 9_000_000n,
    priceMint: stack.payment.mint,
    gpuModel: "h100",
    gpuCount: 8,
    vramGib: 80,
    cpuCores: 64,
    ramGib: 512,
    diskGib: 4_000,
    mbps: 10_000,
    country: "SE",
  } as const;
  const node = await gantry.listNode(provider, nodeKey, listing);
  await gantry.updatePrice(provider, node, 8_000_000n);
  const [listed] = await gantry.nodes(account);
  assert.ok(listed !== undefined && listed.address === node && listed.account.pricePerHour === 8_000_000n);
  assert.deepEqual(describeNode(listed.account), { status: "available", country: "SE", reputationBps: 5_000 });

  await gantry.stake(delegator, pool, 1_500_000_000n);
  await assert.rejects(gantry.stake(delegator, pool, 1_500_000_000n), /500.00 of token .*1500.00 are needed/);
  await gantry.unstake(delegator, pool, 500_000_000n);
  const [state, position] = [await gantry.requirePool(pool), await gantry.position(pool, delegator.address)];
  assert.ok(position !== undefined);
  assert.deepEqual(
    [stakedAmount(position, state), state.unbonding, position.unbondingCount],
    [1_000_000_000n, 500_000_000n, 1],
  );
  await gantry.cancelUnstake(delegator, pool, 0);
  await gantry.drainNode(provider, node);

  // The node that served the first jobs has a pool with one staker.
  const owner = await loadKeypair(stack.key("lonestar-wallet"));
  const [held] = await gantry.positions(owner.address);
  assert.ok(held !== undefined);
  const due = claimableRewards(held.account, await gantry.requirePool(held.account.pool));
  const token = { mint: stack.payment.mint, tokenProgram: stack.payment.token_program };
  const before = (await gantry.tokenBalance(owner.address, token)).amount;
  assert.ok(due > 0n);
  await gantry.claimRewards(owner, held.account.pool);
  assert.equal((await gantry.tokenBalance(owner.address, token)).amount, before + due);
});

test("the types of the API are those that the indexer describes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gantry-ts-api-"));
  const file = join(folder, "schema.ts");
  const script = join(ROOT, "scripts/api.mjs");
  await promisify(execFile)(process.execPath, [script, `${stack.api}/openapi.json`, file], { cwd: ROOT });
  const [made, checkedIn] = await Promise.all(
    [file, join(ROOT, "src/api/schema.ts")].map((path) => readFile(path, "utf8")),
  );
  await rm(folder, { recursive: true });
  const advice = "write it anew: npm run generate:api -- URL/openapi.json, with the URL of an indexer";
  assert.ok(made === checkedIn, `src/api/schema.ts is not what the indexer describes: ${advice}`);
});
