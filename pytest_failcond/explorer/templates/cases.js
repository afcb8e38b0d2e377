// What the searches along several directions at once found: start images and their combinations.

class Cases {
  // names: of the classes.
  constructor(names) {
    this.names = names;
    at("search").addEventListener("change", () => this.showSearch(Number(at("search").value)));
  }

  // Shows the searches of a class; hides the section if it has none.
  show(explored) {
    this.explored = explored;
    at("several").hidden = !explored.searches.length;
    if (!explored.searches.length) return;
    const wanted = ({ toward }) => (toward === null ? "any other class" : `towards ${this.names[toward]}`);
    at("search").replaceChildren(...explored.searches.map((search, number) => make("option", { value: number }, wanted(search))));
    at("searches-choice").hidden = explored.searches.length < 2 && explored.searches[0].toward === null;
    this.showSearch(0);
  }

  async showSearch(number) {
    this.search = this.explored.searches[number];
    const { search } = this;
    const { cases } = search;
    const film = filmOf(search.film);
    at("searched").textContent = `Class ${this.names[this.explored.index]}: the smallest combined shifts found, from ${inSigma(Math.min(...cases.map((one) => one.distance)))} on.`;
    offer(at("cases"), "case", cases.map((one) => [
      make("canvas", { "aria-hidden": "true" }), make("span", { class: "note" }, `no. ${one.sample}, ${inSigma(one.distance)}`), make("span", { class: "sign" }),
    ]), 0, (chosenCase) => this.showCase(chosenCase));
    await film.ready;
    if (search !== this.search) return; // another was chosen meanwhile
    at("cases").querySelectorAll("label").forEach((label, start) => {
      const { verdict, classifier } = film.frame(film.number(start, 1));
      film.draw(label.querySelector("canvas"), film.number(start, 1));
      label.querySelector(".sign").textContent = `${VERDICTS[verdict].sign} ${this.names[classifier.predicted]}`;
      label.className = verdict;
    });
    this.showCase(0);
  }

  showCase(number) {
    const film = filmOf(this.search.film);
    const one = this.search.cases[number];
    const name = this.names[this.explored.index];
    ["unmoved", "case"].forEach((which, frameNumber) => {
      const frame = film.frame(film.number(number, frameNumber));
      film.draw(at(`${which}-image`), film.number(number, frameNumber));
      showVerdict(at(`${which}-verdict`), frame.verdict);
      showReadings(at(`${which}-readings`), frame, this.explored.index, this.names);
    });
    const dimensions = `${one.moves.length} dimension${one.moves.length === 1 ? "" : "s"}`;
    at("unmoved-image").setAttribute("aria-label", `Start image ${one.sample} of class ${name}`);
    at("case-image").setAttribute("aria-label", `The same moved by ${inSigma(one.distance, 2)} along ${dimensions}`);
    at("case-distance").textContent = `moved by ${inSigma(one.distance, 2)} along ${dimensions}`;
    at("case-command").textContent = showCommand(one.command);
    const most = Math.max(...one.moves.map(({ shift }) => Math.abs(shift)));
    const head = make("tr", {}, make("th", { scope: "col" }, "dimension"), make("th", { scope: "col", class: "number" }, "shift"), make("td"));
    at("moves").replaceChildren(make("thead", {}, head), make("tbody", {}, ...one.moves.map((move) => make("tr", {},
      make("th", { scope: "row" }, move.name),
      make("td", { class: "number" }, inSigma(move.shift, 2)),
      make("td", { class: "bar" }, this.bar(move.shift / most))))));
  }

  // The length of a shift, to the left or to the right of the middle.
  bar(share) {
    const root = svg("svg", { viewBox: "-1 0 2 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    root.append(svg("rect", { class: "zero", x: -0.005, y: 0, width: 0.01, height: 1 }),
      svg("rect", { class: "length", x: Math.min(share, 0), y: 0.2, width: Math.abs(share), height: 0.6 }));
    return root;
  }
}
