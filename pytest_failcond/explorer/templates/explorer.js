// The page: the choices of its user, and the images and numbers for them.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const films = new Map(); // data of a film → Film, decoded once it is wanted
const chosen = { explored: data.explored[0], direction: 0, start: 0, shift: 0, pair: null, pairStart: 0, cell: [0, 0] };
const slider = at("slider");
const plot = new Plot(at("curve"), slider);
const sheet = new Sheet(at("sheet"), (i, j, focus) => showCell(i, j, focus));
const several = new Cases(data.classes);
const FINE = 10; // positions of the slider between two frames

const direction = () => chosen.explored.directions[chosen.direction];
const classOf = (explored) => data.classes[explored.index];

const showCommand = (words) => `failcond show ${words}${data.options}`;

function filmOf(filmData) {
  if (!films.has(filmData)) films.set(filmData, new Film(filmData, chosen.explored.index));
  return films.get(filmData);
}

// Fills a box with radio buttons; each entry: the label's children.
function offer(box, name, entries, selected, choose) {
  box.replaceChildren(...entries.map((children, number) => {
    const input = make("input", { type: "radio", name, value: number });
    input.checked = number === selected;
    input.addEventListener("change", () => choose(number));
    return make("label", {}, input, ...children);
  }));
}

function offerClasses() {
  offer(at("classes"), "class", data.explored.map((explored) => [
    make("span", { class: "name" }, classOf(explored)),
    make("span", { class: "note" }, earliest(explored) < Infinity ? inSigma(earliest(explored)) : "–"),
  ]), data.explored.indexOf(chosen.explored), (number) => showClass(data.explored[number]));
}

function showClass(explored) {
  Object.assign(chosen, { explored, direction: 0 });
  offer(at("directions"), "direction", explored.directions.map((one) => [
    make("span", { class: "name" }, one.name),
    make("span", { class: "changes" }, one.changes),
    make("span", { class: "number", "data-head": "breaks at " }, one.breaks_at),
    make("span", { class: "number", "data-head": "valid to " }, one.valid_to),
  ]), 0, showDirection);
  chosen.start = -1;
  showDirection(0);
  several.show(explored);
}

// The chosen start image if it breaks along a direction, within what was tested, once it is moved; else
// one that does; else the chosen or the first.
function startFor(one) {
  const breaking = (shift) => shift > 0 && shift <= one.tested;
  if (breaking(one.breaks[chosen.start])) return chosen.start;
  const found = one.breaks.findIndex(breaking);
  return found >= 0 ? found : Math.max(chosen.start, 0);
}

// The least shift that breaks half of a class's start images; Infinity if there is none.
const earliest = (explored) => Math.min(...explored.directions.map((one) => one.breaking ?? Infinity));

async function showDirection(number) {
  chosen.direction = number;
  const one = direction();
  const film = filmOf(one.film);
  chosen.start = startFor(one);
  at("one-title").textContent = `Class ${classOf(chosen.explored)} along ${one.name}`;
  at("changes").textContent = `Up to ${inSigma(one.tested)}: ${one.all_changes}`;
  const shifts = film.shifts[0];
  slider.min = 0;
  slider.max = (shifts.length - 1) * FINE;
  slider.step = 1;
  offer(at("starts"), "start", chosen.explored.samples.map((sample) => [
    make("canvas", { "aria-hidden": "true" }), make("span", { class: "note" }, `no. ${sample}`), make("span", { class: "sign" }),
  ]), chosen.start, (start) => { chosen.start = start; showPlot(); showShift(); });
  offerSeconds();
  await film.ready;
  if (one !== direction()) return; // another was chosen meanwhile
  showPlot();
  moveTo(0);
}

function showPlot() {
  const film = filmOf(direction().film);
  plot.show(direction(), film, chosen.start);
  at("curve").setAttribute("aria-label", `p(${classOf(chosen.explored)}) over the shift; breaks at ${direction().breaks_at}, valid to ${direction().valid_to}`);
}

