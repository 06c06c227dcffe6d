// The dashboard. The list is loaded over HTTP each time /ws opens, and /ws keeps it current from there.

const PAGE_SIZE = 20;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

const STATUS_TEXT = { queued: "Queued", done: "Done", failed: "Failed" };
const CONNECTION_TEXT = { connecting: "Connecting", open: "Live", closed: "Offline, trying again" };

const byId = (id) => document.getElementById(id);
const form = byId("form");
const title = byId("title");
const notes = byId("notes");
const add = byId("add");
const list = byId("tasks");
const more = byId("more");

/** id -> { task, element }; the elements are in `list`, newest first. */
const tasks = new Map();
let next = null;

/** An error whose message is meant for the reader. */
class ReadableError extends Error {}

/** Fetch JSON; throws a ReadableError with the problem's detail if the answer isn't 2xx. */
async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new ReadableError("The server can't be reached. Try again in a moment.");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    throw new ReadableError(body?.detail ?? `The server answered ${response.status}. Try again in a moment.`);
  }
  return body;
}

/** Show an error in place, or none; `field` is what it's about, if that is a field. */
function showError(message, field = null) {
  byId("error").textContent = message;
  byId("error").hidden = !message;
  title.setAttribute("aria-invalid", String(field === title));
}

// ---- tasks ----------------------------------------------------------------------------------------------------

function newElement(task) {
  const element = byId("task-template").content.cloneNode(true).firstElementChild;
  const details = element.querySelector(".details");
  const button = element.querySelector(".task");
  details.id = `details-${task.id}`;
  button.setAttribute("aria-controls", details.id);
  button.addEventListener("click", () => toggle(task.id));
  element.dataset.taskId = task.id;
  return element;
}

function fill(element, task) {
  element.dataset.status = task.status;
  element.querySelector(".status").textContent = STATUS_TEXT[task.status] ?? task.status;
  element.querySelector(".title").textContent = task.title;
  const created = new Date(task.created_at);
  const time = element.querySelector("time");
  time.dateTime = task.created_at;
  const today = created.toDateString() === new Date().toDateString();
  time.textContent = today ? created.toLocaleTimeString([], { timeStyle: "short" }) : created.toLocaleDateString();
  time.title = created.toLocaleString();
  const failure = element.querySelector(".failure");
  failure.textContent = task.failure ?? "";
  failure.hidden = !task.failure;
}

/** Take in what is known of a task now. Messages may come out of order: a settled task isn't queued again. */
function upsert(task) {
  const known = tasks.get(task.id);
  if (known) {
    if (known.task.status !== "queued") return;
    known.task = task;
    fill(known.element, task);
    if (task.status !== "queued") {
      byId("announce").textContent = `${task.title}: ${STATUS_TEXT[task.status]}`;
      if (isOpen(known.element)) loadDetails(task.id);
    }
    return;
  }
  const element = newElement(task);
  fill(element, task);
  tasks.set(task.id, { task, element });
  const created = Date.parse(task.created_at);
  const older = [...list.children].find((other) => Date.parse(tasks.get(other.dataset.taskId).task.created_at) < created);
  list.insertBefore(element, older ?? null);
  byId("empty").hidden = true;
}

async function loadNewest() {
  const page = await request(`/api/tasks?limit=${PAGE_SIZE}`);
  // If none of the page is known, there may be a gap between it and what is shown: start anew.
  if (tasks.size > 0 && !page.items.some((task) => tasks.has(task.id))) {
    tasks.clear();
    list.replaceChildren();
  }
  if (tasks.size === 0) next = page.next;
  page.items.forEach(upsert);
  byId("empty").hidden = tasks.size > 0;
  more.hidden = next === null;
}

async function loadOlder() {
  const page = await request(`/api/tasks?limit=${PAGE_SIZE}&before=${next}`);
  next = page.next;
  page.items.forEach(upsert);
  more.hidden = next === null;
}

