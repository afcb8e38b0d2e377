// The page of a review: one image at a time, and the reader's answer to it. The page knows the images alone.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const UNKNOWN = -1; // can't tell
const answers = data.answers.slice(); // of each image: the class by index, UNKNOWN, or null
const served = data.images === null;
const width = data.keys[0].length;
const memory = `failcond-review-${data.deck}`;
const unsent = [];
let sending = null;
let typed = "";
let position = 0;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  Object.assign(element, attributes);
  element.append(...children);
  return element;
}

// The number of the image to show: the first without an answer, or the number of images if all have one.
function next() {
  const found = answers.indexOf(null);
  return found < 0 ? data.count : found;
}

const address = (number) => (served ? `/image/${number}` : data.images[number]);

function show() {
  position = next();
  const over = position === data.count;
  at("reading").hidden = over;
  at("done").hidden = !over;
  const done = answers.filter((answer) => answer !== null).length;
  at("progress").textContent = over ? `${data.count} of ${data.count} answered` : `image ${position + 1} of ${data.count}`;
  at("bar").max = data.count;
  at("bar").value = done;
  at("back").disabled = done === 0;
  type("");
  if (over) return;
  const image = at("image");
  image.src = address(position);
  image.alt = `Image ${position + 1}`;
  fit();
  if (position + 1 < data.count) new Image().src = address(position + 1);
}

// Pixels are enlarged by a whole factor, so that all are of one size.
function fit() {
  const ground = at("ground");
  const [across, down] = data.size;
  const factor = Math.floor(Math.min((ground.clientWidth - 32) / across, (ground.clientHeight - 32) / down));
  at("image").style.width = `${across * Math.max(1, factor)}px`;
  at("image").style.height = `${down * Math.max(1, factor)}px`;
}

function answer(what) {
  if (position === data.count) return;
  answers[position] = what;
  keep(position, what);
  show();
}

// Takes back the answer to the image before the one that is shown.
function back() {
  let last = position - 1;
  while (last >= 0 && answers[last] === null) last -= 1;
  if (last < 0) return;
  answers[last] = null;
  keep(last, null);
  show();
}

function keep(number, what) {
  if (served) {
    unsent.push({ position: number, answer: what });
    send();
  } else {
    remember();
  }
}

// Sends answers one at a time, in their order; an answer that cannot be sent waits.
function send() {
  sending ??= sendAll().finally(() => { sending = null; });
  return sending;
}

async function sendAll() {
  try {
    while (unsent.length) {
      await post("/answer", unsent[0]);
      unsent.shift();
    }
    at("trouble").hidden = true;
  } catch (error) {
    at("why").textContent = `Not saved: ${error.message}`;
    at("trouble").hidden = false;
  }
}

async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    throw new Error("the command that serves this page has ended; start it again, and open the new address");
  }
  if (!response.ok) throw new Error(await response.text());
}

function remember() {
  try {
    localStorage.setItem(memory, JSON.stringify({ answers, reader: at("reader").value }));
  } catch {
    // Some browsers keep nothing for files; the download has the answers all the same.
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(memory));
    const fits = (one) => one === null || (Number.isInteger(one) && one >= UNKNOWN && one < data.classes.length);
    if (kept?.answers?.length === data.count && kept.answers.every(fits)) kept.answers.forEach((one, i) => { answers[i] = one; });
    if (typeof kept?.reader === "string" && kept.reader) at("reader").value = kept.reader;
  } catch {
    // As above.
  }
}

function download() {
  const reader = at("reader").value.trim();
  if (!reader) {
    at("reader").focus();
    return;
  }
  const given = answers.flatMap((one, number) =>
    one === null ? [] : [{ image: data.hashes[number], class: one === UNKNOWN ? null : one }]);
  const content = { deck: data.deck, reader, kind: data.kind, answers: given };
  const link = make("a", {
    href: URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" })),
    download: `answers-${data.deck}.json`,
  });
  link.click();
  URL.revokeObjectURL(link.href);
}

// Shows the typed part of a key, if keys have more than one character.
function type(text) {
  typed = text;
  at("typed").textContent = text;
  [...at("choices").children].forEach((button, number) => {
    button.classList.toggle("named", text !== "" && data.keys[number].startsWith(text));
  });
  if (text) at("choices").querySelector(".named")?.scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input")) return;
  if (event.key === "Backspace") {
    event.preventDefault();
    if (typed) type(typed.slice(0, -1));
    else back();
  } else if (event.key === "Escape") {
    type("");
  } else if (event.key === "?") {
    answer(UNKNOWN);
  } else if (event.key.length === 1 && event.key !== " ") {
    const text = typed + event.key.toLowerCase();
    if (!data.keys.some((key) => key.startsWith(text))) return;
    if (text.length === width) answer(data.keys.indexOf(text));
    else type(text);
  }
}

at("choices").append(...data.classes.map((name, number) => {
  const key = data.keys[number];
  const children = key === name ? [name] : [make("kbd", {}, key), make("span", {}, name)];
  const button = make("button", { type: "button", className: key === name ? "plain" : "" }, ...children);
  button.addEventListener("click", () => answer(number));
  return button;
}));
at("unknown").addEventListener("click", () => answer(UNKNOWN));
at("back").addEventListener("click", back);
at("back-again").addEventListener("click", back);
at("retry").addEventListener("click", send);
at("download").addEventListener("click", download);
at("reader").addEventListener("input", remember);
at("finish").addEventListener("click", async () => {
  await send();
  if (unsent.length) return;
  try {
    await post("/finish", {});
    at("thanks").textContent = "Your answers are kept. You may close this page.";
    at("finish").hidden = at("back-again").hidden = true;
    document.removeEventListener("keydown", onKey);
  } catch (error) {
    at("why").textContent = error.message;
    at("trouble").hidden = false;
  }
});
document.addEventListener("keydown", onKey);
window.addEventListener("resize", fit);
at("typed").hidden = width === 1;
at("help").textContent = width > 1 ? "Type the number of a class, or choose it." : "Type the key of a class, or choose it.";
at("reader").value = data.reader;
at("keep").hidden = served;
at("finish").hidden = !served;
at("thanks").textContent = served ? "Thank you." : "Thank you. Download the answers below.";
if (served) history.replaceState(null, "", "/"); // the token is spent
else recall();
show();
