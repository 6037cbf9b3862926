import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../support.js";

async function tree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (path) => [path.slice(folder.length), await readFile(path, "utf8")] as const);
  return new Map(await Promise.all(read));
}

test("the client that is checked in is what the IDLs say", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gantry-generated-"));
  try {
    await promisify(execFile)(process.execPath, [join(ROOT, "scripts/generate.mjs"), folder], { cwd: ROOT });
    const [made, checkedIn] = [await tree(folder), await tree(join(ROOT, "src/generated"))];
    const advice = "run `npm run generate` in sdk/typescript and look at the difference";
    assert.deepEqual([...checkedIn.keys()].sort(), [...made.keys()].sort(), advice);
    for (const [path, text] of made) assert.ok(checkedIn.get(path) === text, `src/generated${path} differs: ${advice}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
