// The contact sheet of two directions: a frame per pair of shifts, framed by its verdict.

class Sheet {
  // choose: called with the positions on both axes when a frame is chosen.
  constructor(table, choose) {
    this.table = table;
    this.choose = choose;
    table.addEventListener("keydown", (event) => this.move(event));
  }

  // film: of two directions; start: position in the film; names: of the directions.
  show(film, start, names, classes) {
    this.film = film;
    this.cells = film.shifts[0].map((down, i) => film.shifts[1].map((right, j) => {
      const number = film.number(start, i, j);
      const frame = film.frame(number);
      const canvas = make("canvas", { "aria-hidden": "true" });
      film.draw(canvas, number);
      const said = `${inSigma(down, 2)} and ${inSigma(right, 2)}: ${VERDICTS[frame.verdict].words}, classifier says ${classes[frame.classifier.predicted]}`;
      const button = make("button", { type: "button", class: frame.verdict, tabindex: "-1", "aria-label": said }, canvas);
      button.addEventListener("click", () => this.choose(i, j));
      return button;
    }));
    const digits = film.shifts.flat().every(Number.isInteger) ? 0 : 2;
    const head = make("tr", {}, make("td"), ...film.shifts[1].map((shift) => make("th", { scope: "col" }, shift.toFixed(digits))));
    const rows = this.cells.map((row, i) => make("tr", {}, make("th", { scope: "row" }, film.shifts[0][i].toFixed(digits)),
      ...row.map((button) => make("td", {}, button))));
    const caption = make("caption", {}, `σ down along ${names[0]}, to the right along ${names[1]}`);
    this.table.replaceChildren(caption, make("thead", {}, head), make("tbody", {}, ...rows));
  }

  // The positions of the frame with the least shifts that both directions break together, or 0 and 0.
  firstBroken() {
    const places = this.cells.flatMap((row, i) => row.map((button, j) => ({ i, j, button })));
    const broken = places.filter(({ i, j, button }) => i && j && button.className === "broken");
    const first = broken.sort((one, other) => one.i + one.j - other.i - other.j)[0];
    return first ? [first.i, first.j] : [0, 0];
  }

  // Marks the chosen frame, the one that Tab reaches.
  point(i, j, focus) {
    for (const button of this.cells.flat()) {
      const chosen = button === this.cells[i][j];
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    Object.assign(this, { i, j });
    if (focus) this.cells[i][j].focus();
  }

  move(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const within = (value, axis) => Math.max(0, Math.min(value, this.film.shifts[axis].length - 1));
    this.choose(within(this.i + step[0], 0), within(this.j + step[1], 1), true);
  }
}
