// The page: draws what the server sends. One greeting, then what is new, ten times a second.
"use strict";

const SPAN = 60_000; // milliseconds on the time line
const NARROW = [480, 30_000]; // pixels up to which it shows only so much
const SHORTEST = 10_000; // what it shows at the beginning
const ROWS = 6; // actions in the table
const LINGER = 1500; // milliseconds that an action stays on the picture after its end
const COLORS = 7; // then they come again; the eighth is the idle class's

const find = (id) => document.getElementById(id);
const view = {
  card: null,
  answers: [], // [milliseconds of the server's clock, [[label's number, score], ...]]
  actions: [], // {label, at, unix, end, score}, oldest first
  now: 0, // the server's clock at the last message
  heard: 0, // our clock then
};

// The server's clock, carried on between its messages.
const serverNow = () => view.now + (performance.now() - view.heard);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// --- colours -------------------------------------------------------------------------------------

const styles = getComputedStyle(document.documentElement);
const color = (name) => styles.getPropertyValue(`--${name}`).trim();

function classColor(number) {
  const { labels, idle } = view.card;
  if (labels[number] === idle) return color("c7");
  const before = labels.slice(0, number).filter((label) => label !== idle).length;
  return color(`c${before % COLORS}`);
}

const labelColor = (label) => classColor(Math.max(0, view.card.labels.indexOf(label)));

// --- messages ------------------------------------------------------------------------------------

function hear(message) {
  view.now = message.now;
  view.heard = performance.now();
  for (const [, at, best] of message.answers) view.answers.push([at, best]);
  while (view.answers.length > 0 && view.answers[0][0] < view.now - SPAN - 2000) view.answers.shift();
  for (const event of message.events) {
    if (event.event === "start") {
      view.actions.push({ label: event.label, at: event.at, unix: event.unix, end: null, score: event.score });
    } else {
      const begun = view.actions.findLast((action) => action.label === event.label && action.end === null);
      if (begun) Object.assign(begun, { end: event.at, score: event.score });
    }
  }
  view.actions.splice(0, Math.max(0, view.actions.length - 200));
  return message.events.length > 0;
}

function greet(message) {
  Object.assign(view, { card: message.card, answers: [], actions: [] });
  hear(message);
  setText(find("model-name"), message.card.name);
  setText(find("source"), message.source);
  find("source").title = message.source;
  setText(find("version"), `Praxiscope ${message.version}`);
  document.title = `${message.card.name} – Praxiscope`;
  showCard(message.card);
  showEvents();
}

function tick(message) {
  const happened = hear(message);
  showHealth(message);
  showBars();
  showAction();
  showStages(message.stages);
  showCounts(message.counts);
  showSystem(message.system);
  if (happened) showEvents();
  drawLine();
  nextPicture();
}

// --- parts of the page ---------------------------------------------------------------------------

function showHealth({ health, stage, rate }) {
  const texts = { starting: "starting", live: "live", away: "camera away", stalled: `${stage} hangs` };
  const pill = find("health");
  setText(pill, texts[health]);
  pill.className = `pill ${health === "live" ? "live" : health === "stalled" || health === "away" ? "bad" : ""}`;
  document.body.classList.remove("lost");
  setText(find("rate"), `${rate.toFixed(1)} of ${number(view.card.frame_rate)} steps a second`);
}

const bars = new Map();

function showBars() {
  const newest = view.answers.at(-1);
  if (!newest) return;
  const best = newest[1];
  // A few classes keep their places; of many, the likeliest are shown in order.
  const shown = view.card.labels.length <= 8 ? [...best].sort((a, b) => a[0] - b[0]) : best;
  const wanted = new Set(shown.map(([label]) => label));
  for (const [label, bar] of bars) {
    if (!wanted.has(label)) {
      bar.row.remove();
      bars.delete(label);
    }
  }
  shown.forEach(([label, score], place) => {
    const bar = bars.get(label) ?? newBar(label);
    const percent = (100 * score).toFixed(0);
    bar.fill.style.width = `${100 * score}%`;
    setText(bar.value, `${percent} %`);
    bar.track.setAttribute("aria-valuenow", percent);
    bar.row.classList.toggle("top", label === best[0][0]);
    const list = find("bars");
    if (list.children[place] !== bar.row) list.insertBefore(bar.row, list.children[place] ?? null);
  });
}

