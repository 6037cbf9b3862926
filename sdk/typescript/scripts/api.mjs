// Writes the types of the indexer's API: `node scripts/api.mjs DOCUMENT [FILE]`, where DOCUMENT is a file or the URL of an
// indexer's /openapi.json.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const [document, file = fileURLToPath(new URL("../src/api/schema.ts", import.meta.url))] = process.argv.slice(2);
if (document === undefined) throw new Error("name the document: a file, or the URL of an indexer's /openapi.json");
const text = document.startsWith("http") ? await (await fetch(document)).text() : await readFile(document, "utf8");
const ast = await openapi(JSON.parse(text));
await writeFile(
  file,
  `// Made by scripts/api.mjs from the indexer's OpenAPI document: do not edit.\n\n${astToString(ast)}`,
);
