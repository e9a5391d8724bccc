/** JSON for people: text as it is, objects as indented `key: value` lines. */
const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
const scalar = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const oneLine = (value: unknown): boolean => isScalar(value) && !scalar(value).includes('\n');
const indent = (lines: string[]): string[] => lines.map((line) => (line ? `  ${line}` : line));

export const valueLines = (value: unknown): string[] => {
  if (isScalar(value)) return scalar(value).trimEnd().split('\n');
  if (Array.isArray(value)) return value.length === 0 ? ['(none)'] : value.flatMap(itemLines);
  const entries = Object.entries(value as object);
  if (entries.length === 0) return ['(empty)'];
  return entries.flatMap(([key, inner]) => (oneLine(inner) ? [`${key}: ${scalar(inner)}`] : [`${key}:`, ...indent(valueLines(inner))]));
};

const itemLines = (item: unknown): string[] => {
  const [first = '', ...rest] = valueLines(item);
  return [`- ${first}`, ...indent(rest)];
};