// Puts the slider on a shift that was measured.
function moveTo(shift) {
  slider.value = filmOf(direction().film).shifts[0].indexOf(shift) * FINE;
  showShift();
}

function showShift() {
  const film = filmOf(direction().film);
  const shifts = film.shifts[0];
  const place = Number(slider.value) / FINE;
  const [before, nearest] = [Math.floor(place), Math.round(place)];
  const blend = place - before;
  const shift = shifts[before] + blend * (shifts[1] - shifts[0]);
  chosen.shift = shifts[nearest];
  const frame = film.frame(film.number(chosen.start, nearest));
  const name = classOf(chosen.explored);
  film.draw(at("image"), film.number(chosen.start, before), blend);
  at("image").setAttribute("aria-label", `Start image ${chosen.explored.samples[chosen.start]} of class ${name} at ${inSigma(shift)}`);
  at("shift").textContent = inSigma(shift, blend ? 2 : 1);
  at("measured").textContent = blend ? `blended; numbers of the frame at ${inSigma(chosen.shift)}` : "";
  showVerdict(at("verdict"), frame.verdict);
  showReadings(at("readings"), frame, chosen.explored.index, data.classes);
  plot.point(shift, nearest);
  slider.setAttribute("aria-valuetext", `${inSigma(shift)}: p(${name}) ${frame.classifier.p.toFixed(2)}, ${VERDICTS[frame.verdict].words}`);
  at("command").textContent = showCommand(`${direction().key} --shift ${chosen.shift} --sample ${chosen.explored.samples[chosen.start]}`);
  at("starts").querySelectorAll("label").forEach((label, start) => {
    const { verdict, classifier } = film.frame(film.number(start, nearest));
    film.draw(label.querySelector("canvas"), film.number(start, before), blend);
    label.querySelector(".sign").textContent = `${VERDICTS[verdict].sign} ${data.classes[classifier.predicted]}`;
    label.className = verdict;
  });
}

// The other directions that this one was filmed together with.
function offerSeconds() {
  const partners = chosen.explored.pairs.filter((pair) => pair.directions.includes(chosen.direction));
  at("two").hidden = !partners.length;
  if (!partners.length) return;
  const other = (pair) => pair.directions.find((number) => number !== chosen.direction);
  at("second").replaceChildren(...partners.map((pair, number) => make("option", { value: number }, chosen.explored.directions[other(pair)].name)));
  at("second").onchange = () => showPair(partners[at("second").value]);
  showPair(partners[0]);
}

async function showPair(pair) {
  chosen.pair = pair;
  const film = filmOf(pair.film);
  const own = film.starts.indexOf(chosen.start);
  chosen.pairStart = Math.max(own, 0);
  at("pair-start").replaceChildren(...film.starts.map((start, number) => make("option", { value: number }, `no. ${chosen.explored.samples[start]}`)));
  at("pair-start").value = chosen.pairStart;
  at("pair-start").onchange = () => { chosen.pairStart = Number(at("pair-start").value); showSheet(); };
  await film.ready;
  if (pair === chosen.pair) showSheet();
}

function showSheet() {
  const film = filmOf(chosen.pair.film);
  const names = chosen.pair.directions.map((number) => chosen.explored.directions[number].name);
  sheet.show(film, chosen.pairStart, names, data.classes);
  showCell(...sheet.firstBroken());
}

function showCell(i, j, focus = false) {
  const film = filmOf(chosen.pair.film);
  const number = film.number(chosen.pairStart, i, j);
  const frame = film.frame(number);
  const names = chosen.pair.directions.map((which) => chosen.explored.directions[which].name);
  sheet.point(i, j, focus);
  film.draw(at("pair-image"), number);
  at("pair-image").setAttribute("aria-label", `Both shifts: ${inSigma(film.shifts[0][i], 2)} and ${inSigma(film.shifts[1][j], 2)}`);
  at("pair-shift").textContent = `${names[0]} ${inSigma(film.shifts[0][i], 2)} · ${names[1]} ${inSigma(film.shifts[1][j], 2)}`;
  showVerdict(at("pair-verdict"), frame.verdict);
  showReadings(at("pair-readings"), frame, chosen.explored.index, data.classes);
}

