// What runs in the browser: it is bundled with the packed package, and browser.test.ts calls `gantryPage`.

import {
  type ApiMessage,
  BlobError,
  decodeReceipt,
  encodeReceipt,
  fetchFile,
  formatAmount,
  fromHex,
  Gantry,
  httpBlobs,
  type JobSpec,
  Opener,
  prepareSpec,
  Sealer,
  SealKey,
  type SealKind,
  signReceipt,
  toHex,
  verifyReceipt,
} from "@gantry/sdk";
import { createKeyPairFromPrivateKeyBytes, generateKeyPairSigner, getAddressDecoder } from "@solana/kit";

/** Where things are, as seen from the page. */
export interface Places {
  rpc: string;
  ws: string;
  api: string;
  blobs: string;
}

/** One of `sdk/vectors/receipt-v1.json`. */
export interface ReceiptVector {
  name: string;
  encoded: string;
  seed: string;
  public_key: string;
  signature: string;
}

/** One of `sdk/vectors/sealed-v1.json`. */
export interface SealedVector {
  name: string;
  kind: number;
  genesis_hash: string;
  job: string;
  recipient_seed: string;
  content: string;
  sealed: string;
}

/** What the page saw of a job's life. */
export interface Life {
  wallet: string;
  job: string;
  deposit: string;
  cost: { fee: bigint; rent: bigint; computeUnits: number };
  states: string[];
  /** The picture that the job rendered, decoded by the browser. */
  picture: { width: number; height: number };
  settled: { deposited: bigint; paidOut: bigint; toCustomer: bigint; paidSeconds: number };
  /** Base units that the wallet has at the end. */
  left: bigint;
  /** The job's events as the indexer streamed them. */
  events: string[];
  /** What the indexer's table says of the job. */
  row: { status: string; outcome: string | null };
}

declare global {
  /** What the test lends the page: tokens for its wallet. */
  function fundWallet(address: string): Promise<void>;
}

async function live(places: Places, spec: Omit<JobSpec, "inputs">, scene: string): Promise<Life> {
  const signal = AbortSignal.timeout(120_000);
  const gantry = Gantry.connect({ rpc: places.rpc, rpcSubscriptions: places.ws, indexer: places.api });
  // WebCrypto makes it and does not give the secret part out.
  const wallet = await generateKeyPairSigner();
  await gantry.airdrop(wallet.address, 1_000_000_000n, signal);
  await globalThis.fundWallet(wallet.address);

  const blobs = httpBlobs(places.blobs);
  const inputs = [{ path: "scene.json", bytes: new TextEncoder().encode(scene) }];
  const prepared = await prepareSpec({ ...spec, inputs }, blobs);
  const cost = await gantry.previewJob(wallet, { spec: prepared });
  const stream = gantry.events({ signal });
  const start = (await stream.next()).value;
  await stream.return();
  const job = await gantry.openJob(wallet, { spec: prepared });
  const filter = { job: job.address, after: start?.id ?? "0", signal };
  const events = names(gantry.events(filter), "JobSettled");

  const states = new Set<string>();
  const picture = { width: 0, height: 0 };
  for await (const update of gantry.watch(job.address, { signal })) {
    if (update.type === "live") {
      states.add(update.view.status ?? "unknown");
      if (update.view.status !== "finished" || update.view.accepted) continue;
      const manifest = await gantry.result(job.address, blobs);
      const file = manifest.outputs.find(({ path }) => path === "picture.png");
      if (file === undefined) throw new Error(`no picture in ${JSON.stringify(manifest)}`);
      const bytes = await fetchFile(blobs, file);
      const { width, height } = await createImageBitmap(new Blob([bytes as BlobPart], { type: "image/png" }));
      Object.assign(picture, { width, height });
      await gantry.accept(wallet, job.address);
      continue;
    }
    if (update.type !== "settled") throw new Error(`the job was ${update.type}`);
    const { deposited, toProvider, toDelegators, toMatcher, toTreasury, toCustomer, claimed, paidSeconds } =
      update.settled;
    const paidOut = toProvider + toDelegators + toMatcher + toTreasury + toCustomer + claimed;
    const { slot } = (await gantry.history(job.address)).transactions.at(-1) ?? { slot: 0n };
    const path = { address: job.address };
    const { data } = await gantry.api.get("/v1/jobs/{address}", { path, query: { min_slot: Number(slot) } });
    return {
      wallet: wallet.address,
      job: job.address,
      deposit: formatAmount(cost.deposit, cost.decimals),
      cost: { fee: cost.fee, rent: cost.rent, computeUnits: cost.preview.computeUnits },
      states: [...states],
      picture,
      settled: { deposited, paidOut, toCustomer, paidSeconds },
      left: (await gantry.tokenBalance(wallet.address, await gantry.mint(job.mint))).amount,
      events: await events,
      row: { status: data.status, outcome: data.outcome ?? null },
    };
  }
  throw new Error("the updates ended before the job did");
}