function newBar(label) {
  const name = view.card.labels[label];
  const fill = make("span", { class: "fill" });
  fill.style.background = `var(--${colorName(label)})`;
  const track = make(
    "span",
    { class: "track", role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 },
    fill,
  );
  const value = make("span", { class: "value" });
  const row = make("li", {}, make("span", { class: "name" }, readable(name)), value, track);
  const bar = { row, fill, track, value };
  bars.set(label, bar);
  return bar;
}

function colorName(number) {
  const { labels, idle } = view.card;
  if (labels[number] === idle) return "c7";
  return `c${labels.slice(0, number).filter((label) => label !== idle).length % COLORS}`;
}

const readable = (label) => label.replaceAll("_", " ");

function showAction() {
  const action = view.actions.at(-1);
  const shown = action && (action.end === null || serverNow() - action.end < LINGER);
  const place = find("action");
  place.hidden = !shown;
  if (shown) {
    setText(place, readable(action.label));
    place.style.background = labelColor(action.label);
  }
}

function showEvents() {
  const rows = view.actions.slice(-ROWS).reverse().map((action) => {
    const dot = make("span", { class: "dot" });
    dot.style.background = labelColor(action.label);
    const began = new Date(action.unix).toLocaleTimeString([], { hour12: false });
    const lasted = action.end === null ? "goes on" : `${((action.end - action.at) / 1000).toFixed(1)} s`;
    return make(
      "tr",
      {},
      make("td", {}, began),
      make("td", {}, dot, readable(action.label)),
      make("td", { class: "number" }, lasted),
      make("td", { class: "number" }, action.score.toFixed(2)),
    );
  });
  find("event-rows").replaceChildren(...rows);
  find("no-events").hidden = rows.length > 0;
}

const stages = new Map();

function showStages(times) {
  const budget = 1000 / view.card.frame_rate;
  for (const [name, [median, high]] of Object.entries(times)) {
    if (!stages.has(name)) {
      const fill = make("span", { class: "fill" });
      const cells = [make("td", { class: "number" }), make("td", { class: "number" })];
      const track = make("span", { class: "track" }, fill);
      track.style.display = "block";
      find("stages").tBodies[0].append(make("tr", {}, make("td", {}, name), make("td", {}, track), ...cells));
      stages.set(name, { fill, cells });
    }
    const { fill, cells } = stages.get(name);
    fill.style.width = `${Math.min(100, (100 * median) / budget)}%`;
    fill.classList.toggle("over", median > budget);
    [median, high].forEach((time, index) => {
      setText(cells[index], milliseconds(time));
      cells[index].classList.toggle("over", time > budget);
    });
  }
  // Capturing runs beside the network, on a thread of its own.
  const spent = times.convert[0] + times.infer[0];
  setText(find("spent"), milliseconds(spent));
  find("spent").classList.toggle("over", spent > budget);
  const share = ((100 * spent) / budget).toFixed(0);
  setText(find("budget"), `of ${milliseconds(budget)} for convert and infer: ${share} %`);
}

function showCounts(counts) {
  const lines = [
    ["seen", counts.frames],
    ["stepped", counts.steps],
    ["between ticks", counts.skipped],
    ["replaced by newer", counts.replaced],
    ["ticks missed", counts.late, counts.late > 0],
    ["damaged", counts.broken, counts.broken > 0],
    ["lost by the camera", counts.dropped],
    ["gaps", counts.resets],
    ["source reopened", counts.reopened],
    ["restarts", counts.restarts, counts.restarts > 0],
  ];
  fillList("counts", lines.map(([name, count, bad]) => [name, count.toLocaleString(), bad]));
}