/** Ask again for what was queued when the connection was lost and is on none of the loaded pages. */
async function refreshQueued() {
  const queued = [...tasks.values()].filter(({ task }) => task.status === "queued");
  await Promise.all(queued.map(async ({ task }) => upsert(await request(`/api/tasks/${task.id}`))));
}

// ---- a task's details -----------------------------------------------------------------------------------------

const isOpen = (element) => element.querySelector(".task").getAttribute("aria-expanded") === "true";

function toggle(id) {
  const { element } = tasks.get(id);
  const open = !isOpen(element);
  element.querySelector(".task").setAttribute("aria-expanded", String(open));
  element.querySelector(".details").hidden = !open;
  if (open) loadDetails(id);
}

async function loadDetails(id) {
  const { element } = tasks.get(id);
  const message = element.querySelector(".message");
  message.textContent = "Loading";
  message.hidden = false;
  try {
    const task = await request(`/api/tasks/${id}`);
    const text = task.notes_unreadable ? "The notes can't be decrypted: the key has changed." : (task.notes ?? "");
    element.querySelector(".notes").textContent = text;
    element.querySelector(".notes").hidden = !text;
    if (task.status !== "done") {
      message.textContent = "They show once the task is done.";
      return;
    }
    const { items } = await request(`/api/tasks/${id}/similar`);
    element.querySelector(".similar").replaceChildren(...items.map(similarElement));
    message.textContent = items.length ? "" : "There is no other task yet.";
  } catch (error) {
    message.textContent = readable(error);
  }
  message.hidden = !message.textContent;
}

function similarElement(task) {
  const element = byId("similar-template").content.cloneNode(true).firstElementChild;
  element.dataset.distance = task.distance;
  element.querySelector(".similar-title").textContent = task.title;
  element.querySelector(".similarity").textContent = `${Math.round((1 - task.distance) * 100)} % similar`;
  return element;
}

function readable(error) {
  if (!(error instanceof ReadableError)) console.error(error);
  return error instanceof ReadableError ? error.message : "Something went wrong in this page.";
}

// ---- the form -------------------------------------------------------------------------------------------------

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  showError("");
  if (!title.value.trim()) {
    showError("Give the task a title.", title);
    title.focus();
    return;
  }
  add.disabled = true;
  try {
    const body = { title: title.value, ...(notes.value && { notes: notes.value }) };
    upsert(await request("/api/tasks", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }));
    form.reset();
  } catch (error) {
    showError(readable(error), title);
  } finally {
    add.disabled = false;
    title.focus();
  }
});

title.addEventListener("input", () => showError(""));

more.addEventListener("click", async () => {
  more.disabled = true;
  try {
    await loadOlder();
  } catch (error) {
    showError(readable(error));
  } finally {
    more.disabled = false;
  }
});

// ---- live changes ---------------------------------------------------------------------------------------------

let socket = null;
let attempts = 0;
let retry = null;

function showConnection(state) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = CONNECTION_TEXT[state];
}

async function resync() {
  try {
    await loadNewest();
    await refreshQueued();
    const { version, commit, slot } = await request("/api/version");
    byId("version").textContent = [version, slot].filter(Boolean).join(" · ");
    byId("version").title = `The image was built at commit ${commit}.`;
  } catch (error) {
    showError(readable(error));
  }
}

function connect() {
  clearTimeout(retry);
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.addEventListener("open", () => {
    attempts = 0;
    showConnection("open");
    showError("");
    resync();
  });
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "task") upsert(message.task);
    if (message.type === "resync") resync();
  });
  socket.addEventListener("close", () => {
    showConnection("closed");
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempts);
    attempts += 1;
    // Half of it at random: after a restart, clients shouldn't all come back in the same moment.
    retry = setTimeout(connect, wait / 2 + (Math.random() * wait) / 2);
  });
}

/** Don't wait for the next attempt when there is reason to believe it works now. */
function connectSoon() {
  if (socket.readyState === WebSocket.CLOSED) connect();
}

addEventListener("online", connectSoon);
document.addEventListener("visibilitychange", () => document.hidden || connectSoon());
connect();
// Opening /ws loads the list too, but it's to show even where something on the way refuses WebSockets.
resync();
