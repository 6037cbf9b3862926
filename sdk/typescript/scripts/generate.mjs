// Writes the client of the three programs into a folder, out of the IDLs: `node scripts/generate.mjs [FOLDER]`.
//
// The IDLs come from Anchor 2, whose accounts are checked by tables in the programs: most seeds are not in them, so they are
// added here, once for each kind of account. test/addresses.test.ts holds every one of them against the Rust SDK.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rootNodeFromAnchor } from "@codama/nodes-from-anchor";
import { renderVisitor } from "@codama/renderers-js";
import {
  accountValueNode,
  addPdasVisitor,
  argumentValueNode,
  bytesTypeNode,
  constantPdaSeedNodeFromString,
  createFromRoot,
  fixedSizeTypeNode,
  numberTypeNode,
  pdaLinkNode,
  pdaSeedValueNode,
  pdaValueNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  rootNode,
  setInstructionAccountDefaultValuesVisitor,
  updateAccountsVisitor,
  variablePdaSeedNode,
} from "codama";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Which accounts belong to which program: an IDL lists those of its siblings too, where it reads them. */
const OWN = {
  registry: ["Attestor", "Device", "Network", "Node", "Provider"],
  staking: ["Pool", "Position", "StakingParams"],
  market: ["Customer", "Dispute", "Job", "MarketParams", "PaymentMint"],
};

/** Names that two programs share. */
const RENAMED = {
  staking: { initialize: "initialize_staking" },
  market: { initialize: "initialize_market" },
};

const key = (name) => variablePdaSeedNode(name, publicKeyTypeNode());

/** Seeds of every derived account: a prefix, then what varies. */
const PDAS = {
  registry: {
    network: ["network"],
    provider: ["provider", key("authority")],
    node: ["node", key("provider"), key("nodeKey")],
    attestor: ["attestor", key("key")],
    device: ["device", variablePdaSeedNode("deviceHash", fixedSizeTypeNode(bytesTypeNode(), 32))],
  },
  staking: {
    stakingParams: ["params"],
    pool: ["pool", key("provider")],
    stakeVault: ["stake", key("pool")],
    rewardVault: ["rewards", key("pool")],
    position: ["position", key("pool"), key("owner")],
  },
  market: {
    marketParams: ["params"],
    marketAuthority: ["authority"],
    paymentMint: ["mint", key("mint")],
    customer: ["customer", key("wallet")],
    job: ["job", key("wallet"), variablePdaSeedNode("id", numberTypeNode("u64"))],
    vault: ["vault", key("job")],
    dispute: ["dispute", key("job")],
  },
};

const account = (name) => pdaSeedValueNode(name, accountValueNode(name));
const accountAs = (seed, name) => pdaSeedValueNode(seed, accountValueNode(name));
const argument = (name) => pdaSeedValueNode(name, argumentValueNode(name));

/** What an account of an instruction is where the caller says nothing: a derived address, if the instruction has the seeds. */
const DEFAULTS = [
  { account: "network", program: "registry", pda: "network", seeds: [] },
  { account: "params", only: "staking", program: "staking", pda: "stakingParams", seeds: [] },
  { account: "params", only: "market", program: "market", pda: "marketParams", seeds: [] },
  { account: "stakingParams", program: "staking", pda: "stakingParams", seeds: [] },
  { account: "marketAuthority", program: "market", pda: "marketAuthority", seeds: [] },
  { account: "provider", program: "registry", pda: "provider", seeds: [account("authority")] },
  { account: "node", program: "registry", pda: "node", seeds: [account("provider"), account("nodeKey")] },
  {
    account: "attestor",
    instruction: "attest",
    program: "registry",
    pda: "attestor",
    seeds: [accountAs("key", "signer")],
  },
  { account: "attestor", instruction: "addAttestor", program: "registry", pda: "attestor", seeds: [argument("key")] },
  { account: "device", instruction: "attest", program: "registry", pda: "device", seeds: [argument("deviceHash")] },
  { account: "pool", program: "staking", pda: "pool", seeds: [account("provider")] },
  { account: "stakeVault", program: "staking", pda: "stakeVault", seeds: [account("pool")] },
  { account: "rewardVault", program: "staking", pda: "rewardVault", seeds: [account("pool")] },
  { account: "position", program: "staking", pda: "position", seeds: [account("pool"), account("owner")] },
  { account: "paymentMint", program: "market", pda: "paymentMint", seeds: [account("mint")] },
  { account: "customer", program: "market", pda: "customer", seeds: [account("wallet")] },
  { account: "job", instruction: "openJob", program: "market", pda: "job", seeds: [account("wallet"), argument("id")] },
  { account: "vault", program: "market", pda: "vault", seeds: [account("job")] },
  { account: "dispute", program: "market", pda: "dispute", seeds: [account("job")] },
];