function showSystem({ celsius, governor, clock, throttling }) {
  const lines = [["temperature", celsius === null ? "no sensor" : `${celsius.toFixed(1)} °C`, celsius >= 80]];
  lines.push(["governor", governor ?? "not told", governor === "powersave"]);
  if (clock) lines.push(["clock", `${(clock[0] / 1e6).toFixed(2)} of ${(clock[1] / 1e6).toFixed(2)} GHz`]);
  if (throttling) {
    const state = (now, before) => (now ? "now" : before ? "before" : "never");
    const { throttled, throttled_before, undervoltage, undervoltage_before } = throttling;
    lines.push(["held down", state(throttled, throttled_before), throttled]);
    lines.push(["undervoltage", state(undervoltage, undervoltage_before), undervoltage]);
  } else {
    lines.push(["throttling", "not told"]);
  }
  lines.push(["running for", duration(serverNow() / 1000)]);
  fillList("system", lines);
}

function showCard(card) {
  fillList("card", [
    ...(card.warning ? [["warning", make("strong", {}, card.warning)]] : []),
    ["name", card.name],
    ["classes", String(card.labels.length)],
    ["idle class", card.idle ?? "none"],
    ["input", `${card.width} × ${card.height}, ${number(card.frame_rate)} a second`],
    ["runs", card.mode === "stream" ? "frame by frame" : "clip by clip"],
    ["family", card.family ?? "not told"],
    ["made by", card.made_by || "not told"],
    ["from", card.source || "not told"],
    ["digest", make("code", { title: card.digest }, `${card.digest.slice(0, 16)}…`)],
  ]);
  const certificate = card.certificate;
  if (!certificate) {
    fillList("certificate", [["written", "none"]]);
    return;
  }
  const kinds = {
    per_frame: "every frame alone",
    causal: "at once, from the frame and its past",
    local: "late, from the frames around it",
    clip: "a window, recomputed",
  };
  const lines = [];
  const line = (name, key, text = (value) => value.toLocaleString()) => {
    const value = certificate[key];
    if (value !== undefined && value !== null) lines.push([name, text(value)]);
  };
  line("answers", "kind", (kind) => kinds[kind] ?? String(kind));
  line("receptive field", "receptive_field", frames);
  line("lookahead", "lookahead", frames);
  line("state", "state_bytes", (bytes) => inUnits(bytes, 1024, ["bytes", "KiB", "MiB", "GiB"]));
  line("multiply-adds a frame", "multiply_adds_per_frame", (count) => inUnits(count, 1000, ["", "thousand", "million", "billion"]));
  for (const { reference, input, largest_difference } of certificate.comparisons ?? []) {
    lines.push([`against ${reference}`, `${largest_difference.toExponential(1)} at most, on ${input}`]);
  }
  fillList("certificate", lines);
  find("changes").replaceChildren(...(certificate.changes ?? []).map((change) => make("li", {}, change)));
}

function fillList(id, lines) {
  const list = find(id);
  if (list.childElementCount !== 2 * lines.length) {
    list.replaceChildren(...lines.flatMap(() => [make("dt"), make("dd")]));
  }
  lines.forEach(([name, value, bad], index) => {
    const [term, described] = [list.children[2 * index], list.children[2 * index + 1]];
    setText(term, name);
    if (value instanceof Node) described.replaceChildren(value);
    else setText(described, value);
    described.classList.toggle("bad", Boolean(bad));
  });
}

// --- the time line -------------------------------------------------------------------------------

function drawLine() {
  const canvas = find("line");
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const area = { left: 48, right: width - 4, top: 6, bottom: height - 62 };
  const now = serverNow();
  const longest = width <= NARROW[0] ? NARROW[1] : SPAN;
  const span = Math.min(longest, Math.max(SHORTEST, now - (view.answers[0]?.[0] ?? now)));
  const x = (at) => area.right - ((now - at) / span) * (area.right - area.left);
  const y = (score) => area.bottom - score * (area.bottom - area.top);
  drawAxes(pen, area, x, y, now, span, height);
  pen.save();
  pen.beginPath();
  pen.rect(area.left, 0, area.right - area.left, height);
  pen.clip();
  drawActions(pen, area, x, now);
  drawScores(pen, x, y);
  pen.restore();
}

