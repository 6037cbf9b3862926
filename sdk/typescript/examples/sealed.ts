// A job that nobody but its node and its customer can read, on a local network: start one with `cargo xtask up`, source the file that
// it names, then compile and run this as docs/quickstarts/customer-typescript.md says.

import { readFile } from "node:fs/promises";
import { describeNode, Gantry, parseSpec, prepareSpec, SealKey } from "@gantry/sdk";
import { filesIn, folderBlobs, loadKeypair, saveResult } from "@gantry/sdk/node";

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`set ${name}: \`cargo xtask up\` prints it`);
  return value;
};

const gantry = Gantry.connect({ rpc: setting("GANTRY_RPC_URL"), indexer: setting("GANTRY_API_URL") });
const wallet = await loadKeypair(setting("GANTRY_KEYPAIR"), { extractable: true });
const key = await SealKey.from(wallet);
const blobs = folderBlobs(setting("GANTRY_BLOB_DIR"));

// Sealed to one node: any that is there and free.
const free = (await gantry.nodes()).find(({ account }) => describeNode(account).status === "available");
if (free === undefined) throw new Error("no node is free: try again when a job has ended");
const node = free.address;

const examples = "../../examples";
const { sealer, id } = await gantry.sealer(key, node);
const wanted = parseSpec(await readFile(`${examples}/quick.json`));
const spec = await prepareSpec(wanted, blobs, { files: filesIn(examples), sealer });
const job = await gantry.openJob(wallet, { spec, node, id });
console.log(`opened ${job.address}, sealed`);

for await (const update of gantry.followLog(job.address, blobs, { key })) {
  if (update.type === "output") process.stdout.write(update.text);
}
const { manifest, opener } = await gantry.sealedResult(job.address, blobs, key);
const files = await saveResult(manifest, blobs, "build/sealed", opener);
console.log(`result: ${files.join(", ")}`);
await gantry.accept(wallet, job.address);
