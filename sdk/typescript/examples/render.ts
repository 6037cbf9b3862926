// Renders a picture on a local network: start one with `cargo xtask up`, source the file that it names, then
// compile and run it as docs/quickstarts/customer-typescript.md says.

import { readFile } from "node:fs/promises";
import { formatAmount, Gantry, type JobSpec, prepareSpec } from "@gantry/sdk";
import { folderBlobs, loadKeypair, saveResult } from "@gantry/sdk/node";

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`set ${name}: \`cargo xtask up\` prints it`);
  return value;
};

const gantry = Gantry.connect({ rpc: setting("GANTRY_RPC_URL"), indexer: setting("GANTRY_API_URL") });
const wallet = await loadKeypair(setting("GANTRY_KEYPAIR"));
const blobs = folderBlobs(setting("GANTRY_BLOB_DIR"));

const scene = await readFile(new URL("../../../examples/scenes/spiral.json", import.meta.url));
const spec: JobSpec = {
  version: 1,
  name: "render a spiral of spheres",
  runner: { process: { command: ["gantry-render", "scene.json", "--out", "picture.png"] } },
  inputs: [{ path: "scene.json", bytes: scene }],
  outputs: ["picture.png"],
  max_price_per_hour: "2.00",
  max_duration_seconds: 300,
};

const request = { spec: await prepareSpec(spec, blobs) };
const cost = await gantry.previewJob(wallet, request);
console.log(
  `deposit ${formatAmount(cost.deposit, cost.decimals)}, fee ${cost.fee} lamports, rent ${cost.rent} lamports`,
);
const job = await gantry.openJob(wallet, request);
console.log(`opened ${job.address}`);

for await (const update of gantry.watch(job.address)) {
  if (update.type !== "live") {
    console.log(update.type);
    if (update.type === "settled") console.log(`paid ${formatAmount(update.settled.bill, job.decimals)}`);
    break;
  }
  const { status, accepted, billed } = update.view;
  console.log(`${status}: ${update.job.servedSeconds} s proven, ${formatAmount(billed, job.decimals)} earned`);
  if (status === "finished" && !accepted) {
    const files = await saveResult(await gantry.result(job.address, blobs), blobs, "build/result");
    console.log(`result: ${files.join(", ")}`);
    await gantry.accept(wallet, job.address);
  }
}
