// What a value of unknown origin must look like, piece by piece. What reads is what was checked: nothing else gets into a spec.

import { SpecError } from "./types.js";

/** Gives the value at `field` if it is what it must be, and throws a {@link SpecError} otherwise. */
export type Read<T> = (value: unknown, field: string) => T;

interface Member {
  read: Read<unknown>;
  needed: boolean;
  /** Whether `null` stands for "left out". */
  nullable: boolean;
}

/** A field that must be there. */
export const need = (read: Read<unknown>): Member => ({ read, needed: true, nullable: false });
/** A field that may be left out. */
export const may = (read: Read<unknown>): Member => ({ read, needed: false, nullable: false });
/** A field that may be left out or `null`, which is the same. */
export const mayBeNull = (read: Read<unknown>): Member => ({ read, needed: false, nullable: true });

const inside = (field: string, name: string) => (field === "" ? name : `${field}.${name}`);

/** What `value` is, for people. */
function what(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value === undefined) return "nothing";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function fieldsOf(value: unknown, field: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new SpecError(field, `write an object, { … }, not ${what(value)}`);
  }
  // As in JSON, what is undefined is not there.
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

/** An object with these fields and no others. */
export function record(members: Readonly<Record<string, Member>>): Read<object> {
  return (value, field) => {
    const found = new Map(fieldsOf(value, field));
    const names = Object.keys(members);
    for (const name of found.keys()) {
      if (!names.includes(name)) {
        throw new SpecError(inside(field, name), `is unknown: leave it out; there are ${names.join(", ")}`);
      }
    }
    const read: Record<string, unknown> = {};
    for (const [name, member] of Object.entries(members)) {
      const item = found.get(name);
      if (item === undefined || (item === null && member.nullable)) {
        if (member.needed) throw new SpecError(inside(field, name), "is required: it is not there");
      } else read[name] = member.read(item, inside(field, name));
    }
    return read;
  };
}

/** An object with any names, of which `check` has to approve, and values of one kind. */
export function table<T>(most: number, read: Read<T>, check: (name: string) => string | undefined) {
  return (value: unknown, field: string): Record<string, T> => {
    const found = fieldsOf(value, field);
    if (found.length > most) throw new SpecError(field, `at most ${most} variables`);
    const entries = found.map(([name, item]): [string, T] => {
      const problem = check(name);
      if (problem !== undefined) throw new SpecError(inside(field, name), problem);
      return [name, read(item, inside(field, name))];
    });
    return Object.fromEntries(entries);
  };
}

/** A list of at most `most` of `things`. */
export function list<T>(most: number, things: string, read: Read<T>): Read<T[]> {
  return (value, field) => {
    if (!Array.isArray(value)) throw new SpecError(field, `write a list, [ … ], not ${what(value)}`);
    if (value.length > most) throw new SpecError(field, `at most ${most} ${things}`);
    return Array.from(value, (item, place) => read(item, `${field}[${place}]`));
  };
}

/** Text of which `check` has to approve. */
export function text(check: (text: string) => string | undefined = () => undefined): Read<string> {
  return (value, field) => {
    if (typeof value !== "string") throw new SpecError(field, `write text, "…", not ${what(value)}`);
    const halves = "has half of a surrogate pair, which no other program can read";
    const problem = /\p{Cs}/u.test(value) ? halves : check(value);
    if (problem !== undefined) throw new SpecError(field, problem);
    return value;
  };
}

/** A whole number. */
export function whole(least: number, most: number, hint = ""): Read<number> {
  return (value, field) => {
    if (!(Number.isInteger(value) && (value as number) >= least && (value as number) <= most)) {
      throw new SpecError(field, `write a whole number from ${least} to ${most}${hint}`);
    }
    return value as number;
  };
}
