// Drives a browser over the page of the real program; see `check`.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [program, browserPath, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 30_000;

const WINDOWS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

let failures = 0;

function check(name, good, detail = "") {
  console.log(`${good ? "good" : "BAD "}  ${name}${good || !detail ? "" : `: ${detail}`}`);
  if (!good) failures += 1;
}

// Starts the program and waits until it says where its page is.
function start(...args) {
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  const ready = new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error(`the program ended: ${said}`)));
    child.stderr.on("data", (data) => {
      said += data;
      const address = said.match(/the page is at (http:\S+)/)?.[1];
      const token = said.match(/token (\S+)/)?.[1];
      if (address) setTimeout(() => resolve({ child, address, token: said.match(/token (\S+)/)?.[1] ?? token }), 300);
    });
  });
  return ready;
}

// Pictures are for people: where the browser cannot take one, the checks go on, and it is said.
async function picture(page, name, options = {}) {
  try {
    await page.screenshot({ path: path.join(pictures, `${name}.png`), ...options });
  } catch (error) {
    console.log(`skipped: no picture ${name}: ${error.message.split("\n")[0]}`);
  }
}

async function faults(page) {
  // The page's own policy holds back foreign scripts, so axe is evaluated from outside.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id} at ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

async function look(browser, address, name, window, colorScheme) {
  const context = await browser.newContext({ ...window, colorScheme });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const foreign = [];
  page.on("request", (request) => !request.url().startsWith(address) && foreign.push(request.url()));
  await page.goto(address);
  await page.waitForFunction(() => document.querySelectorAll("#event-rows tr").length >= 2, null, { timeout: PATIENCE });
  await page.waitForFunction(() => document.getElementById("picture").naturalWidth > 0, null, { timeout: PATIENCE });
  await picture(page, name, { fullPage: true });
  const seen = await page.evaluate(() => ({
    bars: document.querySelectorAll("#bars li").length,
    health: document.getElementById("health").textContent,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    stages: document.querySelectorAll("#stages tbody tr").length,
    receptive: document.getElementById("certificate").textContent,
  }));
  check(`${name}: the pipeline lives`, seen.health === "live", seen.health);
  check(`${name}: a bar for each class`, seen.bars === 5, String(seen.bars));
  check(`${name}: three stages`, seen.stages === 3, String(seen.stages));
  check(`${name}: the certificate`, seen.receptive.includes("11 frames"), seen.receptive);
  check(`${name}: nothing sticks out`, seen.wide <= 0, `${seen.wide} pixels`);
  check(`${name}: no complaints`, complaints.length === 0, complaints.join("; "));
  check(`${name}: nothing from elsewhere`, foreign.length === 0, foreign.join(" "));
  const found = await faults(page);
  check(`${name}: axe finds nothing serious`, found.length === 0, found.join("; "));
  await context.close();
}

async function steps(address) {
  const state = await (await fetch(`${address}api/state`)).json();
  return state.counts.steps;
}

// A browser that asks for the stream and the picture and then reads nothing.
async function hung(address) {
  const { hostname, port } = new URL(address);
  const sockets = ["api/stream", "picture.jpg", "api/stream"].map((name) => {
    const socket = net.connect(port, hostname);
    socket.pause();
    socket.write(`GET /${name} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    return socket;
  });
  const before = await steps(address);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const after = await steps(address);
  check("a browser that hangs holds nothing up", after - before >= 15, `${after - before} steps in 2 s`);
  sockets.forEach((socket) => socket.destroy());
}

async function signIn(browser, folder) {
  const clip = path.join(folder, "clip.y4m");
  await new Promise((resolve) => spawn(program, ["demo", "--write", clip], { stdio: "ignore" }).on("exit", resolve));
  const config = path.join(folder, "praxiscope.toml");
  fs.writeFileSync(config, `[source]\ninput = "clip.y4m"\n[page]\naddress = "0.0.0.0:0"\ntoken_file = "token"\n`);
  const { child, address, token } = await start("run", "--config", config);
  const outside = Object.values(os.networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal);
  if (!outside) {
    console.log("skipped: this machine has no address beyond loopback");
    child.kill();
    return;
  }
  const base = `http://${outside.address}:${new URL(address).port}/`;
  for (const name of ["", "page.js", "api/stream", "api/events", "metrics", "healthz", "picture.jpg", "nothing"]) {
    const { status } = await fetch(base + name);
    check(`without the token /${name} is 401`, status === 401, String(status));
  }
  const { status } = await fetch(`${base}metrics`, { headers: { authorization: `Bearer ${token}` } });
  check("with the token as a bearer /metrics is 200", status === 200, String(status));
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ ...WINDOWS.phone, colorScheme });
    const page = await context.newPage();
    await page.goto(base);
    await page.fill("#token", "wrong");
    await page.click("button");
    await page.waitForLoadState();
    await picture(page, `sign-in-${colorScheme}`);
    const found = await faults(page);
    check(`sign-in ${colorScheme}: axe finds nothing serious`, found.length === 0, found.join("; "));
    await page.fill("#token", token);
    await page.click("button");
    await page.waitForSelector("#bars li", { timeout: PATIENCE });
    check(`sign-in ${colorScheme}: the token opens the page`, true);
    await context.close();
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}#${token}`);
  await page.waitForSelector("#bars li", { timeout: PATIENCE });
  check("a link with #TOKEN opens the page", !page.url().includes(token), page.url());
  await context.close();
  child.kill();
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "praxiscope-page-"));
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    const { child, address } = await start("demo", "--page", "127.0.0.1:0");
    for (const [name, window] of Object.entries(WINDOWS)) {
      for (const scheme of ["light", "dark"]) {
        await look(browser, address, `${name}-${scheme}`, window, scheme);
      }
    }
    await hung(address);
    child.kill();
    await signIn(browser, folder);
  } finally {
    await browser.close();
    fs.rmSync(folder, { recursive: true });
  }
  console.log(`pictures are in ${pictures}`);
  process.exitCode = failures > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
