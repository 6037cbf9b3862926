import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { AccountRole, type AccountSignerMeta, type Address } from "@solana/kit";
import { associatedTokenAddress } from "../../src/addresses.js";
import { utf8 } from "../../src/bytes.js";
import type { Gantry, JobSpec } from "../../src/index.js";
import { createAssociatedAccount } from "../../src/instructions.js";
import { loadKeypair } from "../../src/node.js";
import { ROOT } from "../support.js";

/** A token of the network. */
export interface Token {
  mint: Address;
  token_program: Address;
}

/** A market that runs: chain, Postgres, indexer, matcher, three nodes. */
export interface Stack {
  rpc: string;
  ws: string;
  api: string;
  /** Key files, by their names without the ending. */
  key(name: string): string;
  blobs: string;
  stake: Token;
  payment: Token;
  stop(): Promise<void>;
}

/** What `gantry-stack up` prints when everything is ready. */
const READY = "Ctrl-C stops everything.";

/** Starts a whole market on free ports. */
export async function startStack(): Promise<Stack> {
  const repository = resolve(ROOT, "../..");
  const folder = await mkdtemp(join(tmpdir(), "gantry-ts-"));
  const free = ["--rpc-port", "0", "--ws-port", "0", "--grpc-port", "0", "--api-port", "0"];
  const child = spawn(join(repository, "target/debug/gantry-stack"), ["up", "--run-dir", folder, ...free], {
    cwd: repository,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async () => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  const values = new Map<string, string>();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const [name, value] = line.split(/\s{2,}/);
      if (name !== undefined && value !== undefined) values.set(name, value);
      if (line.includes(READY)) break;
    }
    const url = (name: string) => {
      const found = values.get(name);
      if (found === undefined) throw new Error(`gantry-stack ended or printed no ${name}: see above`);
      return found;
    };
    const network = join(folder, "network");
    const deployment = JSON.parse(await readFile(join(network, "deployment.json"), "utf8")) as Record<string, Token>;
    const token = (name: string) => deployment[name] as Token;
    return {
      rpc: url("JSON-RPC"),
      ws: url("WebSocket"),
      api: url("API"),
      key: (name) => join(network, "keys", `${name}.json`),
      blobs: join(network, "blobs"),
      stake: token("stake"),
      payment: token("payment"),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  // What it still prints must not fill the pipe while it takes everything down.
  child.stdout?.resume();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once("exit", done));
  child.kill("SIGINT");
  await exit;
}

/** Renders a small picture, for as long as `samples` of each of its points take. */
export async function renderSpec(samples: number, seconds: number): Promise<JobSpec> {
  const examples = join(ROOT, "../../examples/scenes/spiral.json");
  const scene = JSON.parse(await readFile(examples, "utf8")) as { image: object };
  const image = { ...scene.image, width: 128, height: 80, samples };
  return {
    version: 1,
    name: "from TypeScript",
    runner: { process: { command: ["gantry-render", "scene.json", "--out", "picture.png", "--threads", "1"] } },
    inputs: [{ path: "scene.json", bytes: utf8(JSON.stringify({ ...scene, image })) }],
    outputs: ["picture.png"],
    max_price_per_hour: "2.00",
    max_duration_seconds: seconds,
    sla_uptime_bps: 5_000,
  };
}

/** Mints base units of a token of the network for a wallet. */
export async function fund(gantry: Gantry, stack: Stack, wallet: Address, token: Token, amount: bigint): Promise<void> {
  const authority = await loadKeypair(stack.key("authority"));
  const mint = { mint: token.mint, tokenProgram: token.token_program };
  const account = await associatedTokenAddress(wallet, mint.mint, mint.tokenProgram);
  const data = new Uint8Array(9);
  data[0] = 7;
  new DataView(data.buffer).setBigUint64(1, amount, true);
  const mintTo = {
    programAddress: mint.tokenProgram,
    accounts: [
      { address: mint.mint, role: AccountRole.WRITABLE },
      { address: account, role: AccountRole.WRITABLE },
      { address: authority.address, role: AccountRole.READONLY_SIGNER, signer: authority } as AccountSignerMeta,
    ],
    data,
  };
  await gantry.send([await createAssociatedAccount(authority, wallet, mint), mintTo], authority);
}