async function names(messages: AsyncIterable<ApiMessage>, last: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) {
    if (message.type !== "event") continue;
    seen.push(message.data.name);
    if (message.data.name === last) return seen;
  }
  throw new Error(`the stream ended without ${last}`);
}

/** The names of the vectors whose bytes, signature and forgery WebCrypto finds as they should be. */
async function receipts(vectors: ReceiptVector[]): Promise<string[]> {
  const good: string[] = [];
  for (const vector of vectors) {
    const receipt = decodeReceipt(fromHex(vector.encoded));
    const nodeKey = getAddressDecoder().decode(fromHex(vector.public_key, 32));
    const signature = fromHex(vector.signature, 64);
    const { privateKey } = await createKeyPairFromPrivateKeyBytes(fromHex(vector.seed, 32));
    const same =
      toHex(encodeReceipt(receipt)) === vector.encoded &&
      toHex(await signReceipt(receipt, privateKey)) === vector.signature;
    const other = { ...receipt, servedSeconds: receipt.servedSeconds ^ 1n };
    const forged = await verifyReceipt(other, nodeKey, signature);
    if (same && !forged && (await verifyReceipt(receipt, nodeKey, signature))) good.push(vector.name);
  }
  return good;
}

/** The names of the vectors that open, and whose content is sealed and opened again. */
async function sealed(vectors: SealedVector[]): Promise<string[]> {
  const kinds: SealKind[] = ["spec", "manifest", "file", "log"];
  const good: string[] = [];
  for (const vector of vectors) {
    const kind = kinds[vector.kind - 1] as SealKind;
    const job = getAddressDecoder().decode(fromHex(vector.job, 32));
    const context = { genesisHash: fromHex(vector.genesis_hash, 32), job };
    // As a wallet that the page made would have it.
    const key = await SealKey.from(await createKeyPairFromPrivateKeyBytes(fromHex(vector.recipient_seed, 32), true));
    const opener = new Opener(key, context);
    const again = await new Sealer(key.address, context).seal(kind, fromHex(vector.content));
    const opened = [fromHex(vector.sealed), again].map(async (blob) => toHex(await opener.open(kind, blob)));
    if ((await Promise.all(opened)).every((content) => content === vector.content)) good.push(vector.name);
  }
  return good;
}

/** What a page is told by a store whose rules do not name the page's origin. */
async function refusal(blobs: string): Promise<{ put: string; get: string }> {
  const told = (attempt: Promise<unknown>) =>
    attempt.then(
      () => "",
      (error: unknown) => (error instanceof BlobError ? error.message : `no BlobError: ${error}`),
    );
  const store = httpBlobs(blobs);
  return { put: await told(store.put(new Uint8Array(1))), get: await told(store.get(new Uint8Array(32))) };
}

export const page = { live, receipts, sealed, refusal };
Object.assign(globalThis, { gantryPage: page });
