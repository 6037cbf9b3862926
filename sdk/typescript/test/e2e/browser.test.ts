// The package as npm packs it, bundled into a page, in a browser: against a market on a local network.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Address } from "@solana/kit";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { blobName, fromHex, Gantry } from "../../src/index.js";
import { folderBlobs } from "../../src/node.js";
import { ROOT, vectors } from "../support.js";
import type { page as inPage, Places, ReceiptVector, SealedVector } from "./page.js";
import { fund, renderSpec, type Stack, startStack } from "./stack.js";

declare const gantryPage: typeof inPage;

const run = promisify(execFile);
/** A browser made from Chromium; `cargo xtask test typescript` finds or installs one. */
const executablePath = process.env["GANTRY_BROWSER"];
const skip = executablePath ? false : "no browser: set GANTRY_BROWSER to the program of one made from Chromium";
const USDC = 20_000_000n;

let stack: Stack;
let folder: string;
let browser: Browser;
let page: Page;
let places: Places;
const servers: Server[] = [];
const complaints: string[] = [];
let notified = 0;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "gantry-ts-browser-"));
  const script = await bundle(folder);
  stack = await startStack();
  // Three origins: the page's, the store's, and those of the network. Only their answers let the page read them.
  places = { rpc: stack.rpc, ws: stack.ws, api: stack.api, blobs: await serve(blobStore(true)) };
  const origin = await serve(website(script));
  // As root Chromium starts only with --no-sandbox: its sandbox holds nobody who is root outside of it. CI is root, in a
  // container of its own, and the only page that is opened is ours.
  const chromiumSandbox = process.getuid?.() !== 0;
  browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), chromiumSandbox });
  page = await browser.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      if (String(payload).includes("accountNotification")) notified += 1;
    }),
  );
  await page.exposeFunction("fundWallet", (wallet: Address) =>
    fund(Gantry.connect({ rpc: stack.rpc }), stack, wallet, stack.payment, USDC),
  );
  await page.goto(origin);
});

after(async () => {
  await browser?.close();
  for (const server of servers) server.close();
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** What `npm pack` makes, installed into `folder` and bundled with the page's own code as a site would do it. */
async function bundle(folder: string): Promise<string> {
  // As it was built: the scripts before packing are those that ran before this test.
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: ROOT });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  const installed = join(folder, "node_modules/@gantry/sdk");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", join(folder, packed?.filename ?? ""), "-C", installed, "--strip-components", "1"]);
  await copyFile(join(ROOT, "test/e2e/page.ts"), join(folder, "page.ts"));
  const made = await build({
    entryPoints: [join(folder, "page.ts")],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // The package's peers.
    nodePaths: [join(ROOT, "node_modules")],
    absWorkingDir: folder,
  });
  const inputs = Object.keys(made.metafile.inputs);
  const ours = inputs.filter((path) => path.startsWith("node_modules/@gantry/sdk/dist/"));
  assert.ok(ours.length > 10 && !inputs.some((path) => path.includes("sdk/typescript/dist")), inputs.join("\n"));
  return made.outputFiles[0]?.text ?? "";
}

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One page, which may run its own script and nothing made from strings, and talk to the places it is for. */
function website(script: string): RequestListener {
  const connect = `connect-src ${Object.values(places).join(" ")}`;
  const policy = `default-src 'none'; script-src 'self'; img-src data:; ${connect}`;
  return (request, response) => {
    if (request.url === "/page.js") {
      response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    } else if (request.url === "/") {
      const html = '<!doctype html><title>Gantry</title><link rel="icon" href="data:,">';
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy });
      response.end(`${html}<script type="module" src="/page.js"></script>`);
    } else {
      response.writeHead(404).end();
    }
  };
}

/** The network's blobs as an S3-compatible store gives and takes them, with or without a CORS rule for pages. */
function blobStore(open: boolean): RequestListener {
  const blobs = folderBlobs(stack.blobs);
  const rule = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "*",
  };
  return async (request, response) => {
    const answer = (status: number, body?: Uint8Array) => response.writeHead(status, open ? rule : {}).end(body);
    const name = request.url?.slice(1) ?? "";
    try {
      if (request.method === "OPTIONS") {
        answer(open ? 204 : 403);
      } else if (request.method === "PUT") {
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        const hash = await blobs.put(Buffer.concat(parts));
        answer(blobName(hash) === name ? 200 : 400);
      } else {
        const hash = fromHex(name.split("/")[2] ?? "", 32);
        answer(200, await blobs.get(hash).catch(() => undefined));
      }
    } catch (error) {
      complaints.push(`the blob store on ${request.method} ${request.url}: ${error}`);
      answer(500);
    }
  };
}

test("a page opens a job with a key of its own, follows it to its end, and reads result and cost", {
  skip,
  timeout: 240_000,
}, async () => {
  const { inputs, ...spec } = await renderSpec(100, 120);
  const scene = new TextDecoder().decode(inputs?.[0]?.bytes as Uint8Array);
  const life = await page.evaluate(([places, spec, scene]) => gantryPage.live(places, spec, scene), [
    places,
    spec,
    scene,
  ] as const);
  const shown = JSON.stringify(life, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  assert.equal(life.deposit, "0.066667");
  assert.ok(life.cost.fee >= 5_000n && life.cost.rent > 4_000_000n && life.cost.computeUnits > 1_000, shown);
  assert.ok(life.states.includes("finished") && life.states.length >= 2, shown);
  assert.deepEqual(life.picture, { width: 128, height: 80 });
  const { deposited, paidOut, toCustomer, paidSeconds } = life.settled;
  assert.ok(paidSeconds >= 1 && paidOut === deposited, shown);
  assert.equal(life.left, USDC - deposited + toCustomer);
  assert.deepEqual([life.events[0], life.events.at(-1)], ["JobOpened", "JobSettled"]);
  assert.deepEqual(life.row, { status: "closed", outcome: "completed" });
  assert.ok(notified > 0, "the WebSocket brought no change of the job's account");
  // The same from outside: the chain has the job as that wallet's.
  const { transactions } = await Gantry.connect({ rpc: stack.rpc }).history(life.job as Address);
  assert.ok(transactions.length >= 4, shown);
  assert.deepEqual(complaints, []);
});

test("WebCrypto in the page signs, accepts and refuses receipts as the vectors say", { skip }, async () => {
  const { vectors: cases } = await vectors<{ vectors: ReceiptVector[] }>("receipt-v1");
  const names = cases.map(({ name }) => name);
  assert.ok(names.length >= 5);
  assert.deepEqual(await page.evaluate((cases) => gantryPage.receipts(cases), cases), names);
  assert.deepEqual(complaints, []);
});

test("the page seals and opens as the vectors say", { skip }, async () => {
  const { vectors: cases } = await vectors<{ vectors: SealedVector[] }>("sealed-v1");
  const names = cases.map(({ name }) => name);
  assert.ok(names.length >= 4);
  assert.deepEqual(await page.evaluate((cases) => gantryPage.sealed(cases), cases), names);
  assert.deepEqual(complaints, []);
});

test("a store without a rule for the page's origin is refused, and the error says what to look at", {
  skip,
}, async () => {
  const closed = await serve(blobStore(false));
  const other = await browser.newPage({ bypassCSP: true });
  await other.goto(page.url());
  const { put, get } = await other.evaluate((closed) => gantryPage.refusal(closed), closed);
  for (const [method, message] of Object.entries({ PUT: put, GET: get })) {
    assert.match(message, new RegExp(`cannot be reached for ${method} ${closed}/sha256/.*CORS`));
  }
});
