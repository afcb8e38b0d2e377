// A film: start images at many shifts, as one picture, and what was measured in every frame.

const VERDICTS = {
  right: { sign: "✓", words: "right" },
  broken: { sign: "✗", words: "broken" },
  lost: { sign: "○", words: "not accepted" },
};

class Film {
  // data: as written by explorer/page.py; label: index of the start images' class.
  constructor(data, label) {
    this.shifts = data.shifts;
    this.starts = data.starts; // positions among the class's pictured start images
    this.data = data;
    this.label = label;
    this.sprite = new Image();
    this.sprite.src = data.sprite;
    this.ready = this.sprite.decode();
  }

  // The number of a frame: start image (a position in the film), and a position on each axis.
  number(start, ...positions) {
    return positions.reduce((sum, at, axis) => sum * this.shifts[axis].length + at, start);
  }

  frame(number) {
    const read = (opinion, right) => opinion && {
      p: opinion.p[number],
      predicted: opinion.predicted[number],
      top: opinion.top[number],
      right,
    };
    const accepted = Boolean(this.data.accepted[number]);
    const classifier = read(this.data.classifier, this.data.classifier.predicted[number] === this.label);
    const judge = read(this.data.judge, accepted);
    const verdict = !accepted ? "lost" : classifier.right ? "right" : "broken";
    return { classifier, judge, verdict };
  }

  // Draws a frame, blended with the next one where it lies between two.
  draw(canvas, number, blend = 0) {
    const columns = this.shifts.at(-1).length;
    const rows = (this.starts.length * this.shifts.reduce((all, axis) => all * axis.length, 1)) / columns;
    const width = this.sprite.naturalWidth / columns;
    const height = this.sprite.naturalHeight / rows;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    for (const [which, alpha] of [[number, 1], [number + 1, blend]]) {
      if (!alpha) continue;
      const [x, y] = [(which % columns) * width, Math.floor(which / columns) * height];
      context.globalAlpha = alpha;
      context.drawImage(this.sprite, x, y, width, height, 0, 0, width, height);
    }
    context.globalAlpha = 1;
  }
}

// Makes an element: its attributes, and children that are elements or plain text.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const inSigma = (shift, digits = 1) => `${shift < 0 ? "−" : ""}${Math.abs(shift).toFixed(digits)} σ`;

const verdictText = (verdict) => `${VERDICTS[verdict].sign} ${VERDICTS[verdict].words}`;

function showVerdict(element, verdict) {
  element.textContent = verdictText(verdict);
  element.className = `verdict ${verdict}`;
}

// Fills a table with the answers to a frame of the classifier and of the strictest judge.
function showReadings(table, frame, label, names) {
  const head = make("tr", {}, make("td"), make("th", { scope: "col" }, "says"),
    make("th", { scope: "col", class: "number" }, `p(${names[label]})`), make("th", { scope: "col", class: "number" }, "p(said)"));
  const rows = [["classifier", frame.classifier], ["judge", frame.judge]].filter(([, said]) => said);
  table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows.map(([name, said]) => make("tr", {},
    make("th", { scope: "row" }, name),
    make("td", { class: said.right ? "said" : "said wrong" }, `${said.right ? "✓" : "✗"} ${names[said.predicted] ?? "none of these"}`),
    make("td", { class: "number" }, said.p.toFixed(2)),
    make("td", { class: "number" }, said.top.toFixed(2))))));
}