const INSTRUCTIONS_SYSVAR = publicKeyValueNode("Sysvar1nstructions1111111111111111111111111", "instructions");

/** Types whose names Codama would give to the loose form of another: `SlaCredit` has `SlaCreditArgs`. */
const RENAMED_TYPES = { SlaCreditArgs: "SlaCreditInput", TermsArgs: "TermsInput" };

/** Replaces the aliases of Anchor 2 (`PodU64` for `u64` without alignment: the same bytes) by what they stand for. */
function withoutAliases(value, aliases) {
  if (Array.isArray(value)) return value.map((item) => withoutAliases(item, aliases));
  if (value === null || typeof value !== "object") return value;
  const alias = value.defined && aliases.get(value.defined.name);
  if (alias !== undefined) return withoutAliases(alias, aliases);
  const renamed = value.defined && RENAMED_TYPES[value.defined.name];
  if (renamed !== undefined) return { ...value, defined: { ...value.defined, name: renamed } };
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutAliases(item, aliases)]));
}

async function program(name) {
  const idl = JSON.parse(await readFile(here(`../../../idl/${name}.json`), "utf8"));
  const own = OWN[name];
  const missing = own.filter((wanted) => !idl.accounts.some((found) => found.name === wanted));
  if (missing.length > 0) throw new Error(`idl/${name}.json has no account ${missing.join(", ")}: correct OWN here`);
  const foreign = new Set(idl.accounts.map((found) => found.name).filter((found) => !own.includes(found)));
  const known = new Set(Object.values(OWN).flat());
  for (const found of foreign) {
    if (!known.has(found))
      throw new Error(`idl/${name}.json has the account ${found}, which OWN here gives to no program`);
  }
  const aliases = new Map(
    idl.types.filter((type) => type.type.kind === "type").map((type) => [type.name, type.type.alias]),
  );
  const instructions = idl.instructions.map((instruction) => ({
    ...instruction,
    name: RENAMED[name]?.[instruction.name] ?? instruction.name,
    // Where an IDL has seeds they are those of PDAS: one place for all.
    accounts: instruction.accounts.map(({ pda, ...rest }) => rest),
  }));
  const cleaned = withoutAliases(
    {
      ...idl,
      instructions,
      accounts: idl.accounts.filter((found) => !foreign.has(found.name)),
      // The renderer leaves events out: their types stay as types, and `writeEvents` adds what tells them apart.
      events: [],
      types: idl.types
        .filter((type) => type.type.kind !== "type" && !foreign.has(type.name))
        .map((type) => ({ ...type, name: RENAMED_TYPES[type.name] ?? type.name })),
    },
    aliases,
  );
  return { node: rootNodeFromAnchor(cleaned).program, events: idl.events };
}

function accountDefaults(programs) {
  const rules = [];
  for (const node of programs) {
    for (const instruction of node.instructions) {
      const accounts = new Set(instruction.accounts.map((found) => found.name));
      const names = new Set(instruction.arguments.map((found) => found.name));
      const has = ({ value }) => (value.kind === "accountValueNode" ? accounts : names).has(value.name);
      for (const rule of DEFAULTS) {
        const wanted =
          accounts.has(rule.account) &&
          (rule.only ?? node.name) === node.name &&
          (rule.instruction ?? instruction.name) === instruction.name &&
          rule.seeds.every(has);
        if (!wanted) continue;
        const defaultValue = pdaValueNode(pdaLinkNode(rule.pda, rule.program), rule.seeds);
        rules.push({ instruction: instruction.name, account: rule.account, defaultValue });
      }
      if (accounts.has("instructions")) {
        rules.push({ instruction: instruction.name, account: "instructions", defaultValue: INSTRUCTIONS_SYSVAR });
      }
    }
  }
  return rules;
}

const HEAD = "// Made by scripts/generate.mjs from the IDLs: do not edit.\n\n";

