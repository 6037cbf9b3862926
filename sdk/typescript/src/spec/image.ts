/** Longest name, as registries have it. */
const LONGEST = 255;

/** What is wrong with `image` as the name of an image by digest, and what to write instead; `undefined` if nothing is. */
export function imageProblem(image: string): string | undefined {
  const at = image.indexOf("@");
  if (at < 0) {
    const how = `docker image inspect --format '{{index .RepoDigests 0}}' ${image}`;
    return `has no digest: write \`name@sha256:…\`, since a tag may mean another image tomorrow (\`${how}\` prints it)`;
  }
  const name = image.slice(0, at);
  if (!/^sha256:[0-9a-f]{64}$/.test(image.slice(at + 1))) {
    return "has a digest that is none: `sha256:` and 64 lower-case hexadecimal digits";
  }
  const parts = name.split("/");
  // A colon before the last slash is a registry's port, one after it a tag.
  if (parts.at(-1)?.includes(":")) return "has a tag and a digest: leave the tag out, the digest alone decides";
  const registry = parts.length > 1 ? 0 : -1;
  const plain = (part: string, place: number) => {
    const letters = place === registry ? /^[a-z0-9]([a-z0-9._:-]*[a-z0-9])?$/ : /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/;
    return letters.test(part) && !part.includes("..");
  };
  if (parts.every(plain) && name.length <= LONGEST) return undefined;
  return `is no image name: write \`registry/path/name@sha256:…\` in lower case, at most ${LONGEST} characters`;
}
