import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { ROOT } from "../support.js";

interface Packed {
  files: { path: string }[];
  unpackedSize: number;
}

const bundle = async (code: string) => {
  const made = await build({
    stdin: { contents: code, resolveDir: ROOT, loader: "js" },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
  });
  return { text: made.outputFiles[0]?.text ?? "", inputs: Object.keys(made.metafile.inputs) };
};

test("npm packs what is built, and nothing else", async () => {
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await promisify(execFile)("npm", pack, { cwd: ROOT });
  const [packed] = JSON.parse(stdout) as Packed[];
  const paths = packed?.files.map((file) => file.path) ?? [];
  for (const path of ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "dist/node.js"]) {
    assert.ok(paths.includes(path), `${path} is missing`);
  }
  const stray = paths.filter((path) => !/^(package\.json|README\.md|LICENSE|dist\/.+\.(js|d\.ts))$/.test(path));
  assert.deepEqual(stray, []);
  assert.ok((packed?.unpackedSize ?? 0) < 3_000_000, `${packed?.unpackedSize} bytes`);
});

test("the lock file names no registry, and every version is exact", async () => {
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, object>;
  };
  const resolved = Object.entries(lock.packages).filter(([, entry]) => "resolved" in entry);
  assert.deepEqual(resolved, []);
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  assert.deepEqual(Object.keys(manifest.dependencies), ["@noble/ciphers", "@noble/curves"]);
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("each entry of the package can be imported by its name", async () => {
  const [main, node, programs] = await Promise.all(
    ["@gantry/sdk", "@gantry/sdk/node", "@gantry/sdk/programs"].map((name) => import(name)),
  );
  assert.equal(typeof main.Gantry.connect, "function");
  assert.equal(typeof node.loadKeypair, "function");
  assert.equal(typeof programs.getJobDecoder, "function");
});

test("the main entry works where there is nothing but what browsers have", async () => {
  const { text } = await bundle(`
    import { Gantry, jobAddress, memoryBlobs, prepareSpec, toHex, verifyReceipt, decodeReceipt, fromHex, Opener, Sealer, SealKey } from "./dist/index.js";
    globalThis.answer = (async () => {
      const gantry = Gantry.connect({ rpc: "http://127.0.0.1:1", rpcSubscriptions: "ws://127.0.0.1:1" });
      const spec = { version: 1, name: "x", runner: { process: { command: ["x"] } }, max_price_per_hour: "1", max_duration_seconds: 1 };
      const { hash } = await prepareSpec(spec, memoryBlobs());
      const { encoded, public_key, signature } = globalThis.vector;
      const good = await verifyReceipt(decodeReceipt(fromHex(encoded)), public_key, fromHex(signature));
      const key = await SealKey.from(new Uint8Array(32).fill(1));
      const place = { genesisHash: new Uint8Array(32), job: key.address };
      const sealed = await new Sealer(key.address, place).seal("file", new Uint8Array([7]));
      const opened = toHex(await new Opener(key, place).open("file", sealed));
      return { opened, job: await jobAddress("11111111111111111111111111111111", 0n), hash: toHex(hash), good, watch: typeof gantry.watch };
    })();
  `);
  const vectors = JSON.parse(await readFile(join(ROOT, "../vectors/receipt-v1.json"), "utf8"));
  const vector = { ...vectors.vectors[0] };
  const { getAddressDecoder } = await import("@solana/kit");
  vector.public_key = getAddressDecoder().decode(Buffer.from(vector.public_key, "hex"));
  // No process, no Buffer, no require: what a page has that was loaded over HTTPS, without which there is no crypto.subtle.
  const web = { crypto, TextEncoder, TextDecoder, URL, AbortController, AbortSignal, fetch, setTimeout, clearTimeout };
  const page: Record<string, unknown> = {
    ...web,
    isSecureContext: true,
    Uint8Array,
    ArrayBuffer,
    DataView,
    Event,
    EventTarget,
    vector,
  };
  page["globalThis"] = page;
  page["window"] = page;
  runInContext(text, createContext(page));
  const answer = (await page["answer"]) as { opened: string; job: string; hash: string; good: boolean; watch: string };
  assert.equal(answer.opened, "07");
  assert.equal(answer.good, true);
  assert.equal(answer.watch, "function");
  assert.equal(answer.hash.length, 64);
  assert.ok(answer.job.length > 30);
});

test("what is not used is not bundled", async () => {
  const { text, inputs } = await bundle('import { maths } from "./dist/index.js"; console.log(maths.bill(1n, 2));');
  assert.ok(text.length < 5_000, `${text.length} bytes of ${inputs.length} files`);
});