function explain() {
  const judged = data.judge !== null;
  at("about").textContent = `Classifier ${data.classifier}, images by ${data.generator}, ${judged ? `judged by ${data.judge}` : "not judged"}.`;
  const key = [
    ["p-key", "p(class), classifier"], ...(judged ? [["judge-key", "p(class), judge"]] : []),
    ["share-key", "share broken of all start images"], ["own-key", "this image breaks"],
    ["right-key", "✓ right"], ["broken-key", "✗ broken"], ...(judged ? [["lost-key", "○ not accepted"]] : []),
  ];
  at("legend").replaceChildren(...key.map(([kind, words]) => make("li", {}, make("span", { class: `key ${kind}`, "aria-hidden": "true" }), words)));
  const words = [
    ["direction", "one dimension of the generator's style vector and the sign of its shift; the listed ones lose the class fastest"],
    ["σ", "the standard deviation of that dimension over generated images; shifts against the direction are below 0"],
    ["what changes", "the mean change of the start images up to where nothing more is claimed, in σ of each attribute among generated images; only what stands out"],
    ["broken", judged ? "the classifier is wrong, and the image is accepted: every judge is sure enough of its class" : "the classifier is wrong; without a judge, nobody says whether the image still shows its class"],
    ...(judged ? [["not accepted", "a judge is no longer sure of the class, so that the classifier is not blamed"]] : []),
    ["breaks at", "the shift at which half of the direction's start images are broken; > if this does not happen within the tested range"],
    ...(judged ? [["valid to", "the largest shift at which 80 % of them are still accepted; beyond it, shaded, nothing is claimed"]] : []),
    ["start images", "generated images of the class; pictured are those that the reports show, typical breaks of a direction each, and the first of the others"],
    ...(data.explored.some(({ searches }) => searches.length) ? [
      ["several at once", "the smallest combined shift that a search found for a start image, the root of the sum of the squares; an upper bound, because a search may miss a smaller one; a shift below 0 lowers the dimension"],
    ] : []),
    ["frames", "were measured every 0.5 σ; between two, the picture is blended, and the numbers are those of the nearer one"],
    ["keys", "arrows step from frame to frame, Home and End go to the ends; on the sheet, arrows move in both directions"],
  ];
  at("words").replaceChildren(...words.flatMap(([word, meaning]) => [make("dt", {}, word), make("dd", {}, meaning)]));
  at("sheet-note").textContent = "Choose a frame to see it large. "
    + `Blue frames are right, orange ones broken${judged ? ", gray ones not accepted" : ""}. Each direction goes as far as it was tested.`;
  at("skipped").replaceChildren(...data.skipped.map((why) => make("li", {}, why)));
  document.documentElement.classList.toggle("small-images", Math.max(...data.size) < 128);
}

slider.addEventListener("input", showShift);
// At rest, the picture is a measured frame.
slider.addEventListener("change", () => { slider.value = Math.round(slider.value / FINE) * FINE; showShift(); });
slider.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -2, PageUp: 2 }[event.key];
  if (!step) return;
  event.preventDefault();
  slider.value = (Math.round(slider.value / FINE) + step) * FINE;
  showShift();
});
new ResizeObserver(() => { if (plot.film === filmOf(direction().film)) { showPlot(); showShift(); } }).observe(at("plot"));

explain();
// The page opens on the class that breaks first.
chosen.explored = data.explored.reduce((first, one) => (earliest(one) < earliest(first) ? one : first));
offerClasses();
showClass(chosen.explored);
