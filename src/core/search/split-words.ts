/** Splits a text at its spaces, but not within double quotes, which are left out. */
export function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].map(([word]) => word.replaceAll('"', ''))
}