function drawAxes(pen, area, x, y, now, span, height) {
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = color("muted");
  pen.strokeStyle = color("edge");
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const score of [0, 0.5, 1]) {
    pen.beginPath();
    pen.moveTo(area.left, Math.round(y(score)) + 0.5);
    pen.lineTo(area.right, Math.round(y(score)) + 0.5);
    pen.stroke();
    pen.fillText(`${100 * score} %`, area.left - 8, y(score));
  }
  pen.textBaseline = "alphabetic";
  for (let ago = 0; ago <= span; ago += span > 20_000 ? 10_000 : 5_000) {
    pen.textAlign = ago === 0 ? "right" : x(now - ago) < area.left + 24 ? "left" : "center";
    pen.fillText(ago === 0 ? "now" : `−${ago / 1000} s`, x(now - ago), height - 4);
  }
}

// Each action is a band under the scores, with its name where there is room.
function drawActions(pen, area, x, now) {
  const [top, tall] = [area.bottom + 10, 24];
  pen.fillStyle = color("track");
  pen.fillRect(area.left, top, area.right - area.left, tall);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const shown = view.actions.filter((action) => x(action.end ?? now) >= area.left);
  shown.forEach((action, index) => {
    const from = x(action.at);
    const to = Math.max(x(action.end ?? now), from + 4);
    pen.fillStyle = labelColor(action.label);
    pen.beginPath();
    pen.roundRect(from, top, to - from, tall, 4);
    pen.fill();
    const name = readable(action.label);
    const wide = pen.measureText(name).width;
    const next = shown[index + 1];
    if (wide + 12 <= to - from) {
      pen.fillStyle = color("on-strong");
      pen.fillText(name, from + 6, top + tall / 2 + 1);
    } else if (to + wide + 10 <= (next ? x(next.at) : area.right)) {
      pen.fillText(name, to + 5, top + tall / 2 + 1);
    }
  });
}

function drawScores(pen, x, y) {
  const lines = new Map();
  for (const [at, best] of view.answers) {
    for (const [label, score] of best) {
      if (!lines.has(label)) lines.set(label, []);
      lines.get(label).push([x(at), y(score), at]);
    }
  }
  pen.lineJoin = "round";
  for (const [label, points] of [...lines].sort((a, b) => b[0] - a[0])) {
    const idle = view.card.labels[label] === view.card.idle;
    pen.strokeStyle = classColor(label);
    pen.lineWidth = idle ? 1 : 2;
    pen.setLineDash(idle ? [3, 3] : []);
    pen.beginPath();
    points.forEach(([px, py, at], index) => {
      // Where nothing was answered for a while, the line is broken.
      const joined = index > 0 && at - points[index - 1][2] < 1500;
      if (joined) pen.lineTo(px, py);
      else pen.moveTo(px, py);
    });
    pen.stroke();
  }
  pen.setLineDash([]);
}

// --- the picture ---------------------------------------------------------------------------------

let loading = false;

// One picture at a time: a slow way to the board makes fewer of them, and no queue.
function nextPicture() {
  if (loading || document.hidden) return;
  loading = true;
  const next = make("img", { id: "picture", alt: "What the camera sees now" });
  next.onload = () => {
    loading = false;
    find("picture").replaceWith(next);
    find("no-picture").hidden = true;
  };
  next.onerror = () => setTimeout(() => (loading = false), 1000);
  next.src = `/picture.jpg?${Math.round(serverNow())}`;
}

// --- numbers -------------------------------------------------------------------------------------

const number = (value) => String(Math.round(value * 100) / 100);
function inUnits(value, step, units) {
  let unit = 0;
  for (; value >= step && unit + 1 < units.length; unit += 1) value /= step;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

const frames = (count) => `${count} ${count === 1 ? "frame" : "frames"}`;
const milliseconds = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;

function duration(seconds) {
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

// --- beginning -----------------------------------------------------------------------------------

// The browser connects again by itself, unless the server refused; then we try.
function listen() {
  const stream = new EventSource("/api/stream");
  stream.addEventListener("hello", (event) => greet(JSON.parse(event.data)));
  stream.addEventListener("tick", (event) => view.card && tick(JSON.parse(event.data)));
  stream.onerror = () => {
    const pill = find("health");
    setText(pill, "no connection");
    pill.className = "pill bad";
    document.body.classList.add("lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

window.addEventListener("resize", () => view.card && drawLine());
listen();