/** The events of all programs: a table of discriminators and decoders, and the union of their types. */
async function writeEvents(folder, programs) {
  const rows = programs.flatMap(({ node, events }) => events.map((event) => ({ program: node.name, ...event })));
  const names = rows.map((row) => row.name).sort();
  const imports = names.map((name) => `  get${name}Decoder,\n  type ${name},`).join("\n");
  const addresses = programs.map(({ node }) => `  ${node.name.toUpperCase()}_PROGRAM_ADDRESS,`).join("\n");
  const union = rows
    .map((row) => `  | { program: "${row.program}"; name: "${row.name}"; data: ${row.name} }`)
    .join("\n");
  const table = rows
    .map((row) => {
      const discriminator = `new Uint8Array([${row.discriminator.join(", ")}])`;
      return `    [\n      "${row.program}",\n      "${row.name}",\n      ${discriminator},\n      get${row.name}Decoder,\n    ],`;
    })
    .join("\n");
  const text = `${HEAD}import type { Address, Decoder, ReadonlyUint8Array } from "@solana/kit";
import {
${addresses}
} from "../programs/index.js";
import {
${imports}
} from "../types/index.js";

/** An event of any of the three programs. */
export type GantryEvent =
${union};

/** Name of an event. */
export type GantryEventName = GantryEvent["name"];

/** The three programs by their names. */
export function programAddresses(): Record<GantryEvent["program"], Address> {
  return {
${programs.map(({ node }) => `    ${node.name}: ${node.name.toUpperCase()}_PROGRAM_ADDRESS,`).join("\n")}
  };
}

/** Every event: its program, its name, the bytes that its data begins with, and what decodes the rest. */
export function eventTable(): [GantryEvent["program"], GantryEventName, ReadonlyUint8Array, () => Decoder<unknown>][] {
  return [
${table}
  ];
}
`;
  await mkdir(join(folder, "events"));
  await writeFile(join(folder, "events", "index.ts"), text);
}

/** The programs' refusals, with the messages that say what to do. */
async function writeRefusals(folder, programs) {
  const rows = programs.flatMap(({ node }) =>
    node.errors.map((error) => {
      const name = error.name[0].toUpperCase() + error.name.slice(1);
      return `    [${error.code}, "${node.name}", "${name}", ${JSON.stringify(error.message)}],`;
    }),
  );
  const text = `${HEAD}/** Code, program, name and message of every refusal. */
export function refusalTable(): [number, "registry" | "staking" | "market", string, string][] {
  return [
${rows.join("\n")}
  ];
}
`;
  await writeFile(join(folder, "errors", "refusals.ts"), text);
}

/** Names the files that are imported, as ECMAScript modules must. */
async function nameImports(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    const index = path === join(folder, "index.ts");
    // Kit's plugins are left out: they do not compile under strict options, and the client here does their work.
    const plain = text.replace(/\nexport type \w+Plugin = \{[\s\S]*$/, "");
    const named = plain.replace(/from "(\.[^"]*)(?<!\.js)"/g, (_, target) =>
      index || target === "." || target.startsWith("..") ? `from "${target}/index.js"` : `from "${target}.js"`,
    );
    await writeFile(path, named);
  }
}

async function generate(folder) {
  const programs = await Promise.all(Object.keys(OWN).map(program));
  const [registry, staking, market] = programs.map(({ node }) => node);
  const codama = createFromRoot(rootNode(market, [registry, staking]));
  for (const [name, pdas] of Object.entries(PDAS)) {
    const nodes = Object.entries(pdas).map(([pda, [prefix, ...seeds]]) => ({
      name: pda,
      seeds: [constantPdaSeedNodeFromString("utf8", prefix), ...seeds],
    }));
    codama.update(addPdasVisitor({ [name]: nodes }));
  }
  const derived = Object.values(OWN)
    .flat()
    .map((name) => name[0].toLowerCase() + name.slice(1));
  codama.update(updateAccountsVisitor(Object.fromEntries(derived.map((name) => [name, { pda: pdaLinkNode(name) }]))));
  codama.update(setInstructionAccountDefaultValuesVisitor(accountDefaults([registry, staking, market])));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await codama.accept(
    renderVisitor(folder, {
      deleteFolderBeforeRendering: false,
      generatedFolder: ".",
      syncPackageJson: false,
      kitImportStrategy: "rootOnly",
      prettierOptions: { printWidth: 120 },
    }),
  );
  await nameImports(folder);
  await writeEvents(folder, programs);
  await writeRefusals(folder, programs);
}

await generate(process.argv[2] ?? here("../src/generated"));
