// Two small line charts as SVG, drawn by hand: no library, the same bytes every time.
const [WIDTH, HEIGHT, LEFT, TOP, INNER] = [420, 360, 52, 40, 270];
const COLOURS = ['#1f6feb', '#d1495b', '#8a5fbf', '#2e8b57'];

const place = (x, y) => `${(LEFT + x * INNER).toFixed(1)},${(TOP + (1 - y) * INNER).toFixed(1)}`;

const grid = () =>
  [0, 0.2, 0.4, 0.6, 0.8, 1]
    .map((t) => {
      const [x, y] = place(t, t).split(',');
      return `<path d="M${x} ${TOP}V${TOP + INNER}M${LEFT} ${y}H${LEFT + INNER}" stroke="#ddd"/><text x="${x}" y="${TOP + INNER + 16}" text-anchor="middle">${t}</text><text x="${LEFT - 6}" y="${Number(y) + 4}" text-anchor="end">${t}</text>`;
    })
    .join('\n');

const legend = (lines) =>
  lines
    .map(
      ({ name }, i) =>
        `<rect x="${LEFT + INNER - 150}" y="${TOP + INNER - 18 - 18 * i}" width="12" height="3" fill="${COLOURS[i]}"/><text x="${LEFT + INNER - 132}" y="${TOP + INNER - 13 - 18 * i}">${name}</text>`,
    )
    .join('\n');

/** lines: [{ name, points: [[x, y], …] }], both axes from 0 to 1. */
export const chart = (
  title,
  across,
  up,
  lines,
  diagonal,
) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="13">${title}</text>
${grid()}
${diagonal ? `<path d="M${place(0, 0)}L${place(1, 1)}" stroke="#888" stroke-dasharray="4 3"/>` : ''}
${lines.map(({ points }, i) => `<polyline fill="none" stroke="${COLOURS[i]}" stroke-width="2" points="${points.map(([x, y]) => place(x, y)).join(' ')}"/>`).join('\n')}
${legend(lines)}
<text x="${LEFT + INNER / 2}" y="${HEIGHT - 8}" text-anchor="middle">${across}</text>
<text transform="translate(14 ${TOP + INNER / 2}) rotate(-90)" text-anchor="middle">${up}</text>
</svg>
`;
