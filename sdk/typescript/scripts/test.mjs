// Transpiles the package and its tests into build/ and runs one folder of tests: `node scripts/test.mjs unit`.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "build");
const kind = process.argv[2] ?? "unit";
const files = async (folder) =>
  (await readdir(join(root, folder), { recursive: true }))
    .filter((f) => f.endsWith(".ts"))
    .map((f) => join(root, folder, f));
await rm(out, { recursive: true, force: true });
const entryPoints = [...(await files("src")), ...(await files("test"))];
await build({ entryPoints, outdir: out, outbase: root, format: "esm", target: "node20", sourcemap: true });
const tests = (await readdir(join(out, "test", kind))).filter((name) => name.endsWith(".test.js"));
const options = ["--enable-source-maps", "--test"];
// One at a time against a network, which has one customer.
if (kind === "e2e") options.push("--test-concurrency=1");
const run = spawnSync(process.execPath, [...options, ...tests.map((name) => join(out, "test", kind, name))], {
  cwd: root,
  stdio: "inherit",
});
process.exit(run.status ?? 1);
