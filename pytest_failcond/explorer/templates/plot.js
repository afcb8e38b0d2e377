// The curve over the shift: p(class) of one start image, the share broken of all, break and valid range.

const PLOT = { left: 44, right: 12, top: 40, height: 204, gap: 10, band: 18, ticks: 22, thumb: 14 };

function svg(tag, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

class Plot {
  constructor(root, slider) {
    this.root = root;
    this.slider = slider;
  }

  // direction: as written by explorer/page.py; film: its film; start: position of the start image.
  show(direction, film, start) {
    Object.assign(this, { direction, film, start });
    const shifts = film.shifts[0];
    const width = Math.max(this.root.parentElement.clientWidth, 200);
    const [first, last] = [shifts[0], shifts.at(-1)];
    const span = width - PLOT.left - PLOT.right;
    this.x = (shift) => PLOT.left + ((shift - first) / (last - first)) * span;
    this.y = (share) => PLOT.top + (1 - share) * PLOT.height;
    this.bottom = PLOT.top + PLOT.height;
    this.bandTop = this.bottom + PLOT.gap;
    const height = this.bandTop + PLOT.band + PLOT.ticks;
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("width", width);
    this.root.setAttribute("height", height);
    // The thumb's middle runs from end to end of the axis.
    this.slider.style.left = `${PLOT.left - PLOT.thumb / 2}px`;
    this.slider.style.width = `${span + PLOT.thumb}px`;
    this.slider.style.top = `${this.bandTop}px`;
    this.slider.style.height = `${PLOT.band}px`;
    this.frames = shifts.map((_, at) => film.frame(film.number(start, at)));
    this.root.replaceChildren(
      ...this.axes(first, last, width), ...this.band(), ...this.beyond(last), ...this.curves(), ...this.marks(width), this.cursor());
  }

  axes(first, last, width) {
    const lines = [0, 0.5, 1].flatMap((share) => [
      svg("line", { class: "grid", x1: PLOT.left, x2: width - PLOT.right, y1: this.y(share), y2: this.y(share) }),
      svg("text", { class: "tick", x: PLOT.left - 8, y: this.y(share) + 4, "text-anchor": "end" }, share.toFixed(1)),
    ]);
    const step = (this.x(1) - this.x(0)) < 26 ? 2 : 1;
    for (let shift = Math.ceil(first / step) * step; shift <= last; shift += step) {
      lines.push(svg("text", { class: "tick", x: this.x(shift), y: this.bandTop + PLOT.band + 16, "text-anchor": "middle" },
        `${shift < 0 ? "−" : ""}${Math.abs(shift)}${shift + step > last ? " σ" : ""}`));
    }
    lines.push(svg("line", { class: "zero", x1: this.x(0), x2: this.x(0), y1: PLOT.top, y2: this.bandTop + PLOT.band }));
    return lines;
  }

  // The slider's track: each frame's verdict, from half way before it to half way after.
  band() {
    const shifts = this.film.shifts[0];
    return this.frames.map((frame, at) => {
      const from = this.x((shifts[Math.max(at - 1, 0)] + shifts[at]) / 2);
      const to = this.x((shifts[at] + shifts[Math.min(at + 1, shifts.length - 1)]) / 2);
      return svg("rect", { class: `band ${frame.verdict}`, x: from, y: this.bandTop, width: to - from, height: PLOT.band });
    });
  }

  beyond(last) {
    const { valid } = this.direction;
    if (valid === null || valid >= last) return [];
    const x = this.x(valid);
    return [svg("rect", { class: "beyond", x, y: PLOT.top, width: this.x(last) - x, height: PLOT.height })];
  }

  curves() {
    const { curve } = this.direction;
    const shares = curve.broken.map((share, at) => `${this.x(curve.shift[at])},${this.y(share)}`);
    const area = [`${this.x(0)},${this.bottom}`, ...shares, `${this.x(curve.shift.at(-1))},${this.bottom}`];
    const line = (who) => this.frames.map((frame, at) => `${this.x(this.film.shifts[0][at])},${this.y(frame[who].p)}`).join(" ");
    const parts = [
      svg("polygon", { class: "share", points: area.join(" ") }),
      svg("polyline", { class: "share-line", points: shares.join(" ") }),
    ];
    if (this.frames[0].judge) parts.push(svg("polyline", { class: "judge-line", points: line("judge") }));
    parts.push(svg("polyline", { class: "p-line", points: line("classifier") }));
    this.frames.forEach((frame, at) => parts.push(
      svg("circle", { class: "p-dot", cx: this.x(this.film.shifts[0][at]), cy: this.y(frame.classifier.p), r: 2.2 })));
    return parts;
  }

  // Break and valid range, through curve and track.
  marks(width) {
    const { breaking, valid, breaks } = this.direction;
    const parts = [];
    const end = this.bandTop + PLOT.band;
    const mark = (shift, kind, text, row, left) => {
      const x = this.x(shift);
      const y = PLOT.top - 9 - 16 * row;
      parts.push(svg("line", { class: `mark ${kind}`, x1: x, x2: x, y1: y - 9, y2: end }));
      parts.push(svg("text", { class: `mark-text ${kind}`, x: left ? x - 5 : x + 5, y, "text-anchor": left ? "end" : "start" }, text));
    };
    // The break is within the valid range: the words are on the outer sides, which have room.
    if (valid !== null) mark(valid, "valid", `valid to ${inSigma(valid)}`, breaking === null ? 0 : 1, width - this.x(valid) < 90);
    if (breaking !== null) mark(breaking, "half", `half broken at ${inSigma(breaking)}`, 0, this.x(breaking) > 130);
    const own = breaks[this.start];
    if (own !== null && own <= this.film.shifts[0].at(-1)) {
      const [x, y] = [this.x(own), this.bandTop - 1];
      parts.push(svg("path", { class: "own", d: `M${x - 5.5},${y - 9}h11l-5.5,9z` }));
    }
    return parts;
  }

  cursor() {
    this.line = svg("g", { class: "cursor" });
    this.line.append(svg("line", { y1: PLOT.top, y2: this.bottom }), svg("circle", { r: 4.5 }));
    return this.line;
  }

  // Moves the cursor; the dot stays on the frame that was measured.
  point(shift, at) {
    const [line, dot] = this.line.children;
    for (const end of ["x1", "x2"]) line.setAttribute(end, this.x(shift));
    dot.setAttribute("cx", this.x(this.film.shifts[0][at]));
    dot.setAttribute("cy", this.y(this.frames[at].classifier.p));
  }
}
